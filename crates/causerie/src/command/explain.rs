//! `causerie explain`: how turns ended, and why, read beside a running server.

use super::{load, print, runtime};
use crate::{
    cli::{ExplainArgs, Global},
    failure::Failure,
    telemetry,
    wire::OpenStore,
};
use causerie_core::{
    Clock,
    id::{ConversationId, IdError, MessageRef},
    outcome::TurnRecord,
    store::TurnQuery,
};
use causerie_engine::{SystemClock, explain::for_operator};
use serde_json::json;
use std::sync::Arc;

pub(super) fn run(args: &ExplainArgs, global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    telemetry::log_quietly(global);
    let query = query(args)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let turns = runtime()?.block_on(async {
        let open = OpenStore::read_only(&loaded.config, &clock).await?;
        let turns = open.store.turns(&query, args.limit).await;
        open.close().await;
        turns.map_err(Failure::from)
    })?;
    if turns.is_empty() && !args.json {
        print("no turn is recorded there\n")?;
    }
    // The latest is what one wants to see, so it stands last, above the prompt.
    let latest_last = turns.iter().rev();
    print(&match args.json {
        true => latest_last.map(as_json).collect::<String>(),
        false => latest_last.map(for_operator).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(0)
}

fn as_json(turn: &TurnRecord) -> String {
    format!("{}\n", json!(turn))
}

fn query(args: &ExplainArgs) -> Result<TurnQuery, Failure> {
    let Some(given) = &args.conversation else {
        return Ok(TurnQuery::All);
    };
    let conversation = ConversationId::new(given).and_then(|id| id.platform().map(|_| id));
    let conversation = conversation.map_err(bad("conversation", given))?;
    Ok(match &args.message {
        None => TurnQuery::Conversation(conversation),
        Some(message) => {
            let id = MessageRef::new(message).map_err(bad("message", message))?;
            TurnQuery::Message(conversation, id)
        }
    })
}

fn bad(what: &'static str, given: &str) -> impl FnOnce(IdError) -> Failure {
    let given = given.to_owned();
    move |error| Failure::Argument {
        what,
        given,
        reason: error.to_string(),
    }
}
