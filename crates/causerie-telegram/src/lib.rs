//! Telegram: one bot.
//!
//! In reading order:
//!
//! * [`Config`]: what the operator decides
//! * `update`, `decode`, `place`: what Telegram sends, and what it means
//! * `connect`: polling and webhook
//! * `perform`: what the engine wants done
//! * `render`: what messages look like
//! * `client`, `pace`: calls, their errors, and how often we may speak
//!
//! Bot API 10.3, with fallbacks for older servers: what a server does not know is left out, without
//! asking again.

mod client;
mod config;
mod connect;
mod decode;
mod pace;
mod perform;
mod place;
mod render;
mod signs;
mod update;

pub use config::{
    API, Config, Language, Menu, Scope, TelegramError, Transport, Webhook, is_api_url, is_token,
    is_webhook_secret, is_webhook_url,
};

use async_trait::async_trait;
use causerie_core::{
    event::Attachment,
    id::{MessageRef, Place, PlatformId},
    platform::{
        Creates, Inbox, Operation, Platform, PlatformCapabilities, PlatformError, Receipt, Stop,
        Streaming, TextForm, TextLimit, TextUnit,
    },
};
use client::{CallError, Client};
use decode::Me;
use pace::Pace;
use place::{Spot, Way};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use signs::Signs;
use std::{
    collections::HashSet,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;

/// A message has at most this many UTF-16 units. Telegram says "4096 characters" and not which.
const MESSAGE: TextLimit = TextLimit {
    unit: TextUnit::Utf16,
    max: 4096,
    form: TextForm::Telegram,
};
/// An answer that is ready within this needs no sign of being at work and no preview.
const FIRST: Duration = Duration::from_millis(600);
/// The largest file that Telegram gives to bots.
const LARGEST_FILE: usize = 20 << 20;
/// Finished messages of which we remember that there is nothing to stop.
const MOST_FINISHED: usize = 4096;
/// Chats of which we remember that they take no drafts.
const MOST_PLAIN_CHATS: usize = 10_000;

/// One Telegram bot.
pub struct Telegram {
    shared: Arc<Shared>,
    /// Taken by `run`, for a webhook.
    listener: Mutex<Option<TcpListener>>,
}

/// What all tasks of a bot share.
struct Shared {
    config: Config,
    client: Client,
    pace: Pace,
    signs: Signs,
    me: OnceLock<Me>,
    can: Abilities,
    /// Our messages that were finished. A button to stop that is pressed on one of them came too
    /// late: it is not for the answer after it.
    finished: Lately<MessageRef, MOST_FINISHED>,
    capabilities: Capabilities,
}

/// A set that many tasks share, and that begins anew when it holds `MOST`.
struct Lately<T, const MOST: usize>(Mutex<HashSet<T>>);

impl<T, const MOST: usize> Default for Lately<T, MOST> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Eq + Hash, const MOST: usize> Lately<T, MOST> {
    fn insert(&self, one: T) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(one);
    }

    fn remove(&self, one: &T) {
        self.known().remove(one);
    }

    fn has(&self, one: &T) -> bool {
        self.known().contains(one)
    }

    fn known(&self) -> MutexGuard<'_, HashSet<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the server turned out not to know.
#[derive(Default)]
struct Abilities {
    no_rich: AtomicBool,
    no_drafts: AtomicBool,
    no_stop: AtomicBool,
    /// Chats that take no drafts.
    plain: Lately<i64, MOST_PLAIN_CHATS>,
}

impl Abilities {
    fn drafts(&self, chat: i64) -> bool {
        chat > 0 && !self.no_drafts.load(Ordering::Relaxed) && !self.plain.has(&chat)
    }

    fn takes_no_drafts(&self, chat: i64) {
        self.plain.insert(chat);
    }
}

/// What can be done in each kind of place.
struct Capabilities {
    /// A private chat with drafts.
    drafts: PlatformCapabilities,
    /// A private chat without, or in somebody's place.
    private: PlatformCapabilities,
    group: PlatformCapabilities,
    guest: PlatformCapabilities,
}

impl Capabilities {
    fn new(max_parts: usize) -> Self {
        let private = PlatformCapabilities {
            streaming: Streaming::Edit {
                first: FIRST,
                every: Duration::from_millis(1100),
            },
            message_limit: Some(MESSAGE),
            creates: Creates::Ambiguous,
            edits: true,
            deletes: true,
            typing: Some(Duration::from_secs(5)),
            file_after: Some(max_parts.max(1)),
        };
        Self {
            drafts: PlatformCapabilities {
                streaming: Streaming::Preview {
                    first: FIRST,
                    every: Duration::from_millis(500),
                    lasts: Duration::from_secs(28),
                },
                ..private.clone()
            },
            group: PlatformCapabilities {
                streaming: Streaming::Edit {
                    first: FIRST,
                    every: Duration::from_millis(3100),
                },
                ..private.clone()
            },
            guest: PlatformCapabilities {
                streaming: Streaming::None,
                // One answer, for which there are rich messages if a plain one is too short.
                message_limit: Some(TextLimit {
                    max: 32_000,
                    ..MESSAGE
                }),
                deletes: false,
                typing: None,
                file_after: None,
                ..private.clone()
            },
            private,
        }
    }
}

impl Telegram {
    /// A bot. Nothing is sent yet; the address of a webhook is taken.
    ///
    /// # Errors
    /// If the token, the address of the server or the webhook cannot be right.
    pub async fn new(config: Config) -> Result<Self, TelegramError> {
        let client = Client::new(&config)?;
        let listener = match &config.transport {
            Transport::Polling => None,
            Transport::Webhook(webhook) => {
                if !is_webhook_secret(webhook.secret.expose_secret()) {
                    return Err(TelegramError::WeakSecret);
                }
                let listen = webhook.listen;
                let problem = |source| TelegramError::Listen { listen, source };
                Some(TcpListener::bind(listen).await.map_err(problem)?)
            }
        };
        Ok(Self {
            shared: Arc::new(Shared {
                capabilities: Capabilities::new(config.max_parts),
                config,
                client,
                pace: Pace::default(),
                signs: Signs::default(),
                me: OnceLock::new(),
                can: Abilities::default(),
                finished: Lately::default(),
            }),
            listener: Mutex::new(listener),
        })
    }

    /// Asks the server who the bot is.
    ///
    /// # Errors
    /// [`TelegramError::Refused`] if the token is wrong, [`TelegramError::Unavailable`] if nothing
    /// can be known now.
    pub async fn introduce(&self) -> Result<Introduction, TelegramError> {
        self.shared.introduce().await
    }

    /// How updates come in now, as the server has it.
    ///
    /// # Errors
    /// As [`Telegram::introduce`].
    pub async fn delivery(&self) -> Result<Delivery, TelegramError> {
        let asked = self.shared.client.call("getWebhookInfo", &json!({})).await;
        asked.map_err(|error: CallError| TelegramError::Unavailable {
            reason: error.platform().to_string(),
        })
    }

    /// Where the webhook listens, with the port that was taken.
    pub fn local_addr(&self) -> Option<std::net::SocketAddr> {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        listener.as_ref()?.local_addr().ok()
    }
}

/// Who the bot is, and what it may hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Its user name, without the `@`.
    pub username: String,
    /// Whether it can be added to groups.
    pub joins_groups: bool,
    /// Whether it hears everything in groups. Otherwise it hears commands, mentions and replies to
    /// it: privacy mode, which @BotFather turns off with /setprivacy.
    pub hears_all: bool,
    /// Whether its private chats have topics.
    pub has_topics: bool,
}

/// How updates come in, as the server has it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Delivery {
    /// The webhook's address; empty if there is none.
    pub url: String,
    /// Updates that wait.
    pub pending_update_count: u64,
    /// Why the webhook could not be reached lately.
    pub last_error_message: Option<String>,
}

impl Shared {
    async fn introduce(&self) -> Result<Introduction, TelegramError> {
        let user: update::User = match self.client.call("getMe", &json!({})).await {
            Ok(user) => user,
            Err(CallError::Unauthorized) => return Err(TelegramError::Refused),
            // Telegram's own server says so of a token that is none of its.
            Err(CallError::NoMethod) if self.config.api_url == config::API => {
                return Err(TelegramError::Refused);
            }
            Err(CallError::NoMethod | CallError::Unknown) => {
                return Err(TelegramError::NoServer {
                    url: self.config.api_url.clone(),
                });
            }
            Err(error) => {
                return Err(TelegramError::Unavailable {
                    reason: error.platform().to_string(),
                });
            }
        };
        let username = user.username.unwrap_or_default();
        // The first introduction counts; names change seldom, and a restart hears of it.
        let _ = self.me.set(Me {
            id: user.id,
            username: username.clone(),
        });
        Ok(Introduction {
            username,
            joins_groups: user.can_join_groups,
            hears_all: user.can_read_all_group_messages,
            has_topics: user.has_topics_enabled,
        })
    }
}

#[async_trait]
impl Platform for Telegram {
    fn id(&self) -> &PlatformId {
        &self.shared.config.id
    }

    fn capabilities(&self, place: &Place) -> &PlatformCapabilities {
        let all = &self.shared.capabilities;
        match Spot::parse(place) {
            Some(Spot {
                way: Way::Guest(_), ..
            }) => &all.guest,
            Some(spot) if !spot.is_private() => &all.group,
            Some(spot) if spot.way == Way::Member && self.shared.can.drafts(spot.chat) => {
                &all.drafts
            }
            _ => &all.private,
        }
    }

    async fn run(&self, inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError> {
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        connect::run(&self.shared, inbox, listener, stop).await
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        self.shared.perform(operation).await
    }

    async fn fetch(&self, attachment: &Attachment) -> Result<Vec<u8>, PlatformError> {
        let (platform, file) = attachment
            .locator
            .split_once('/')
            .ok_or(PlatformError::Gone)?;
        if platform != self.shared.config.id.as_str() {
            return Err(PlatformError::Gone);
        }
        let bytes = self.shared.client.download(file, LARGEST_FILE).await;
        bytes.map_err(CallError::platform)
    }
}
