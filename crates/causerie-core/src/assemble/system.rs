//! The system prompt: a template over declared variables.

use super::AssembleError;
use crate::persona::Persona;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use std::io;
use thiserror::Error as ThisError;

/// The most instructions a template may run.
const FUEL: u64 = 50_000;

/// The most bytes a template may write.
const MAX_BYTES: usize = 256 * 1024;

/// What is wrong with a template.
#[derive(Clone, Debug, ThisError, PartialEq, Eq)]
pub enum TemplateFault {
    /// It cannot be read.
    #[error("{0}")]
    Syntax(String),
    /// It uses a variable that is not declared.
    #[error("the variable `{0}` is not declared; add it to the persona's variables")]
    Undeclared(String),
    /// It runs too long.
    #[error("it runs too long")]
    TooLong,
    /// It writes too much.
    #[error("it writes more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It fails while it runs.
    #[error("{0}")]
    Failed(String),
}

/// Checks what can be checked of a persona before anybody speaks to it: that the system prompt
/// renders, uses only declared variables, and that the window policy makes sense.
///
/// # Errors
/// With the first thing found, and its line where it has one.
pub fn check_persona(persona: &Persona) -> Result<(), AssembleError> {
    let window = persona.window;
    if !(0.0 < window.low_water && window.low_water < window.high_water && window.high_water <= 1.0)
    {
        return Err(AssembleError::Window);
    }
    render(persona).map(drop)
}

/// The system prompt, without white space around it.
pub(super) fn render(persona: &Persona) -> Result<String, AssembleError> {
    let source = persona.system.expose();
    if !source.contains("{{") && !source.contains("{%") && !source.contains("{#") {
        return Ok(source.trim().to_owned());
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let template = environment
        .template_from_str(source)
        .map_err(|error| fault(&error))?;
    let mut used: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    used.retain(|name| !persona.variables.contains_key(name) && !is_function(&environment, name));
    if let Some((line, name)) = used
        .into_iter()
        .map(|name| (line_of(source, &name), name))
        .min()
    {
        let fault = TemplateFault::Undeclared(name);
        return Err(AssembleError::Template { line, fault });
    }
    let mut out = Bounded(vec![]);
    template
        .render_captured_to(&persona.variables, &mut out)
        .map_err(|error| fault(&error))?;
    let text = String::from_utf8_lossy(&out.0);
    Ok(text.trim().to_owned())
}

fn is_function(environment: &Environment<'_>, name: &str) -> bool {
    environment.globals().any(|(global, _)| global == name)
}

/// The first line that has `name` as a word of its own. The parser does not tell.
fn line_of(source: &str, name: &str) -> u32 {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let line = source.lines().position(|line| {
        let mut words = line.split(|c| !is_word(c));
        line.contains('{') && words.any(|word| word == name)
    });
    let line = line.or_else(|| source.lines().position(|line| line.contains(name)));
    line.map_or(1, |line| line as u32 + 1)
}

fn fault(error: &Error) -> AssembleError {
    let told = || match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let fault = match error.kind() {
        ErrorKind::SyntaxError => TemplateFault::Syntax(told()),
        ErrorKind::OutOfFuel => TemplateFault::TooLong,
        ErrorKind::WriteFailure => TemplateFault::TooLarge,
        _ => TemplateFault::Failed(told()),
    };
    let line = error.line().map_or(1, |line| line as u32);
    AssembleError::Template { line, fault }
}

/// Refuses what goes beyond [`MAX_BYTES`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
