//! A conversation as Markdown.

use causerie_core::{
    message::{Message, Part, Role},
    persona::Persona,
};

/// All that was said, with who said it. Calls of tools are left out: nobody said them.
pub(super) fn markdown(history: &[Message], persona: &Persona) -> String {
    let mut text = String::new();
    for message in history.iter().filter(|message| message.role != Role::Tool) {
        let said = words(message);
        if said.is_empty() {
            continue;
        }
        let speaker = match (&message.author, message.role) {
            (Some(author), Role::User) => inline(author.name.expose()),
            (None, Role::User) => "?".into(),
            _ => inline(persona.name.as_str()),
        };
        text.push_str(&format!("**{speaker}:**\n\n{said}\n\n"));
    }
    text.truncate(text.trim_end().len());
    text
}

fn words(message: &Message) -> String {
    let parts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.expose().to_owned()),
        Part::Attachment(file) => Some(format!("[{}]", inline(file.name.expose()))),
        Part::Note { line, .. } => Some(format!("*{}*", inline(line.expose()))),
        Part::ToolCall(_) | Part::ToolOutput { .. } => None,
    });
    parts.collect::<Vec<_>>().join("\n\n").trim().to_owned()
}

/// A name on one line that cannot end the bold type around it.
fn inline(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_control() || matches!(c, '*' | '[' | ']' | '`' | '\\') {
                ' '
            } else {
                c
            }
        })
        .collect()
}
