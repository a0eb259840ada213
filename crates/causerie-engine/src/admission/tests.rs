use super::*;
use causerie_core::{
    Text, Timestamp,
    event::{EventKind, Participant},
    id::{ConversationId, EventId, ParticipantId, Place},
};

fn event(participant: &str, is_bot: bool) -> Event {
    Event {
        id: EventId::new("1").unwrap(),
        conversation: ConversationId::new("web/room").unwrap(),
        place: Place::new("room").unwrap(),
        author: Participant {
            id: ParticipantId::new(format!("web/{participant}")).unwrap(),
            name: Text::new("N"),
            is_bot,
            roles: vec![],
        },
        at: Timestamp(0),
        kind: EventKind::StopPressed,
        language: None,
    }
}

fn rule(participant: &str, bots: bool) -> Rule {
    Rule {
        participant: Pattern::new(participant),
        bots,
        ..Rule::default()
    }
}

#[test]
fn a_star_stands_for_any_run_of_characters() {
    for (pattern, text, matches) in [
        ("*", "", true),
        ("*", "anything", true),
        ("", "", true),
        ("", "x", false),
        ("abc", "abc", true),
        ("abc", "abcd", false),
        ("ab*", "abcd", true),
        ("*cd", "abcd", true),
        ("*cd", "cdab", false),
        ("a*c*e", "abcde", true),
        ("a*c*e", "aec", false),
        ("a*a", "a", false),
        ("**", "x", true),
    ] {
        assert_eq!(
            Pattern::new(pattern).matches(text),
            matches,
            "{pattern} {text}"
        );
    }
}

#[test]
fn an_empty_list_allows_everybody_but_bots() {
    let admission = Admission::default();
    assert_eq!(admission.check(&event("ann", false)), Ok(()));
    let denied = Denied {
        refusal: Refusal::Bot,
        told: false,
    };
    assert_eq!(admission.check(&event("ann", true)), Err(denied));
}

#[test]
fn an_allow_list_keeps_others_out_and_tells_them() {
    let admission = Admission {
        allow: vec![rule("an*", false)],
        ..Admission::default()
    };
    assert_eq!(admission.check(&event("ann", false)), Ok(()));
    let denied = Denied {
        refusal: Refusal::NotAllowed,
        told: true,
    };
    assert_eq!(admission.check(&event("bob", false)), Err(denied));
}

#[test]
fn a_block_wins_and_is_silent() {
    let admission = Admission {
        allow: vec![rule("*", true)],
        block: vec![rule("ann", false)],
    };
    let denied = Denied {
        refusal: Refusal::NotAllowed,
        told: false,
    };
    assert_eq!(admission.check(&event("ann", false)), Err(denied));
    assert_eq!(admission.check(&event("robot", true)), Ok(()));
}

#[test]
fn rules_tell_platforms_and_places_apart() {
    let at = |platform: &str, place: &str| Event {
        conversation: ConversationId::new(format!("{platform}/{place}")).unwrap(),
        place: Place::new(place).unwrap(),
        ..event("ann", false)
    };
    let rule = |platform: &str, place: &str| Rule {
        platform: Pattern::new(platform),
        place: Pattern::new(place),
        ..Rule::default()
    };
    let admitted = |admission: &Admission, platform: &str, place: &str| {
        admission.check(&at(platform, place)).is_ok()
    };
    let allows = Admission {
        allow: vec![rule("web", "*"), rule("telegram.*", "-100*")],
        ..Admission::default()
    };
    for (platform, place, expected) in [
        ("web", "room", true),
        ("webs", "room", false),
        ("telegram.support", "-1001", true),
        ("telegram.support", "42", false),
        ("telegram", "-1001", false),
        ("discord", "-1001", false),
    ] {
        assert_eq!(
            admitted(&allows, platform, place),
            expected,
            "{platform} {place}"
        );
    }
    let blocks = Admission {
        block: vec![rule("web", "noise")],
        ..Admission::default()
    };
    assert!(!admitted(&blocks, "web", "noise"));
    assert!(admitted(&blocks, "web", "room") && admitted(&blocks, "discord", "noise"));
}

#[test]
fn a_rule_reads_from_configuration_and_knows_its_keys() {
    let rule: Rule = serde_json::from_str(r#"{"participant": "42"}"#).unwrap();
    assert!(rule.matches(&event("42", false)) && !rule.matches(&event("43", false)));
    assert!(serde_json::from_str::<Rule>(r#"{"participants": "42"}"#).is_err());
}
