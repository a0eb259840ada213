//! Who asks: a visitor, known by a signed cookie, and the conversations that are theirs.

use crate::{CookieKey, key::hex};
use axum::http::{HeaderMap, header};
use causerie_core::{
    Text,
    event::Participant,
    id::{ConversationId, IdError, ParticipantId, Place, PlatformId},
};

/// The cookie that holds the visitor.
pub(crate) const COOKIE: &str = "causerie_visitor";
const PURPOSE: &str = "visitor";
/// 400 days, the longest that browsers keep a cookie.
const MAX_AGE: u32 = 400 * 24 * 3600;

/// A browser that was here before. 128 random bits in hexadecimal digits.
///
/// A conversation's id begins with its visitor, and the page names only the rest. So there is no
/// way to even speak of another visitor's conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visitor(String);

impl Visitor {
    pub(crate) fn new() -> Self {
        Self(hex(&rand::random::<[u8; 16]>()))
    }

    /// The visitor of a request, if its cookie is ours.
    pub(crate) fn of(headers: &HeaderMap, key: &CookieKey) -> Option<Self> {
        let (visitor, signature) = cookie(headers, COOKIE)?.split_once('.')?;
        key.verifies(PURPOSE, visitor, signature)
            .then(|| Self(visitor.to_owned()))
    }

    /// The value for `Set-Cookie`.
    pub(crate) fn cookie(&self, key: &CookieKey, secure: bool) -> String {
        let value = format!("{}.{}", self.0, key.sign(PURPOSE, &self.0));
        set_cookie(COOKIE, &value, "Strict", MAX_AGE, secure)
    }

    /// As the rest of the house knows them.
    pub(crate) fn participant(&self, platform: &PlatformId) -> Result<Participant, IdError> {
        Ok(Participant {
            id: ParticipantId::on(platform, &self.0)?,
            name: Text::default(),
            is_bot: false,
            roles: vec![],
        })
    }

    /// Their conversation of this name.
    pub(crate) fn conversation(
        &self,
        platform: &PlatformId,
        name: &str,
    ) -> Result<ConversationId, IdError> {
        ConversationId::on(platform, format!("{}.{name}", self.0))
    }

    /// The name of a conversation, if it is theirs.
    pub(crate) fn name_of<'a>(&self, conversation: &'a ConversationId) -> Option<&'a str> {
        conversation.rest().strip_prefix(&self.0)?.strip_prefix('.')
    }
}

/// Where answers of a conversation go: there is one place for each.
pub(crate) fn place(conversation: &ConversationId) -> Result<Place, IdError> {
    Place::new(conversation.rest())
}

/// Whether `name` can name a conversation or a message: the page makes them at random.
pub(crate) fn is_name(name: &str) -> bool {
    (8..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The value of the cookie called `name`.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// A `Set-Cookie` line that scripts cannot read.
pub(crate) fn set_cookie(name: &str, value: &str, site: &str, age: u32, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite={site}; Max-Age={age}{secure}")
}

/// Whether the browser spoke https, by the word of a proxy before us.
pub(crate) fn is_https(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn a_visitor_is_known_by_a_true_cookie_only() {
        let key = CookieKey::new([1; 32]);
        let visitor = Visitor::new();
        let line = visitor.cookie(&key, false);
        let pair = line.split(';').next().unwrap();
        assert_eq!(
            Visitor::of(&headers(&format!("a=b; {pair}")), &key),
            Some(visitor)
        );

        let forged = pair.replace('0', "1");
        let other = CookieKey::new([2; 32]);
        assert_eq!(Visitor::of(&headers(pair), &other), None);
        assert!(forged == pair || Visitor::of(&headers(&forged), &key).is_none());
        assert_eq!(Visitor::of(&headers("causerie_visitor=abc"), &key), None);
        assert_eq!(Visitor::of(&HeaderMap::new(), &key), None);
    }

    #[test]
    fn a_conversation_belongs_to_the_visitor_in_its_id() {
        let web = PlatformId::new("web").unwrap();
        let (one, two) = (Visitor::new(), Visitor::new());
        let id = one.conversation(&web, "abcdefgh").unwrap();
        assert_eq!(one.name_of(&id), Some("abcdefgh"));
        assert_eq!(two.name_of(&id), None);
    }

    #[test]
    fn names_are_plain() {
        assert!(is_name("0123456789abcdef"));
        for bad in [
            "",
            "short",
            "has.dot.in.it",
            "UPPERCASE",
            "../../etc",
            &"a".repeat(65),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
