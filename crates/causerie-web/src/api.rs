//! The page's requests, besides the stream of events.

use crate::{
    Language,
    app::App,
    reply::{ApiError, Body},
    transcript::{View, said},
    update::{Model, Update},
    visitor::{Visitor, is_https, is_name, place},
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use causerie_core::{
    Text, Timestamp,
    event::{Event, EventKind, Posted, Rating},
    id::{ConversationId, EventId, MessageRef, Seq},
    platform::Accepted,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many messages one page of a transcript has.
pub(crate) const PAGE: usize = 50;
/// How many conversations are listed at a time, and at most.
const LISTED: usize = 100;
const MOST_LISTED: usize = 10_000;

/// `POST /api/visit`: the page begins. Who has no visitor's cookie gets one.
///
/// It is a request of its own, sent by the page itself, because a cookie that is `SameSite=Strict`
/// stays at home when somebody follows a link to the page; handing out a new one there would cost
/// them their conversations.
pub(crate) async fn visit(State(app): State<App>, headers: HeaderMap) -> Response {
    let config = &app.config;
    let key = &config.cookie_key;
    let visitor = Visitor::of(&headers, key).unwrap_or_else(Visitor::new);
    // Sent each time, so that it lasts as long as they keep coming.
    let cookie = visitor.cookie(key, is_https(&headers));
    let about = json!({
        "title": config.title,
        "language": config.language.tag(),
        "max_message_bytes": config.max_message_bytes,
        "login": config.access_token.is_some(),
        "model": model(&app),
    });
    ([(header::SET_COOKIE, cookie)], Json(about)).into_response()
}

/// `GET /api/status`
pub(crate) async fn status(State(app): State<App>) -> Json<Value> {
    Json(json!({"model": model(&app)}))
}

/// What the page is told of the model.
pub(crate) fn model(app: &App) -> Model {
    let to_operator = app.config.listen.ip().is_loopback() && app.config.hosts.is_empty();
    Model::of(app.inbox.readiness(), to_operator)
}

/// How much of the list of conversations.
#[derive(Deserialize)]
pub(crate) struct Most {
    most: Option<usize>,
}

/// `GET /api/conversations`: the latest, and whether there are more.
pub(crate) async fn conversations(
    State(app): State<App>,
    visitor: Visitor,
    query: Result<Query<Most>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::bad_request("`most` is a number"))?;
    let most = query.most.unwrap_or(LISTED).min(MOST_LISTED);
    let participant = visitor
        .participant(&app.config.id)
        .map_err(|_| ApiError::not_found())?;
    let entries = app.inbox.conversations(&participant.id, most + 1).await?;
    let listed: Vec<Value> = entries
        .iter()
        .take(most)
        .filter_map(|entry| {
            let id = visitor.name_of(&entry.conversation)?;
            Some(json!({"id": id, "title": entry.title.expose(), "at": entry.at}))
        })
        .collect();
    let more = entries.len() > most;
    Ok(Json(json!({"conversations": listed, "more": more})))
}

/// Which part of a transcript.
#[derive(Deserialize)]
pub(crate) struct Older {
    before: Option<u64>,
}

/// `GET /api/conversations/{name}`
pub(crate) async fn transcript(
    State(app): State<App>,
    Theirs { conversation, .. }: Theirs,
    query: Result<Query<Older>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::bad_request("`before` is a number"))?;
    let before = query.before.map(Seq);
    let mut transcript = app.inbox.transcript(&conversation, before, PAGE).await?;
    if before.is_some() {
        // What waits is newer than all history.
        transcript.pending.clear();
    }
    let view = View::of(&transcript);
    Ok(Json(
        json!({"messages": view.messages, "older": view.older}),
    ))
}

/// `DELETE /api/conversations/{name}`
pub(crate) async fn erase(
    State(app): State<App>,
    Theirs { conversation, .. }: Theirs,
) -> Result<StatusCode, ApiError> {
    app.inbox.erase(&conversation).await?;
    app.rooms.erase(&conversation);
    Ok(StatusCode::NO_CONTENT)
}

/// What the page sends to say something.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saying {
    /// Made by the page, the same on every attempt.
    id: String,
    text: Text,
}

/// `POST /api/conversations/{name}/messages`
pub(crate) async fn say(
    State(app): State<App>,
    theirs: Theirs,
    Body(saying): Body<Saying>,
) -> Result<Response, ApiError> {
    if saying.text.is_blank() {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "empty",
            "the message is empty",
        ));
    }
    if saying.text.len() > app.config.max_message_bytes {
        return Err(ApiError::too_large(app.config.max_message_bytes));
    }
    let message = name_ref('u', &saying.id)?;
    let kind = EventKind::Posted(Posted {
        message: message.clone(),
        text: saying.text.clone(),
        quoted: None,
        attachments: Vec::new(),
        shared: false,
    });
    let at = app.clock.now();
    let event = theirs.event(&app, &format!("say-{}", saying.id), at, kind)?;
    let accepted = offer(&app, event).await?;
    if accepted == Accepted::Queued {
        let item = said(message.to_string(), at, saying.text, true);
        app.rooms.tell(&theirs.conversation, Update::Posted(item));
    }
    let body = json!({"id": message, "duplicate": accepted == Accepted::Duplicate});
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// What the page sends to stop the running answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stopping {
    id: String,
}

/// `POST /api/conversations/{name}/stop`
pub(crate) async fn stop(
    State(app): State<App>,
    theirs: Theirs,
    Body(stopping): Body<Stopping>,
) -> Result<StatusCode, ApiError> {
    name_ref('s', &stopping.id)?;
    let id = format!("stop-{}", stopping.id);
    let event = theirs.event(&app, &id, app.clock.now(), EventKind::StopPressed)?;
    offer(&app, event).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What the page sends to judge an answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judging {
    id: String,
    message: MessageRef,
    rating: RatingWord,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum RatingWord {
    Up,
    Down,
}

/// `POST /api/conversations/{name}/feedback`
pub(crate) async fn judge(
    State(app): State<App>,
    theirs: Theirs,
    Body(judging): Body<Judging>,
) -> Result<StatusCode, ApiError> {
    name_ref('f', &judging.id)?;
    let rating = match judging.rating {
        RatingWord::Up => Rating::Up,
        RatingWord::Down => Rating::Down,
    };
    let kind = EventKind::Feedback {
        message: judging.message,
        rating,
    };
    let id = format!("judge-{}", judging.id);
    offer(&app, theirs.event(&app, &id, app.clock.now(), kind)?).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn offer(app: &App, event: Event) -> Result<Accepted, ApiError> {
    match app.inbox.offer(event).await? {
        Accepted::Full => {
            let message = "too many messages wait for an answer here; try again later";
            Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "full",
                message,
            ))
        }
        accepted => Ok(accepted),
    }
}

fn name_ref(kind: char, name: &str) -> Result<MessageRef, ApiError> {
    let bad = "an id is 8 to 64 digits and small letters";
    if !is_name(name) {
        return Err(ApiError::bad_request(bad));
    }
    MessageRef::new(format!("{kind}{name}")).map_err(|_| ApiError::bad_request(bad))
}

/// A conversation in the path, which can only be the visitor's own.
pub(crate) struct Theirs {
    pub(crate) visitor: Visitor,
    pub(crate) conversation: ConversationId,
    /// How they want to be spoken to.
    pub(crate) language: Option<Language>,
}

impl Theirs {
    fn event(
        &self,
        app: &App,
        id: &str,
        at: Timestamp,
        kind: EventKind,
    ) -> Result<Event, ApiError> {
        let make = || {
            Ok::<_, causerie_core::id::IdError>(Event {
                id: EventId::new(id)?,
                conversation: self.conversation.clone(),
                place: place(&self.conversation)?,
                author: self.visitor.participant(&app.config.id)?,
                at,
                kind,
                language: self.language.map(|language| language.tag().to_owned()),
            })
        };
        make().map_err(|_| ApiError::bad_request("an id is too long"))
    }
}

impl axum::extract::FromRequestParts<App> for Theirs {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        app: &App,
    ) -> Result<Self, ApiError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let Ok(Path(name)) = Path::<String>::from_request_parts(parts, app).await else {
            return Err(ApiError::not_found());
        };
        if !is_name(&name) {
            return Err(ApiError::not_found());
        }
        let conversation = visitor
            .conversation(&app.config.id, &name)
            .map_err(|_| ApiError::not_found())?;
        Ok(Self {
            visitor,
            conversation,
            language: Language::wished(&parts.headers),
        })
    }
}
