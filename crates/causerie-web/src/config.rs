//! What the operator decides about the web platform.

use crate::CookieKey;
use axum::http::{HeaderMap, header};
use causerie_core::id::PlatformId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{io, net::SocketAddr, path::PathBuf, time::Duration};
use thiserror::Error;

/// What the web platform needs to know.
#[derive(Debug)]
pub struct Config {
    /// Its name in the configuration.
    pub id: PlatformId,
    /// Where it listens. Port 0 takes any free port.
    pub listen: SocketAddr,
    /// What a person must type once before anything is shown. Needed unless `listen` is loopback.
    pub access_token: Option<SecretString>,
    /// Signs cookies; [`CookieKey::load_or_create`] keeps it in a file.
    pub cookie_key: CookieKey,
    /// Host names under which the page may be asked for besides `localhost`, such as the name of a
    /// reverse proxy. Without a port.
    pub hosts: Vec<String>,
    /// The language of the page where the browser asks for neither.
    pub language: Language,
    /// What stands at the top of the page.
    pub title: String,
    /// The most bytes one message may have.
    pub max_message_bytes: usize,
    /// How long the body of a request may take to arrive.
    pub body_within: Duration,
}

impl Config {
    /// The configuration for a page on this machine: everything else as usual.
    pub fn new(id: PlatformId, listen: SocketAddr, cookie_key: CookieKey) -> Self {
        Self {
            id,
            listen,
            access_token: None,
            cookie_key,
            hosts: Vec::new(),
            language: Language::default(),
            title: "Causerie".to_owned(),
            max_message_bytes: 64 * 1024,
            body_within: Duration::from_secs(30),
        }
    }

    /// The most bytes that the body of a request may have. JSON writes a line break as two bytes;
    /// beyond that there are only the names around it.
    pub(crate) fn largest_body(&self) -> usize {
        self.max_message_bytes * 2 + 1024
    }
}

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh")]
    Chinese,
}

impl Language {
    /// The first of those that a request wants to be answered in and that we speak. The page sends
    /// the one it is in.
    pub(crate) fn wished(headers: &HeaderMap) -> Option<Self> {
        let wishes = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        wishes.split(',').find_map(|wish| {
            let primary = wish.trim().split(['-', ';']).next()?;
            [Language::English, Language::Chinese]
                .into_iter()
                .find(|language| primary.eq_ignore_ascii_case(language.tag()))
        })
    }

    /// Its tag for the `lang` attribute.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh",
        }
    }
}

/// Why the web platform cannot start.
#[derive(Debug, Error)]
pub enum WebError {
    /// Anybody could use it.
    #[error(
        "the web page would be open to anybody at {listen}: set an access token for it, \
         or let it listen on 127.0.0.1"
    )]
    Open {
        /// Where it was to listen.
        listen: SocketAddr,
    },
    /// The token can be guessed.
    #[error("the access token has {length} characters; at least {least} are needed")]
    WeakToken {
        /// Its length.
        length: usize,
        /// The least length.
        least: usize,
    },
    /// The address cannot be taken.
    #[error("cannot listen on {listen}; choose another address or stop what uses it")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The cookie key cannot be used.
    #[error("the cookie key at {} cannot be used; make it readable, or remove it and every visitor starts anew", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
