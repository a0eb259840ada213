//! Where Redis is: the forms of its URLs.

use crate::config::Credentials;
use secrecy::SecretString;
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Where Redis is, and as whom we go there.
///
/// | form | what it is |
/// |---|---|
/// | `redis://[user:password@]host[:6379][/db]` | one server |
/// | `redis-sentinel://[user:password@]host[:26379][,host…]/service[/db]` | the master of `service`, by its Sentinels |
/// | `redis-cluster://[user:password@]host[:6379][,host…]` | a cluster, by some of its nodes |
///
/// With `rediss` in place of `redis` (`rediss://`, `rediss-sentinel://`, `rediss-cluster://`) all
/// connections use TLS, to the Sentinels too. `:password@` alone goes as the default user. What a
/// URL does not allow in names and passwords is written `%41`. IPv6 addresses stand in brackets. It
/// prints without the password.
#[derive(Clone, Debug)]
pub struct Address {
    pub(crate) kind: Kind,
    pub(crate) tls: bool,
    pub(crate) hosts: Vec<(String, u16)>,
    pub(crate) credentials: Credentials,
    pub(crate) db: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Single,
    Sentinel { service: String },
    Cluster,
}

/// Why a text is no address. It does not quote the text: a password may stand in it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Unknown beginning.
    #[error(
        "a Redis URL begins with redis://, redis-sentinel:// or redis-cluster://, or with rediss \
         for TLS"
    )]
    Scheme,
    /// No host, or what stands there is none.
    #[error("a Redis URL needs a host, or several with commas between them, each with its port")]
    Host,
    /// More than one host for one server.
    #[error("redis:// takes one host; use redis-sentinel:// or redis-cluster:// for several")]
    Several,
    /// Sentinels without a service.
    #[error("redis-sentinel:// needs the name of the service behind the hosts: …/mymaster")]
    Service,
    /// A database that is no number, or one in a cluster.
    #[error("the database in a Redis URL is a number, and a cluster has only the one")]
    Database,
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("a `%` in the name or the password of a Redis URL is written %25")]
    Escape,
    /// Something behind a `?` or `#`.
    #[error("a Redis URL has nothing behind `?` or `#`; write %3F and %23 in a password")]
    Extra,
}

impl Address {
    /// The same place, as somebody else: a name or a password that is set replaces the one here.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        let own = self.credentials;
        self.credentials = Credentials {
            user: credentials.user.or(own.user),
            password: credentials.password.or(own.password),
        };
        self
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(AddressError::Scheme)?;
        let (base, kind) = scheme.split_once('-').unwrap_or((scheme, ""));
        let tls = match base {
            "redis" => false,
            "rediss" => true,
            _ => return Err(AddressError::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(AddressError::Extra);
        }
        let (who, place) = match rest.rsplit_once('@') {
            Some((who, place)) => (Some(who), place),
            None => (None, rest),
        };
        let mut path = place.split('/');
        let hosts = path.next().unwrap_or_default();
        let path: Vec<&str> = path.filter(|part| !part.is_empty()).collect();
        let port = if kind == "sentinel" { 26379 } else { 6379 };
        let hosts: Vec<_> = (hosts.split(','))
            .map(|host| parse_host(host, port))
            .collect::<Result<_, _>>()?;
        let number = |text: &&str| text.parse().map_err(|_| AddressError::Database);
        let (kind, db) = match (kind, &path[..]) {
            ("", _) if hosts.len() > 1 => return Err(AddressError::Several),
            ("", []) => (Kind::Single, 0),
            ("", [db]) => (Kind::Single, number(db)?),
            ("sentinel", []) => return Err(AddressError::Service),
            ("sentinel", [service, db @ ..]) if db.len() < 2 => {
                let service = unescape(service)?;
                let db = db.first().map(number).transpose()?;
                (Kind::Sentinel { service }, db.unwrap_or(0))
            }
            ("cluster", [] | ["0"]) => (Kind::Cluster, 0),
            ("" | "sentinel" | "cluster", _) => return Err(AddressError::Database),
            _ => return Err(AddressError::Scheme),
        };
        Ok(Self {
            kind,
            tls,
            hosts,
            credentials: who.map(parse_credentials).transpose()?.unwrap_or_default(),
            db,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.tls { "s" } else { "" };
        let kind = match &self.kind {
            Kind::Single => "",
            Kind::Sentinel { .. } => "-sentinel",
            Kind::Cluster => "-cluster",
        };
        write!(f, "redis{s}{kind}://")?;
        for (i, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match host.contains(':') {
                true => write!(f, "{comma}[{host}]:{port}")?,
                false => write!(f, "{comma}{host}:{port}")?,
            }
        }
        if let Kind::Sentinel { service } = &self.kind {
            write!(f, "/{service}")?;
        }
        if self.db != 0 {
            write!(f, "/{}", self.db)?;
        }
        Ok(())
    }
}

fn parse_host(text: &str, port: u16) -> Result<(String, u16), AddressError> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => text.split_once(']').ok_or(AddressError::Host)?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) => digits.parse().map_err(|_| AddressError::Host)?,
        None if rest.is_empty() => port,
        None => return Err(AddressError::Host),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(AddressError::Host);
    }
    Ok((host.to_owned(), port))
}

fn parse_credentials(text: &str) -> Result<Credentials, AddressError> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    let user = unescape(user)?;
    let password = password.map(unescape).transpose()?;
    Ok(Credentials {
        user: Some(user).filter(|user| !user.is_empty()),
        password: password.map(SecretString::from),
    })
}

fn unescape(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || {
            let digit = rest.next().and_then(|c| char::from(c).to_digit(16));
            digit.ok_or(AddressError::Escape)
        };
        bytes.push(match byte {
            b'%' => (digit()? << 4 | digit()?) as u8,
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn parse(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn all_forms_are_understood_and_print_without_passwords() {
        for (text, printed) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("rediss://u:p@h:1/3", "rediss://h:1/3"),
            ("redis://:p%40@[::1]:7/", "redis://[::1]:7"),
            (
                "redis-sentinel://u:p@a,b:2/main/4",
                "redis-sentinel://a:26379,b:2/main/4",
            ),
            ("rediss-sentinel://a/main", "rediss-sentinel://a:26379/main"),
            (
                "redis-cluster://a:1,b:2,c",
                "redis-cluster://a:1,b:2,c:6379",
            ),
        ] {
            assert_eq!(parse(text).to_string(), printed);
            assert_eq!(parse(printed).to_string(), printed);
        }
    }

    #[test]
    fn names_and_passwords_are_unescaped() {
        let address = parse("redis://a%20b:p%40ss:w@rd@host");
        assert_eq!(address.credentials.user.as_deref(), Some("a b"));
        let password = address.credentials.password.unwrap();
        assert_eq!(password.expose_secret(), "p@ss:w@rd");
        let address = parse("redis://:secret@host");
        assert_eq!(address.credentials.user, None);
    }

    #[test]
    fn what_is_set_besides_replaces_what_stands_in_the_address() {
        let who = |user: Option<&str>, password: Option<&str>| Credentials {
            user: user.map(str::to_owned),
            password: password.map(SecretString::from),
        };
        for (user, password, expected) in [
            (None, None, ("ann", "first")),
            (Some("bob"), None, ("bob", "first")),
            (None, Some("second"), ("ann", "second")),
        ] {
            let address = parse("redis://ann:first@host").with_credentials(who(user, password));
            let found = address.credentials;
            assert_eq!(found.user.as_deref(), Some(expected.0));
            assert_eq!(found.password.unwrap().expose_secret(), expected.1);
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting() {
        use AddressError as E;
        for (text, error) in [
            ("localhost:6379", E::Scheme),
            ("http://a", E::Scheme),
            ("redis-what://a", E::Scheme),
            ("redis://", E::Host),
            ("redis://a:b", E::Host),
            ("redis://[::1", E::Host),
            ("redis://a,b", E::Several),
            ("redis-sentinel://a", E::Service),
            ("redis://a/x", E::Database),
            ("redis-cluster://a/1", E::Database),
            ("redis-sentinel://a/m/1/2", E::Database),
            ("redis://:%4@a", E::Escape),
            ("redis://a?x=1", E::Extra),
        ] {
            assert_eq!(text.parse::<Address>().err(), Some(error), "{text}");
        }
    }
}
