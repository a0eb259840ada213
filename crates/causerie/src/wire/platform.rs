//! The platforms, from their configuration.

use super::{entry, make_private, persona::choose};
use crate::{
    config::{Config, Language, ScopeConfig, Secret, TelegramConfig, WebConfig},
    failure::{self, Failure},
};
use causerie_core::{
    Clock,
    id::{PersonaName, PlatformId},
    platform::Platform,
};
use causerie_engine::PlatformEntry;
use causerie_telegram::{Menu, Scope, Telegram, TelegramError, Transport, Webhook};
use causerie_web::{CookieKey, Web, WebError};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// All platforms that are configured, with their addresses taken.
#[derive(Default)]
pub struct Platforms {
    /// For the engine.
    pub entries: Vec<PlatformEntry>,
    /// What the operator wants to know of them: a word for each, and where it is.
    pub places: Vec<(&'static str, String)>,
}

/// Makes ready every platform that is configured. A new one is one arm here.
///
/// # Errors
/// If one would not be safe, or what it needs (a file, an address) cannot be had.
pub async fn platforms(config: &Config, clock: &Arc<dyn Clock>) -> Result<Platforms, Failure> {
    let mut all = Platforms::default();
    if let Some(web) = &config.platforms.web {
        make_private(&config.server.data_dir)?;
        let platform = page(config, web, clock).await.map_err(no_page)?;
        let place = format!("http://{}", platform.local_addr());
        all.places.push(("page", place));
        all.add(
            config,
            Arc::new(platform),
            web.persona.as_ref(),
            web.language,
        )?;
    }
    for (name, bot) in &config.platforms.telegram {
        if bot.enabled {
            let (platform, place) = telegram(name, bot).await?;
            all.places.push(("telegram", place));
            all.add(config, platform, bot.persona.as_ref(), bot.language)?;
        }
    }
    Ok(all)
}

/// How long a Bot API server may take to say who a bot is before we go on without.
const INTRODUCTION: Duration = Duration::from_secs(5);

/// A Telegram bot, and what the operator wants to know of it.
async fn telegram(
    name: &PlatformId,
    bot: &TelegramConfig,
) -> Result<(Arc<Telegram>, String), Failure> {
    let wrong = |error: TelegramError| {
        let code = match error {
            TelegramError::Listen { .. } | TelegramError::Unavailable { .. } => {
                failure::UNAVAILABLE
            }
            _ => failure::USAGE,
        };
        Failure::platform(code, format!("platforms.telegram.{name}: {error}"))
    };
    let platform = Telegram::new(telegram_config(name, bot))
        .await
        .map_err(wrong)?;
    let place = match timeout(INTRODUCTION, platform.introduce()).await {
        Ok(Ok(bot)) => format!("https://t.me/{}", bot.username),
        // It is asked again, for as long as it takes.
        Ok(Err(TelegramError::Unavailable { reason })) => format!("{name} ({reason})"),
        Err(_) => format!("{name} (the server does not answer yet)"),
        Ok(Err(error)) => return Err(wrong(error)),
    };
    Ok((Arc::new(platform), place))
}

/// What the configuration says about a Telegram bot.
pub fn telegram_config(name: &PlatformId, bot: &TelegramConfig) -> causerie_telegram::Config {
    let secret = |secret: &Option<Secret>| {
        let text = secret.as_ref().map_or("", Secret::expose);
        SecretString::from(text)
    };
    let transport = match &bot.webhook_url {
        None => Transport::Polling,
        Some(url) => Transport::Webhook(Webhook {
            listen: bot.webhook_listen,
            url: url.clone(),
            secret: secret(&bot.webhook_secret),
        }),
    };
    let id = PlatformId::new(format!("telegram.{name}")).expect("two names and a dot are a name");
    causerie_telegram::Config {
        api_url: bot.api_url.clone(),
        transport,
        scope: match bot.scope {
            ScopeConfig::Chat => Scope::Chat,
            ScopeConfig::Topic => Scope::Topic,
            ScopeConfig::Participant => Scope::Participant,
            ScopeConfig::ParticipantInChat => Scope::ParticipantInChat,
        },
        names: bot.names.clone(),
        feedback: bot.feedback,
        rich: bot.rich,
        max_parts: usize::from(bot.max_parts),
        menu: menus(bot.language),
        language: match bot.language {
            Language::En => causerie_telegram::Language::English,
            Language::Zh => causerie_telegram::Language::Chinese,
        },
        ..causerie_telegram::Config::new(id, secret(&bot.token))
    }
}

/// The menu of commands: for everybody in the bot's language, and in each language we speak.
fn menus(language: Language) -> Vec<Menu> {
    let menu = |tag: Option<&str>, language| Menu {
        language: tag.map(str::to_owned),
        commands: causerie_engine::command::list(language)
            .map(|(name, about)| (name.to_owned(), about.to_owned()))
            .collect(),
    };
    use causerie_engine::Language::{Chinese, English};
    match language {
        Language::En => vec![menu(None, English), menu(Some("zh"), Chinese)],
        Language::Zh => vec![menu(None, Chinese), menu(Some("en"), English)],
    }
}

impl Platforms {
    fn add(
        &mut self,
        config: &Config,
        platform: Arc<dyn Platform>,
        persona: Option<&PersonaName>,
        language: Language,
    ) -> Result<(), Failure> {
        let persona = choose(config, persona.map(PersonaName::as_str))?.0;
        self.entries.push(entry(platform, persona, language));
        Ok(())
    }
}

async fn page(config: &Config, web: &WebConfig, clock: &Arc<dyn Clock>) -> Result<Web, WebError> {
    let set = web.cookie_key.as_ref();
    let key = match set.and_then(|key| CookieKey::from_hex(key.expose())) {
        Some(key) => key,
        None => CookieKey::load_or_create(&config.server.data_dir.join("cookie.key"))?,
    };
    let token = web.access_token.as_ref();
    let config = causerie_web::Config {
        access_token: token.map(|token| SecretString::from(token.expose())),
        hosts: web.hosts.clone(),
        language: match web.language {
            Language::En => causerie_web::Language::English,
            Language::Zh => causerie_web::Language::Chinese,
        },
        title: web.title.clone(),
        max_message_bytes: config.server.max_message_bytes as usize,
        ..causerie_web::Config::new(platform_id("web"), web.listen, key)
    };
    Web::bind(config, clock.clone()).await
}

fn no_page(error: WebError) -> Failure {
    let code = match error {
        WebError::Open { .. } | WebError::WeakToken { .. } => failure::USAGE,
        WebError::Key { .. } => failure::IO,
        WebError::Listen { .. } => failure::UNAVAILABLE,
    };
    Failure::platform(code, error)
}

fn platform_id(name: &'static str) -> PlatformId {
    PlatformId::new(name).expect("a plain word is a name")
}
