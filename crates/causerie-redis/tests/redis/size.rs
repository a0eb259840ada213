//! What a stored message costs.

use crate::{
    encryption::keys,
    place::{fresh, key, single},
    talk,
};
use causerie_redis::RedisStore;

/// The bound is loose; the number itself is for people to look at.
#[tokio::test]
async fn a_message_costs_about_half_of_what_a_list_of_json_costs() {
    let Some(server) = single() else { return };
    for (what, sealed, bound) in [("plain", false, 215), ("encrypted", true, 230)] {
        let mut config = fresh(&server.url());
        if sealed {
            config.keys = vec![key("k1", 1)];
        }
        let store = RedisStore::connect(&config).await.unwrap();
        let conversations = 50;
        let mut messages = 0;
        for n in 0..conversations {
            messages += talk::hold(&store, n).await;
        }
        let size = |key: &String| -> usize {
            let size = server.command(&format!("MEMORY USAGE {key} SAMPLES 0"));
            size.parse().unwrap()
        };
        let keys = keys(&server, &config);
        let all: usize = keys.iter().map(size).sum();
        let own: usize = keys
            .iter()
            .filter(|key| key.contains(":c:"))
            .map(size)
            .sum();
        let json = talk::json_list(&server, &store).await;
        println!(
            "{what}: {} bytes for each of {messages} messages, {} with the partitions' lists; \
             a list of JSON: {json}",
            own / messages,
            all / messages
        );
        assert!(all / messages < bound, "{}", all / messages);
    }
}
