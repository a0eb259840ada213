//! Where people write, and who is answered.

use super::value::Secret;
use causerie_core::id::PersonaName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Where people write.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformsConfig {
    /// The chat page.
    pub web: Option<WebConfig>,
}

impl Default for PlatformsConfig {
    /// The page alone, so that no configuration at all is a server to talk to.
    fn default() -> Self {
        Self {
            web: Some(WebConfig::default()),
        }
    }
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
    /// The name at the top of the page.
    pub title: String,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            persona: None,
            access_token: None,
            title: "Causerie".to_owned(),
        }
    }
}

/// Who is answered. An entry is a platform (`web`), a place on one (`web/…`), or a participant.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionConfig {
    /// When it is not empty, only these are answered.
    pub allow: Vec<String>,
    /// These are never answered.
    pub block: Vec<String>,
}
