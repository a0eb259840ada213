//! Telegram bots.

use super::{platform::Language, value::Secret};
use causerie_core::id::PersonaName;
use causerie_telegram::{
    API, TelegramError, is_api_url, is_token, is_webhook_secret, is_webhook_url,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A Telegram bot.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct TelegramConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// The bot's token, from @BotFather.
    pub token: Option<Secret>,
    /// Who answers. May be left out when there is only one persona, or one named `assistant`.
    #[schemars(with = "Option<String>")]
    pub persona: Option<PersonaName>,
    /// The Bot API server.
    pub api_url: String,
    /// The address under which Telegram sends updates to us, over HTTPS. Left out: we ask for them.
    pub webhook_url: Option<String>,
    /// Where we listen for them. A server with TLS stands in front of it.
    #[serde(deserialize_with = "super::value::address")]
    #[schemars(with = "String")]
    pub webhook_listen: SocketAddr,
    /// Telegram shows it with each update: 16 to 256 of `A-Z a-z 0-9 _ -`.
    pub webhook_secret: Option<Secret>,
    /// Who shares a memory in groups.
    pub scope: ScopeConfig,
    /// Names by which the bot is called in groups besides its user name.
    pub names: Vec<String>,
    /// Whether answers have buttons by which people judge them.
    pub feedback: bool,
    /// Whether headings, tables and the like are sent as rich messages where the server has them.
    pub rich: bool,
    /// An answer has at most this many messages; the rest goes into a file.
    #[schemars(range(min = 1, max = 100))]
    pub max_parts: u16,
    /// The language of our own words where a person's program asks for none: `en` or `zh`.
    pub language: Language,
}

/// Who shares a memory in groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum ScopeConfig {
    /// Everybody in the group.
    Chat,
    /// Everybody in a topic.
    #[default]
    Topic,
    /// Nobody: each person has one memory over all groups.
    Participant,
    /// Nobody: each person has one memory in each group.
    ParticipantInChat,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            token: None,
            persona: None,
            api_url: API.to_owned(),
            webhook_url: None,
            webhook_listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            webhook_secret: None,
            scope: ScopeConfig::default(),
            names: vec![],
            feedback: true,
            rich: true,
            max_parts: 16,
            language: Language::En,
        }
    }
}

impl TelegramConfig {
    /// What is wrong with it although each value has its type: the key, and why.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        if !self.enabled {
            return None;
        }
        let Some(token) = &self.token else {
            let reason = "a bot needs a token; @BotFather on Telegram gives one";
            return Some(("token", reason.to_owned()));
        };
        if !is_token(token.expose()) {
            return Some(("token", TelegramError::NoToken.to_string()));
        }
        if !is_api_url(&self.api_url) {
            let url = self.api_url.clone();
            return Some(("api_url", TelegramError::NoUrl { url }.to_string()));
        }
        if self.names.iter().any(|name| name.trim().is_empty()) {
            let reason = "a name by which the bot is called cannot be empty; leave it out";
            return Some(("names", reason.to_owned()));
        }
        let webhook = self.webhook_url.as_deref();
        if webhook.is_some_and(|url| !is_webhook_url(url, &self.api_url)) {
            let reason = "this is no address that Telegram sends updates to: https:// and a host, \
                          with a port of 443, 80, 88 or 8443 if any";
            return Some(("webhook_url", reason.to_owned()));
        }
        let secret = self.webhook_secret.as_ref().map(Secret::expose);
        match (&self.webhook_url, secret) {
            (Some(_), None) => Some((
                "webhook_url",
                "a webhook needs a `webhook_secret` beside it, or anybody could speak to it; \
                 `openssl rand -hex 32` makes one"
                    .to_owned(),
            )),
            (Some(_), Some(secret)) if !is_webhook_secret(secret) => {
                Some(("webhook_secret", TelegramError::WeakSecret.to_string()))
            }
            _ => None,
        }
    }
}
