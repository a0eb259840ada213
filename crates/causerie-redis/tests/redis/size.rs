//! What a stored message costs.

use crate::{
    encryption::keys,
    place::{fresh, key, single},
    talk,
};
use causerie_redis::RedisStore;

/// The bounds are loose; the numbers themselves are for people to look at.
#[tokio::test]
async fn a_message_costs_much_less_than_it_costs_in_a_list_of_json() {
    let Some(server) = single() else { return };
    for (chat, words) in talk::CHATS {
        for (what, sealed) in [("plain", false), ("encrypted", true)] {
            let mut config = fresh(&server.url());
            if sealed {
                config.keys = vec![key("k1", 1)];
            }
            let clock = talk::clock();
            let store = RedisStore::connect_at(&config, clock.clone())
                .await
                .unwrap();
            let conversations = 50;
            let mut messages = 0;
            for n in 0..conversations {
                messages += talk::hold(&store, n, words).await;
            }
            talk::rest(&store, &clock).await;
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
                "{chat}, {what}: {} bytes for each of {messages} messages, {} with the \
                 partitions' lists; a list of JSON: {json}",
                own / messages,
                all / messages
            );
            assert!(all * 2 < json * messages, "{}", all / messages);
        }
    }
}
