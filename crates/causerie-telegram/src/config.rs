//! What the operator decides, and why it may not work.

use causerie_core::id::PlatformId;
use secrecy::SecretString;
use std::net::SocketAddr;
use thiserror::Error;

/// Telegram's own server.
pub const API: &str = "https://api.telegram.org";

/// What the operator decides about one bot.
#[derive(Clone, Debug)]
pub struct Config {
    /// The platform's name, such as `telegram.support`.
    pub id: PlatformId,
    /// The bot's token, from @BotFather.
    pub token: SecretString,
    /// The Bot API server: [`API`], or one's own.
    pub api_url: String,
    /// How updates come.
    pub transport: Transport,
    /// Who shares a memory in groups.
    pub scope: Scope,
    /// Names by which the bot is called in groups besides its user name, in any case.
    pub names: Vec<String>,
    /// Whether answers have buttons by which people judge them.
    pub feedback: bool,
    /// Whether rich messages are used where the server has them.
    pub rich: bool,
    /// An answer has at most this many messages; the rest goes into a file.
    pub max_parts: usize,
    /// The commands in the bot's menu, in each language.
    pub menu: Vec<Menu>,
    /// The language of our own few words where a person's program asks for none.
    pub language: Language,
}

impl Config {
    /// What most operators want, for the bot with this token.
    pub fn new(id: PlatformId, token: SecretString) -> Self {
        Self {
            id,
            token,
            api_url: API.to_owned(),
            transport: Transport::Polling,
            scope: Scope::Topic,
            names: Vec::new(),
            feedback: true,
            rich: true,
            max_parts: 16,
            menu: Vec::new(),
            language: Language::English,
        }
    }
}

/// How updates come.
#[derive(Clone, Debug)]
pub enum Transport {
    /// We ask for them.
    Polling,
    /// Telegram sends them.
    Webhook(Webhook),
}

/// How Telegram sends updates.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where we listen. A server with TLS stands in front of it.
    pub listen: SocketAddr,
    /// The address under which Telegram reaches us.
    pub url: String,
    /// Telegram shows it with each update: 16 to 256 of `A-Z a-z 0-9 _ -`.
    pub secret: SecretString,
}

/// Who shares a memory in groups. Private chats are always by themselves, each topic of them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everybody in the group, over all its topics.
    Chat,
    /// Everybody in a topic; in a group without topics, everybody in it.
    #[default]
    Topic,
    /// Nobody: each person has one memory over all chats.
    Participant,
    /// Nobody: each person has one memory in each chat.
    ParticipantInChat,
}

/// A menu of commands.
#[derive(Clone, Debug)]
pub struct Menu {
    /// For programs in this language, a tag of two letters; `None` for all others.
    pub language: Option<String>,
    /// Names without the slash, and what they do.
    pub commands: Vec<(String, String)>,
}

/// A language that we speak ourselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// The one to use with a person whose program speaks `tag`.
    pub(crate) fn of(self, tag: Option<&str>) -> Self {
        match tag {
            Some(tag) if tag.starts_with("zh") => Language::Chinese,
            Some(_) if self == Language::Chinese => Language::English,
            _ => self,
        }
    }
}

/// Why a bot cannot work, for the operator.
#[derive(Debug, Error)]
pub enum TelegramError {
    /// The token is not one.
    #[error(
        "this is no bot token; @BotFather on Telegram gives one, such as 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    )]
    NoToken,
    /// The address is not one.
    #[error("{url} is no address of a Bot API server; leave api_url out for Telegram's own")]
    NoUrl {
        /// The address.
        url: String,
    },
    /// Telegram does not know the token.
    #[error(
        "Telegram refuses the token; ask @BotFather for it with /token, or for a new one with /revoke"
    )]
    Refused,
    /// The webhook's secret is not one.
    #[error(
        "the webhook's secret must have 16 to 256 of A-Z, a-z, 0-9, _ and -; `openssl rand -hex 32` makes one"
    )]
    WeakSecret,
    /// The address for the webhook cannot be had.
    #[error("cannot listen on {listen} for Telegram's updates: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Something else answers there.
    #[error(
        "what answers at {url} is no Bot API server, or does not know the token: look at api_url first, then at the token"
    )]
    NoServer {
        /// The address.
        url: String,
    },
    /// The server does not answer.
    #[error("the Bot API server does not answer: {reason}")]
    Unavailable {
        /// What was seen.
        reason: String,
    },
}

/// Whether `secret` may guard a webhook.
pub fn is_webhook_secret(secret: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (16..=256).contains(&secret.len()) && secret.chars().all(allowed)
}

/// Whether `url` can be the address of a Bot API server.
pub fn is_api_url(url: &str) -> bool {
    let parsed = reqwest12::Url::parse(url);
    parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether the server at `api_url` may take `url` for a webhook. Telegram's own insists on HTTPS and
/// four ports; a server of one's own takes any.
///
/// Source: <https://core.telegram.org/bots/api#setwebhook>.
pub fn is_webhook_url(url: &str, api_url: &str) -> bool {
    let own = api_url != API;
    let fits = |url: reqwest12::Url| match url.scheme() {
        "https" => own || matches!(url.port_or_known_default(), Some(443 | 80 | 88 | 8443)),
        "http" => own,
        _ => false,
    };
    reqwest12::Url::parse(url).is_ok_and(|url| url.has_host() && fits(url))
}

/// Whether `token` looks like a bot token: a number, a colon, and the rest.
pub fn is_token(token: &str) -> bool {
    let Some((bot, rest)) = token.split_once(':') else {
        return false;
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !bot.is_empty()
        && bot.chars().all(|c| c.is_ascii_digit())
        && rest.len() >= 8
        && rest.chars().all(allowed)
}
