//! The servers that model files come from.

use super::error::ModelError;
use reqwest::{
    Client, Method, RequestBuilder, Url,
    header::{AUTHORIZATION, HeaderValue},
};
use std::{env, fmt, fs, path::PathBuf, time::Duration};

/// Where to fetch from, how to present ourselves there, and how patient to be.
#[derive(Clone, Debug)]
pub struct Origins {
    /// The Hugging Face hub, or a mirror of it.
    pub(super) hub: Url,
    pub(super) hub_credential: Option<Credential>,
    /// A Python package index (PEP 503 and 691).
    pub(super) index: Url,
    pub(super) index_credential: Option<Credential>,
    pub(super) patience: Patience,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub stall: Duration,
    /// Before trying again after the download broke off.
    pub pause: Duration,
    /// How often in a row the download may break off without bringing a byte.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            pause: Duration::from_secs(1),
            attempts: 3,
        }
    }
}

impl Default for Origins {
    fn default() -> Self {
        let fixed = |url| Url::parse(url).expect("a well-formed constant");
        Self {
            hub: fixed("https://huggingface.co/"),
            hub_credential: None,
            index: fixed("https://pypi.org/simple/"),
            index_credential: None,
            patience: Patience::default(),
        }
    }
}

impl Origins {
    /// The hub of `HF_ENDPOINT` with the token of `HF_TOKEN`, and the package index that pip would
    /// use: `PIP_INDEX_URL`, else `index-url` in pip's own files. Each defaults to the public one.
    ///
    /// # Errors
    /// [`ModelError::Setting`] if one of them is no web address.
    pub fn from_env() -> Result<Self, ModelError> {
        Self::read(
            |name| env::var(name).ok(),
            |path| fs::read_to_string(path).ok(),
        )
    }

    pub(super) fn read(
        variable: impl Fn(&str) -> Option<String>,
        file: impl Fn(&PathBuf) -> Option<String>,
    ) -> Result<Self, ModelError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut origins = Self::default();
        if let Some(url) = set("HF_ENDPOINT") {
            origins = origins
                .with_hub(&url)
                .map_err(|reason| setting("HF_ENDPOINT", reason))?;
        }
        if let Some(token) = set("HF_TOKEN") {
            origins = origins
                .with_hub_token(&token)
                .map_err(|reason| setting("HF_TOKEN", reason))?;
        }
        let index = match set("PIP_INDEX_URL") {
            Some(url) => Some(("PIP_INDEX_URL".to_owned(), url)),
            None => pip_files(set).into_iter().find_map(|path| {
                let url = index_of(&file(&path)?)?;
                Some((path.display().to_string(), url))
            }),
        };
        match index {
            Some((name, url)) => origins
                .with_index(&url)
                .map_err(|reason| setting(name, reason)),
            None => Ok(origins),
        }
    }

    /// Takes the hub at `url`. The token must be given after it.
    ///
    /// # Errors
    /// What is wrong with `url`.
    pub fn with_hub(mut self, url: &str) -> Result<Self, &'static str> {
        (self.hub, self.hub_credential) = base(url)?;
        Ok(self)
    }

    /// Presents `token` to the hub, and to nobody else.
    ///
    /// # Errors
    /// If it holds a character that no token has.
    pub fn with_hub_token(mut self, token: &str) -> Result<Self, &'static str> {
        self.hub_credential = Some(Credential::token(&self.hub, token.trim())?);
        Ok(self)
    }

    /// Takes the package index at `url`, which may hold a user name and a password.
    ///
    /// # Errors
    /// What is wrong with `url`.
    pub fn with_index(mut self, url: &str) -> Result<Self, &'static str> {
        (self.index, self.index_credential) = base(url)?;
        Ok(self)
    }

    /// Is as patient as told.
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }
}

/// What we present to one server, and to no other: redirects lead to foreign ones.
#[derive(Clone)]
pub(super) struct Credential {
    origin: String,
    proof: Proof,
}

#[derive(Clone)]
enum Proof {
    Token(HeaderValue),
    /// Percent-encoded, as they stood in the address.
    Password {
        name: String,
        password: Option<String>,
    },
}

impl Credential {
    fn token(url: &Url, token: &str) -> Result<Self, &'static str> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| "it holds a character no token has")?;
        value.set_sensitive(true);
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            proof: Proof::Token(value),
        })
    }

    /// Adds it to a request for `url`, if that is where it belongs.
    pub(super) fn present(&self, client: &Client, method: Method, url: &Url) -> RequestBuilder {
        if url.origin().ascii_serialization() != self.origin {
            return client.request(method, url.clone());
        }
        match &self.proof {
            Proof::Token(value) => client
                .request(method, url.clone())
                .header(AUTHORIZATION, value.clone()),
            Proof::Password { name, password } => {
                // The client makes the header from the address, and takes them out of it.
                let mut url = url.clone();
                url.set_username(name)
                    .and_then(|()| url.set_password(password.as_deref()))
                    .expect("it has a host");
                client.request(method, url)
            }
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential(for {})", self.origin)
    }
}

/// A base address that ends in a slash, and what its user name and password become.
fn base(text: &str) -> Result<(Url, Option<Credential>), &'static str> {
    let text = format!("{}/", text.trim().trim_end_matches('/'));
    let mut url = Url::parse(&text).map_err(|_| "it is no web address")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("it must begin with http:// or https://");
    }
    if url.username().is_empty() && url.password().is_none() {
        return Ok((url, None));
    }
    let credential = Credential {
        origin: url.origin().ascii_serialization(),
        proof: Proof::Password {
            name: url.username().to_owned(),
            password: url.password().map(str::to_owned),
        },
    };
    url.set_username("")
        .and_then(|()| url.set_password(None))
        .expect("it has a host");
    Ok((url, Some(credential)))
}

fn setting(name: impl Into<String>, reason: &str) -> ModelError {
    ModelError::Setting {
        name: name.into(),
        reason: reason.to_owned(),
    }
}

/// The files pip reads, the most particular first.
fn pip_files(set: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = set("PIP_CONFIG_FILE")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Some(home) = set("HOME").map(PathBuf::from) {
        let config = set("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
        files.push(config.join("pip/pip.conf"));
        files.push(home.join(".pip/pip.conf"));
    }
    files.push("/etc/pip.conf".into());
    files
}

/// `index-url` of the sections that hold for a download.
fn index_of(ini: &str) -> Option<String> {
    let mut section = "";
    for line in ini.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.trim();
        } else if matches!(section, "global" | "download" | "install")
            && let Some((key, value)) = line.split_once(['=', ':'])
            && matches!(key.trim(), "index-url" | "index_url")
        {
            return Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    None
}
