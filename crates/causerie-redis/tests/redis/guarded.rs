//! TLS with an authority of one's own, and access lists.

use causerie_core::store::{Mailbox, StoreError};
use causerie_redis::{Config, RedisStore};
use causerie_testkit::{
    redis::{Certificate, Redis},
    store_conformance::sample::posted,
};

fn start() -> Option<(Redis, Certificate)> {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Redis::start_guarded()
}

fn config(server: &Redis, who: &str, certificate: Option<&Certificate>) -> Config {
    let port = server.argument("--tls-port").unwrap();
    let mut config = Config::new(&format!("rediss://{who}@127.0.0.1:{port}")).unwrap();
    config.ca_file = certificate.map(|certificate| certificate.ca.clone());
    config
}

#[tokio::test]
async fn a_user_with_the_right_password_is_let_in_over_tls() {
    let Some((server, certificate)) = start() else {
        return;
    };
    let config = config(&server, "bot:p%40ss", Some(&certificate));
    let store = RedisStore::connect(&config).await.unwrap();
    store
        .offer(&posted("a", 1, "ann", "hello"), None)
        .await
        .unwrap();
    let health = store.health(|| causerie_core::Timestamp(0)).await.unwrap();
    assert_eq!(health[0].maxmemory_policy.as_deref(), Some("noeviction"));
    assert_eq!(health[0].append_only, Some(false));
    assert_eq!(health[0].save.as_deref(), Some(""));
}

#[tokio::test]
async fn who_is_not_let_in_learns_why_and_no_password_is_told() {
    let Some((server, certificate)) = start() else {
        return;
    };
    for who in ["bot:wrong", "nobody:p%40ss", ":wrong"] {
        let config = config(&server, who, Some(&certificate));
        let refused = RedisStore::connect(&config).await.err().unwrap();
        assert!(
            matches!(refused, StoreError::Denied { .. }),
            "{who}: {refused:?}"
        );
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("wrong") && !told.contains("p@ss"), "{told}");
    }
    let port = server.argument("--tls-port").unwrap();
    let mut nobody = Config::new(&format!("rediss://127.0.0.1:{port}")).unwrap();
    nobody.ca_file = Some(certificate.ca.clone());
    let refused = RedisStore::connect(&nobody).await.err().unwrap();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
}

#[tokio::test]
async fn who_may_only_read_is_denied_the_rest() {
    let Some((server, certificate)) = start() else {
        return;
    };
    let refused = RedisStore::connect(&config(&server, "reader:p%40ss", Some(&certificate))).await;
    let refused = refused.err().unwrap();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
    // The keys of others are no business of ours.
    let mut elsewhere = config(&server, "bot:p%40ss", Some(&certificate));
    elsewhere.prefix = "another:".to_owned();
    let refused = RedisStore::connect(&elsewhere).await.err().unwrap();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let Some((server, _certificate)) = start() else {
        return;
    };
    let refused = RedisStore::connect(&config(&server, "bot:p%40ss", None)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}
