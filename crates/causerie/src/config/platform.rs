//! Where people write, and who is answered.

use super::{telegram::TelegramConfig, value::Secret};
use causerie_core::id::PersonaName;
use causerie_web::{CookieKey, WebError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr};

/// Where people write.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformsConfig {
    /// The chat page.
    pub web: Option<WebConfig>,
    /// Telegram bots, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, TelegramConfig>")]
    pub telegram: BTreeMap<BotName, TelegramConfig>,
}

/// What an operator calls a bot: letters, digits, `-`, `_`, `.` and `:`.
type BotName = causerie_core::id::PlatformId;

impl PlatformsConfig {
    /// Each platform that is configured: its path, and who answers there.
    pub(super) fn personas(
        &mut self,
    ) -> impl Iterator<Item = (Vec<String>, &mut Option<PersonaName>)> {
        let web = self.web.as_mut();
        let web = web.map(|web| (vec!["web".to_owned()], &mut web.persona));
        let telegram = self.telegram.iter_mut().filter(|(_, bot)| bot.enabled);
        let telegram = telegram.map(|(name, bot)| (telegram_path(name), &mut bot.persona));
        web.into_iter().chain(telegram)
    }

    /// What is wrong with them although each value has its type: the platform's path, the key in
    /// it, and why. The rules are the platforms' own.
    pub(super) fn problems(&self) -> Vec<(Vec<String>, &'static str, String)> {
        let web = self.web.as_ref().and_then(WebConfig::problem);
        let web = web.map(|(key, reason)| (vec!["web".to_owned()], key, reason));
        let bot = |(name, bot): (&BotName, &TelegramConfig)| {
            let (key, reason) = bot.problem()?;
            Some((telegram_path(name), key, reason))
        };
        let telegram = self.telegram.iter().filter_map(bot);
        web.into_iter()
            .chain(telegram)
            .chain(self.twins())
            .collect()
    }

    /// Bots with a token that another has: each would end the other's requests.
    fn twins(&self) -> Vec<(Vec<String>, &'static str, String)> {
        let mut owners: BTreeMap<&str, &BotName> = BTreeMap::new();
        let mut found = vec![];
        for (name, bot) in self.telegram.iter().filter(|(_, bot)| bot.enabled) {
            let Some(token) = &bot.token else { continue };
            if let Some(first) = owners.get(token.expose()) {
                let reason =
                    format!("the bot `{first}` has the same token; one bot needs one section");
                found.push((telegram_path(name), "token", reason));
            } else {
                owners.insert(token.expose(), name);
            }
        }
        found
    }
}

impl Default for PlatformsConfig {
    /// The page alone, so that no configuration at all is a server to talk to.
    fn default() -> Self {
        Self {
            web: Some(WebConfig::default()),
            telegram: BTreeMap::new(),
        }
    }
}

fn telegram_path(name: &BotName) -> Vec<String> {
    vec!["telegram".to_owned(), name.to_string()]
}

/// The chat page.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct WebConfig {
    /// Where the page listens. An address that other machines reach needs an `access_token`.
    #[serde(deserialize_with = "super::value::address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Who answers. May be left out when there is only one persona, or one named `assistant`.
    #[schemars(with = "Option<String>")]
    pub persona: Option<PersonaName>,
    /// Visitors must know it, when it is set.
    pub access_token: Option<Secret>,
    /// Signs visitors' cookies: 64 hexadecimal digits, the same on all servers behind one address.
    /// Left out: one made by chance, in `data_dir`.
    pub cookie_key: Option<Secret>,
    /// The name at the top of the page.
    pub title: String,
    /// The language of our own words where the browser asks for none: `en` or `zh`.
    pub language: Language,
    /// Host names under which the page may be asked for besides `localhost`, such as the name of a
    /// proxy in front of it.
    pub hosts: Vec<String>,
}

impl WebConfig {
    fn problem(&self) -> Option<(&'static str, String)> {
        if let Some(key) = &self.cookie_key
            && CookieKey::from_hex(key.expose()).is_none()
        {
            let reason = "this is not 64 hexadecimal digits; `openssl rand -hex 32` makes them";
            return Some(("cookie_key", reason.to_owned()));
        }
        let token = self.access_token.as_ref().map(Secret::expose);
        Some(
            match causerie_web::check_access(self.listen, token).err()? {
                WebError::WeakToken { length: 0, .. } => (
                    "access_token",
                    "this is empty; leave the key out if there is to be none".to_owned(),
                ),
                WebError::WeakToken { length, least } => (
                    "access_token",
                    format!(
                        "this has {length} characters and could be guessed; at least {least} are needed"
                    ),
                ),
                _ => (
                    "listen",
                    "other machines reach this address; set an `access_token` beside it".to_owned(),
                ),
            },
        )
    }
}

/// A language that Causerie itself speaks. Models speak more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            persona: None,
            access_token: None,
            cookie_key: None,
            title: "Causerie".to_owned(),
            language: Language::En,
            hosts: vec![],
        }
    }
}

/// Who is answered. A block wins over an allow.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionConfig {
    /// When it is not empty, only these are answered.
    pub allow: Vec<RuleConfig>,
    /// These are never answered, and not told so.
    pub block: Vec<RuleConfig>,
}

/// Matches messages of which all three match. `*` stands for any run of characters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct RuleConfig {
    /// The platform's name.
    pub platform: String,
    /// The place on the platform, in the platform's own words.
    pub place: String,
    /// The person, by the platform's own id.
    pub participant: String,
    /// In `allow`: whether bots are answered too.
    pub bots: bool,
}

impl Default for RuleConfig {
    fn default() -> Self {
        let any = || "*".to_owned();
        Self {
            platform: any(),
            place: any(),
            participant: any(),
            bots: false,
        }
    }
}
