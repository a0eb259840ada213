//! Finds commands in what people write.

use causerie_core::{
    Text,
    event::{Event, EventKind},
};

/// The longest name a command may have.
const MAX_NAME: usize = 32;

/// Makes a message like `/new` the command it is, and leaves everything else as it is.
pub(crate) fn recognise(mut event: Event) -> Event {
    if let EventKind::Posted(posted) = &event.kind
        && let Some((name, argument)) = parse(posted.text.expose())
    {
        event.kind = EventKind::Command {
            message: Some(posted.message.clone()),
            name,
            argument: Text::new(argument),
        };
    }
    event
}

/// The name in lower case and what stands behind it. A path such as `/etc/hosts` is no command.
fn parse(text: &str) -> Option<(String, &str)> {
    let rest = text.trim().strip_prefix('/')?;
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    // In groups, Telegram puts the bot's name behind the command: /new@some_bot.
    let name = word.split_once('@').map_or(word, |(name, _)| name);
    let fits = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then(|| (name.to_ascii_lowercase(), argument.trim()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn commands_are_told_from_paths_and_prose() {
        for (text, command) in [
            ("/new", Some(("new", ""))),
            ("  /New  ", Some(("new", ""))),
            ("/model small one", Some(("model", "small one"))),
            ("/new@my_bot now", Some(("new", "now"))),
            ("/export\nplease", Some(("export", "please"))),
            ("/etc/hosts is broken", None),
            ("/", None),
            ("/ new", None),
            ("/1", None),
            ("/héllo", None),
            ("a /new", None),
            ("", None),
        ] {
            let found = parse(text);
            assert_eq!(
                found.as_ref().map(|(n, a)| (n.as_str(), *a)),
                command,
                "{text}"
            );
        }
        assert_eq!(parse(&format!("/{}", "x".repeat(33))), None);
    }
}
