//! Where the model is, and what every request to it carries.

use crate::{
    Config,
    config::{OutputLimit, SamplingFields},
};
use causerie_core::backend::{BackendError, Privacy};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use std::{net::IpAddr, sync::Arc};

/// The endpoint, checked: async-openai asks it for URLs and headers.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Parts>);

struct Parts {
    /// Without a slash at its end, and with the deployment for Azure.
    base: String,
    /// Where the list of models is, which on Azure no deployment has.
    root: String,
    host: String,
    headers: HeaderMap,
    api_version: Option<String>,
    /// Only because async-openai's trait wants one; requests take the key from the headers.
    no_key: SecretString,
}

impl Endpoint {
    /// # Errors
    /// [`BackendError::Misconfigured`] if the URL or a header is none.
    pub(crate) fn new(config: &Config) -> Result<Self, BackendError> {
        let url = Url::parse(&config.base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| wrong("base_url is no URL with http:// or https://"))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(wrong("base_url may hold neither a name nor a query"));
        }
        let host = url
            .host_str()
            .ok_or_else(|| wrong("base_url names no host"))?
            .trim_matches(['[', ']'])
            .to_owned();
        let mut root = url.as_str().trim_end_matches('/').to_owned();
        // People copy the address of the call from a provider's page.
        if let Some(base) = root.strip_suffix("/chat/completions") {
            root = base.to_owned();
        }
        let base = match &config.azure {
            Some(azure) => {
                let deployment = azure.deployment.as_ref().unwrap_or(&config.model);
                if deployment.contains(['/', '?', '#']) {
                    return Err(wrong("the deployment is no name"));
                }
                root = format!("{}/openai", root.trim_end_matches("/openai"));
                format!("{root}/deployments/{deployment}")
            }
            None => root.clone(),
        };
        Ok(Self(Arc::new(Parts {
            base,
            root,
            host,
            headers: headers(config)?,
            api_version: config.azure.as_ref().map(|azure| azure.api_version.clone()),
            no_key: SecretString::default(),
        })))
    }

    /// The host, for the operator.
    pub(crate) fn host(&self) -> &str {
        &self.0.host
    }

    /// What every request carries.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The address of `path` on the server, beside the API's version: what is no part of OpenAI's API.
    pub(crate) fn beside(&self, path: &str) -> String {
        format!("{}{path}", self.0.root.trim_end_matches("/v1"))
    }

    /// Who sees what is sent there.
    pub(crate) fn privacy(&self) -> Privacy {
        if is_private(&self.0.host) {
            Privacy::Private
        } else {
            Privacy::ThirdParty
        }
    }

    /// Whether the address is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.0.host.parse::<IpAddr>();
        address.map_or(self.0.host == "localhost", |address| address.is_loopback())
    }

    /// Which field limits an answer there.
    pub(crate) fn output_limit(&self) -> OutputLimit {
        if self.is_openai() {
            OutputLimit::MaxCompletionTokens
        } else {
            OutputLimit::MaxTokens
        }
    }

    /// Which sampling values are safe to send there.
    pub(crate) fn sampling_fields(&self) -> SamplingFields {
        match self.privacy() {
            Privacy::Private => SamplingFields::All,
            _ => SamplingFields::Standard,
        }
    }

    /// Whether it is known to know `prompt_cache_key`.
    pub(crate) fn knows_cache_keys(&self) -> bool {
        self.is_openai() || self.is_under("openrouter.ai")
    }

    fn is_openai(&self) -> bool {
        self.0.api_version.is_some()
            || [
                "api.openai.com",
                "openai.azure.com",
                "cognitiveservices.azure.com",
            ]
            .iter()
            .any(|domain| self.is_under(domain))
    }

    fn is_under(&self, domain: &str) -> bool {
        let rest = self.0.host.strip_suffix(domain);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl async_openai::config::Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.0.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        let base = if path == "/models" {
            &self.0.root
        } else {
            &self.0.base
        };
        format!("{base}{path}")
    }

    fn query(&self) -> Vec<(&str, &str)> {
        let version = self.0.api_version.iter();
        version
            .map(|version| ("api-version", version.as_str()))
            .collect()
    }

    fn api_base(&self) -> &str {
        &self.0.base
    }

    fn api_key(&self) -> &SecretString {
        &self.0.no_key
    }
}

fn headers(config: &Config) -> Result<HeaderMap, BackendError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &config.api_key {
        let key = key.expose_secret().trim();
        let (name, value) = match config.azure {
            Some(_) => (HeaderName::from_static("api-key"), key.to_owned()),
            None => (AUTHORIZATION, format!("Bearer {key}")),
        };
        let value = secret(&value).ok_or_else(|| wrong("the API key has characters no key has"))?;
        headers.insert(name, value);
    }
    let named = [
        ("openai-organization", &config.organization),
        ("openai-project", &config.project),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            let value = secret(value).ok_or_else(|| wrong(&format!("{name} is no header")))?;
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in &config.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        let Some((name, value)) = parsed.zip(secret(value.expose_secret())) else {
            return Err(wrong(&format!("the header {name:?} cannot be sent")));
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

/// A value that prints as nothing.
fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether `host` is this machine or one of the operator's network: loopback, private and link-local
/// addresses, names without a dot, and the domains that no public name has.
fn is_private(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => {
            let mapped = ip.to_ipv4_mapped().map(|ip| is_private(&ip.to_string()));
            mapped.unwrap_or(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local())
        }
        Err(_) => {
            let domains = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];
            !host.contains('.') || domains.iter().any(|domain| host.ends_with(domain))
        }
    }
}

fn wrong(what: &str) -> BackendError {
    BackendError::Misconfigured {
        reason: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_openai::config::Config as _;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(&Config::new(url, "m")).unwrap()
    }

    #[test]
    fn addresses_are_put_together() {
        for url in [
            "http://h/v1",
            "http://h/v1/",
            "http://h/v1/chat/completions",
        ] {
            assert_eq!(
                endpoint(url).url("/chat/completions"),
                "http://h/v1/chat/completions"
            );
        }
        assert_eq!(
            endpoint("http://h:1/v1").beside("/props"),
            "http://h:1/props"
        );
        let mut azure = Config::new("https://x.openai.azure.com/", "gpt");
        azure.azure = Some(Azure {
            api_version: "2024-10-21".into(),
            deployment: None,
        });
        azure.api_key = Some("k".into());
        let azure = Endpoint::new(&azure).unwrap();
        assert_eq!(
            azure.url("/chat/completions"),
            "https://x.openai.azure.com/openai/deployments/gpt/chat/completions"
        );
        assert_eq!(
            azure.url("/models"),
            "https://x.openai.azure.com/openai/models"
        );
        assert_eq!(azure.query(), [("api-version", "2024-10-21")]);
        assert_eq!(azure.headers()["api-key"], "k");
        assert!(!format!("{:?}", azure.headers()).contains("\"k\""));
    }

    #[test]
    fn who_sees_it_follows_from_the_host() {
        let private = [
            "http://localhost:1/v1",
            "http://127.0.0.1/v1",
            "http://192.168.1.9/v1",
            "http://[::1]:8/v1",
            "http://[fd00::1]/v1",
            "http://ollama:11434/v1",
            "http://gpu.lan/v1",
        ];
        for url in private {
            assert_eq!(endpoint(url).privacy(), Privacy::Private, "{url}");
        }
        let public = [
            "https://api.openai.com/v1",
            "http://8.8.8.8/v1",
            "https://[2001:db8::1]/v1",
        ];
        for url in public {
            assert_eq!(endpoint(url).privacy(), Privacy::ThirdParty, "{url}");
        }
        assert!(endpoint("https://openrouter.ai/api/v1").knows_cache_keys());
        assert!(!endpoint("https://notopenrouter.ai/v1").knows_cache_keys());
    }

    #[test]
    fn what_cannot_be_sent_is_said_before_it_is_tried() {
        for url in ["", "host/v1", "ftp://h", "https://me:secret@h/v1"] {
            let error = Endpoint::new(&Config::new(url, "m"))
                .err()
                .unwrap()
                .to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let mut config = Config::new("http://h", "m");
        config.api_key = Some("se\ncret".into());
        let error = Endpoint::new(&config).err().unwrap().to_string();
        assert!(!error.contains("cret"), "{error}");
    }

    use crate::Azure;
}
