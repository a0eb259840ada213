//! What is not kept for ever.

use causerie_core::{
    Clock,
    id::TurnNumber,
    limit::{Charge, Window},
    store::{Ledger, Mailbox, ReservationId},
};
use causerie_store::SqliteStore;
use causerie_testkit::{
    clock::ManualClock,
    store_conformance::sample::{conversation, posted},
};
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn what_has_expired_is_removed_while_old_conversations_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let manual = Arc::new(ManualClock::default());
    let clock: Arc<dyn Clock> = manual.clone();
    let store = SqliteStore::open(&path, &clock).unwrap();
    for n in 0..20 {
        let name = n.to_string();
        store
            .offer(&posted(&name, 1, "ann", "one"), None)
            .await
            .unwrap();
        let id = ReservationId {
            conversation: conversation(&name),
            turn: TurnNumber(1),
            part: 0,
        };
        let charge = Charge {
            key: format!("participant/{n}/messages/hour"),
            capacity: 10,
            window: Window::Hour,
            amount: 1,
        };
        store.reserve(&id, &[charge]).await.unwrap();
    }
    manual.advance(Duration::from_secs(40 * 86_400));
    // Nobody new comes: only a conversation that is there already.
    for n in 2..40 {
        manual.advance(Duration::from_secs(1));
        store
            .offer(&posted("0", n, "ann", "more"), None)
            .await
            .unwrap();
    }
    store.close().await;
    let file = rusqlite::Connection::open(&path).unwrap();
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        file.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(
        (count("seen"), count("reservation"), count("budget")),
        (38, 0, 0)
    );
}
