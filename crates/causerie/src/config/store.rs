//! Where conversations are kept.

use super::value::{Period, Secret};
use causerie_redis::{Address, Config, Credentials, Key, KeyError, Retention};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where conversations are kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:FILE`, relative to `data_dir`; `memory:`, which forgets at the end; or, for several
    /// servers that share the work, `redis://HOST`, `redis-sentinel://HOST,HOST/SERVICE` or
    /// `redis-cluster://HOST,HOST`, with `rediss` in place of `redis` for TLS.
    #[schemars(with = "String")]
    pub url: StoreUrl,
    /// How Redis is used, if that is the store.
    pub redis: RedisConfig,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: StoreUrl::Sqlite(PathBuf::from("causerie.db")),
            redis: RedisConfig::default(),
        }
    }
}

/// How Redis is used.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct RedisConfig {
    /// The user of Redis's access lists. It wins over one in the URL.
    pub user: Option<String>,
    /// The password. It wins over one in the URL.
    pub password: Option<Secret>,
    /// The user that the Sentinels know, if they let only known ones in.
    pub sentinel_user: Option<String>,
    /// The password that the Sentinels ask for. It is another than Redis's own.
    pub sentinel_password: Option<Secret>,
    /// What all keys begin with, so that several stores can share one Redis.
    pub prefix: String,
    /// A file with the certificate (PEM) that signed the server's, if it is none of the public ones.
    pub ca_file: Option<PathBuf>,
    /// How many of its replicas must have a write before it counts.
    pub confirm_replicas: u32,
    /// Keys that encrypt what people write. The first one writes, all of them read.
    pub encryption_keys: Vec<KeyConfig>,
    /// Messages older than this are forgotten. Left out: none are.
    pub retention: Option<Period>,
    /// The most messages of a conversation that are kept. Left out: all.
    #[schemars(range(min = 1))]
    pub retention_messages: Option<u32>,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            user: None,
            password: None,
            sentinel_user: None,
            sentinel_password: None,
            prefix: "causerie:".to_owned(),
            ca_file: None,
            confirm_replicas: 0,
            encryption_keys: vec![],
            retention: None,
            retention_messages: None,
        }
    }
}

/// A key that encrypts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct KeyConfig {
    /// Its name, which stands beside what it encrypted.
    pub id: String,
    /// 64 hexadecimal digits: `openssl rand -hex 32`.
    pub key: Secret,
}

impl KeyConfig {
    /// The key itself.
    ///
    /// # Errors
    /// If the name or the digits are no good.
    pub fn key(&self) -> Result<Key, KeyError> {
        Key::from_hex(&self.id, &SecretString::from(self.key.expose()))
    }
}

impl RedisConfig {
    /// What the store at `address` is opened with.
    ///
    /// # Errors
    /// If an encryption key is none.
    pub fn store(&self, address: &Address) -> Result<Config, KeyError> {
        let credentials = |user: &Option<String>, password: &Option<Secret>| {
            let password = password.as_ref().map(Secret::expose);
            Credentials {
                user: user.clone(),
                password: password.map(SecretString::from),
            }
        };
        let address = address
            .clone()
            .with_credentials(credentials(&self.user, &self.password));
        let asks = self.sentinel_user.is_some() || self.sentinel_password.is_some();
        Ok(Config {
            sentinel: asks.then(|| credentials(&self.sentinel_user, &self.sentinel_password)),
            prefix: self.prefix.clone(),
            ca_file: self.ca_file.clone(),
            keys: (self.encryption_keys.iter().map(KeyConfig::key)).collect::<Result<_, _>>()?,
            retention: Retention {
                age: self.retention.map(|period| period.0),
                messages: self.retention_messages.map(u64::from),
            },
            confirm_replicas: self.confirm_replicas,
            ..Config::at(address)
        })
    }

    /// What is wrong although each value has its type: the path behind `[store.redis]`, and why.
    pub(super) fn problems(&self) -> Vec<(Vec<String>, String)> {
        let keys = self.encryption_keys.iter().enumerate();
        let bad = keys.filter_map(|(index, key)| {
            let error = key.key().err()?;
            let field = match error {
                KeyError::Name => "id",
                KeyError::Digits => "key",
            };
            let path = ["encryption_keys", &index.to_string(), field];
            Some((path.map(str::to_owned).to_vec(), error.to_string()))
        });
        bad.collect()
    }

    /// The settings that promise something which only Redis does.
    pub fn promises(&self) -> Vec<&'static str> {
        let set = [
            ("encryption_keys", !self.encryption_keys.is_empty()),
            ("retention", self.retention.is_some()),
            ("retention_messages", self.retention_messages.is_some()),
            ("confirm_replicas", self.confirm_replicas > 0),
        ];
        let set = set.into_iter().filter(|(_, is_set)| *is_set);
        set.map(|(name, _)| name).collect()
    }
}

/// Which store, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreUrl {
    /// One file, relative to the data directory.
    Sqlite(PathBuf),
    /// Nothing outlives the process.
    Memory,
    /// Shared by several servers. Prints without its password.
    Redis(Box<Address>),
}

impl TryFrom<String> for StoreUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(StoreUrl::Memory),
            Some(("sqlite", file)) if !file.is_empty() => Ok(StoreUrl::Sqlite(file.into())),
            Some((scheme, _)) if scheme.starts_with("redis") => match text.parse() {
                Ok(address) => Ok(StoreUrl::Redis(Box::new(address))),
                Err(error) => Err(error.to_string()),
            },
            _ => Err(
                "a store is \"sqlite:FILE\", \"memory:\", or \"redis://HOST\" and its kin"
                    .to_owned(),
            ),
        }
    }
}

impl From<StoreUrl> for String {
    fn from(url: StoreUrl) -> String {
        match url {
            StoreUrl::Sqlite(file) => format!("sqlite:{}", file.display()),
            StoreUrl::Memory => "memory:".to_owned(),
            StoreUrl::Redis(address) => address.to_string(),
        }
    }
}
