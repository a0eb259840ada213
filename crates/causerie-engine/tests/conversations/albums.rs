//! What belongs together and comes one by one; and conversations that get another name.

use causerie_core::{
    id::{ConversationId, ReplicaId},
    store::Claimant,
};
use causerie_testkit::chat::{Chat, conversation};
use std::time::Duration;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_waited_for_and_answered_together() {
    let mut chat = Chat::new();
    let inbox = chat.inbox();
    for part in ["one", "two", "three"] {
        inbox.expect_more(chat.conversation(), SECOND);
        chat.post(part).await;
        sleep(SECOND / 2).await;
    }
    assert!(chat.backend.prompt_texts().is_empty(), "it waits");
    chat.settle().await;
    let prompts = chat.backend.prompt_texts();
    assert_eq!(prompts.len(), 1);
    let all = ["one", "two", "three"];
    assert!(
        all.iter().all(|part| prompts[0].contains(part)),
        "{prompts:?}"
    );
    // Afterwards nothing waits any more.
    chat.say("four").await;
    assert_eq!(chat.backend.prompt_texts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_on_under_another_name() {
    let mut chat = Chat::new();
    chat.say("the word is plum").await;
    let (inbox, old) = (chat.inbox(), chat.conversation().clone());
    let new = conversation("moved");
    for _ in 0..2 {
        inbox.carry(&old, &new).await.expect("the store answers");
    }
    let said = |name: &ConversationId| {
        let (inbox, name) = (chat.inbox(), name.clone());
        async move {
            let all = inbox.transcript(&name, None, 10).await;
            all.expect("the store answers").messages.len()
        }
    };
    assert_eq!((said(&old).await, said(&new).await), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_role_is_one_servers() {
    let chat = Chat::with(|setup| setup.config.alone = false);
    let inbox = chat.inbox();
    let lease = |ttl| {
        let inbox = chat.inbox();
        async move { inbox.lease("poll", ttl).await.expect("the store answers") }
    };
    assert!(lease(SECOND).await && lease(SECOND).await, "it is kept");
    sleep(SECOND * 2).await;
    let other = Claimant {
        replica: ReplicaId::new("other").unwrap(),
        ttl: SECOND,
    };
    let taken = chat.store.lease("poll", &other).await;
    assert!(taken.expect("the store answers").is_some());
    assert!(!lease(SECOND).await);
    sleep(SECOND * 2).await;
    assert!(inbox.lease("poll", SECOND).await.expect("it is free"));
    // Who is alone asks nobody.
    let alone = Chat::new();
    let taken = alone.store.lease("poll", &other).await;
    assert!(taken.expect("the store answers").is_some());
    assert!(alone.inbox().lease("poll", SECOND).await.expect("always"));
}
