//! The platforms, from their configuration.

use super::{entry, make_private, persona::choose};
use crate::{
    config::{Config, Language, WebConfig},
    failure::{self, Failure},
};
use causerie_core::{
    Clock,
    id::{PersonaName, PlatformId},
    platform::Platform,
};
use causerie_engine::PlatformEntry;
use causerie_web::{CookieKey, Web, WebError};
use secrecy::SecretString;
use std::sync::Arc;

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
    Ok(all)
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
