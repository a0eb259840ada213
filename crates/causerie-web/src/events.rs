//! The stream of events of one conversation, as SSE.
//!
//! A page that connects, for the first time or again, is told everything there is to see in one
//! snapshot, then only what changes. So a lost connection loses nothing and doubles nothing, and
//! neither does a page that is too slow for its backlog: it gets a new snapshot.
//!
//! What another server does is not heard of here. While the page waits for something and nothing
//! comes, history is read again, and a page that missed something gets a new snapshot.

use crate::{
    api::{PAGE, Theirs, model},
    app::App,
    live::{LiveState, Numbered},
    metric,
    reply::ApiError,
    transcript::View,
    update::{Item, Model, Update},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use causerie_core::{id::ConversationId, platform::InboxError};
use futures::stream::unfold;
use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast},
    time::{Interval, MissedTickBehavior, interval},
};

/// How often readiness is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// After how many looks without news the page is told that the connection lives.
const QUIET_LOOKS: u32 = 30;
/// After how many looks without news of what is unfinished history is read again.
const WAITING_LOOKS: u32 = 4;

/// `GET /api/conversations/{name}/events`
pub(crate) async fn watch(
    State(app): State<App>,
    Theirs { conversation, .. }: Theirs,
) -> Result<Response, ApiError> {
    let place = app.watchers.clone().try_acquire_owned().map_err(|_| {
        let message = "too many pages are open; close some or come back later";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    })?;
    let watcher = Watcher::new(app, conversation, place);
    let stream = unfold(watcher, async |mut watcher| {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    // Proxies must not hold events back.
    let unbuffered = [("x-accel-buffering", "no")];
    Ok((unbuffered, Sse::new(stream)).into_response())
}

struct Watcher {
    app: App,
    conversation: ConversationId,
    updates: broadcast::Receiver<Numbered>,
    /// The last update the page has seen; `None` if it needs a snapshot.
    seen: Option<u64>,
    model: Model,
    look: Interval,
    quiet: u32,
    /// What the page shows that is unfinished: messages that wait, and answers that grow.
    open: BTreeSet<String>,
    /// Counts against the bound on watchers while this lives.
    _place: OwnedSemaphorePermit,
    _counted: metric::Counted,
}

impl Watcher {
    fn new(app: App, conversation: ConversationId, place: OwnedSemaphorePermit) -> Self {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            updates: app.rooms.watch(&conversation),
            model: model(&app),
            app,
            conversation,
            seen: None,
            look,
            quiet: 0,
            open: BTreeSet::new(),
            _place: place,
            _counted: metric::watcher(),
        }
    }

    /// The next event, or `None` when the stream ends: the page comes back by itself.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let Some(seen) = self.seen else {
                return self.snapshot().await.ok();
            };
            tokio::select! {
                () = self.app.stop.cancelled() => return None,
                update = self.updates.recv() => match update {
                    // The snapshot was taken later than this and contains it.
                    Ok(update) if update.seq <= seen => {}
                    Ok(update) => return Some(self.pass_on(&update)),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.seen = None,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                _ = self.look.tick() => if let Some(event) = self.look_around().await {
                    return Some(event);
                },
            }
        }
    }

    async fn snapshot(&mut self) -> Result<Event, InboxError> {
        let (view, live) = self.read().await?;
        Ok(self.show(view, &live))
    }

    /// Updates that come while history is read stay in the backlog; live answers are read after
    /// history, so an answer that goes from one to the other is seen in at least one of them.
    async fn read(&self) -> Result<(View, LiveState), InboxError> {
        let transcript = self
            .app
            .inbox
            .transcript(&self.conversation, None, PAGE)
            .await?;
        let live = self.app.rooms.state(&self.conversation);
        Ok((View::of(&transcript).with_live(&live), live))
    }

    fn show(&mut self, view: View, live: &LiveState) -> Event {
        self.open = unfinished(&view.messages);
        self.quiet = 0;
        self.seen = Some(live.seq);
        self.model = model(&self.app);
        let snapshot = Update::Snapshot {
            messages: view.messages,
            older: view.older,
            status: live.status,
            model: self.model.clone(),
        };
        event(&snapshot).id(live.seq.to_string())
    }

    fn pass_on(&mut self, numbered: &Numbered) -> Event {
        self.seen = Some(numbered.seq);
        self.quiet = 0;
        let update: &Arc<Update> = &numbered.update;
        self.note(update);
        event(update).id(numbered.seq.to_string())
    }

    /// Notes what an update begins and ends.
    fn note(&mut self, update: &Update) {
        match update {
            Update::Posted(item) => {
                self.open.insert(item.id.clone());
            }
            Update::Answer(change) if !change.complete => {
                self.open.insert(change.id.to_string());
            }
            Update::Answer(change) => {
                self.open.remove(change.id.as_str());
                if let Some(asked) = &change.reply_to {
                    self.open.remove(asked.as_str());
                }
            }
            Update::Gone { id } => {
                self.open.remove(id.as_str());
            }
            Update::Erased {} => self.open.clear(),
            Update::Snapshot { .. }
            | Update::Status { .. }
            | Update::Model(_)
            | Update::Ping {} => {}
        }
    }

    /// What another server has ended, if it has.
    async fn look_elsewhere(&mut self) -> Option<Event> {
        let (view, live) = self.read().await.ok()?;
        (unfinished(&view.messages) != self.open).then(|| self.show(view, &live))
    }

    async fn look_around(&mut self) -> Option<Event> {
        let model = model(&self.app);
        if model != self.model {
            self.model = model.clone();
            return Some(event(&Update::Model(model)));
        }
        self.quiet += 1;
        if !self.open.is_empty() && self.quiet.is_multiple_of(WAITING_LOOKS) {
            let news = self.look_elsewhere().await;
            if news.is_some() {
                return news;
            }
        }
        if self.quiet < QUIET_LOOKS {
            return None;
        }
        self.quiet = 0;
        Some(event(&Update::Ping {}))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.app.rooms.leave(&self.conversation);
    }
}

fn unfinished(messages: &[Item]) -> BTreeSet<String> {
    let open = messages
        .iter()
        .filter(|item| item.waiting || !item.complete);
    open.map(|item| item.id.clone()).collect()
}

fn event(update: &Update) -> Event {
    let json = serde_json::to_string(update).expect("every update can be written as JSON");
    Event::default().event(update.name()).data(json)
}
