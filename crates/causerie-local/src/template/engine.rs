//! Runs a chat template the way its author's tools do.

use causerie_core::{Clock, prompt::PromptRole};
use minijinja::{Environment, Error, ErrorKind, Value, context, syntax::SyntaxConfig};
use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::Arc,
};

/// A template is data from strangers: it may work this much and no more.
const FUEL: u64 = 4_000_000;
/// A template may write this much for the whole and for each message, besides the messages.
const MOST_OUTPUT: usize = 64 << 10;
const MOST_OUTPUT_PER_MESSAGE: usize = 4 << 10;

/// One parsed template and what it may call.
pub(super) struct Engine {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl Engine {
    /// Parses `source`.
    ///
    /// # Errors
    /// If it is no template.
    pub(super) fn new(
        source: &str,
        bos: &str,
        eos: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?;
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |reason: String| {
            Err::<Value, _>(Error::new(ErrorKind::InvalidOperation, reason))
        });
        environment.add_function("strftime_now", move |format: String| {
            strftime(clock.as_ref(), &format)
        });
        environment.add_template_owned("chat", source.to_owned())?;
        Ok(Self {
            environment,
            bos: bos.to_owned(),
            eos: eos.to_owned(),
        })
    }

    /// Renders messages, with the beginning of an answer at the end.
    ///
    /// # Errors
    /// If the template raises an exception, or needs too much time or room.
    pub(super) fn render(&self, messages: &[(PromptRole, String)]) -> Result<String, Error> {
        let words: usize = messages.iter().map(|(_, content)| content.len()).sum();
        let show =
            |(role, content): &(PromptRole, String)| context! { role => name(*role), content };
        let messages: Vec<Value> = messages.iter().map(show).collect();
        let most = MOST_OUTPUT + messages.len() * MOST_OUTPUT_PER_MESSAGE + words;
        let mut output = Bounded { text: vec![], most };
        let context = context! {
            messages,
            add_generation_prompt => true,
            enable_thinking => false,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
            tools => (),
            documents => (),
        };
        self.environment
            .get_template("chat")?
            .render_captured_to(context, &mut output)?;
        String::from_utf8(output.text)
            .map_err(|_| Error::new(ErrorKind::WriteFailure, "the output is not UTF-8"))
    }
}

fn name(role: PromptRole) -> &'static str {
    match role {
        PromptRole::System => "system",
        PromptRole::User => "user",
        PromptRole::Assistant => "assistant",
        PromptRole::Tool => "tool",
    }
}

fn strftime(clock: &dyn Clock, format: &str) -> Result<String, Error> {
    let invalid = |_| Error::new(ErrorKind::InvalidOperation, "strftime_now got a bad format");
    let now = jiff::Timestamp::from_millisecond(clock.now().0).map_err(invalid)?;
    let mut text = String::new();
    write!(text, "{}", now.strftime(format))
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "strftime_now got a bad format"))?;
    Ok(text)
}

/// Takes so many bytes and refuses more.
struct Bounded {
    text: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.most {
            return Err(io::Error::other("the chat template writes too much"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
