//! The question of a script: from the command line, from standard input, or from both.

use causerie_core::Text;
use std::io::{self, Read};
use thiserror::Error;

/// The most bytes that are read. The engine's own limit is lower and answers with its own words;
/// this one only keeps an endless pipe from filling the memory.
pub(crate) const LIMIT: u64 = 64 << 20;

/// Why there is no question.
#[derive(Debug, Error)]
pub enum InputError {
    /// Nothing was asked.
    #[error("there is no question: give it as an argument, or on standard input")]
    Empty,
    /// It is not text.
    #[error(
        "standard input is not UTF-8 text: byte {position} cannot be read; convert it with iconv"
    )]
    NotText {
        /// The first bad byte, from 0.
        position: usize,
    },
    /// It does not end.
    #[error("standard input has more than {} MB, which no model can read", LIMIT >> 20)]
    TooLong,
    /// It cannot be read.
    #[error("standard input cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

impl InputError {
    /// The exit code, after `sysexits.h`.
    pub fn code(&self) -> u8 {
        match self {
            InputError::Empty => 64,
            InputError::NotText { .. } | InputError::TooLong => 65,
            InputError::Unreadable(_) => 74,
        }
    }
}

/// Puts the question together. Standard input is read if it is not a terminal, or if the argument
/// is `-`; what it holds stands below the argument, as what the question is about.
///
/// # Errors
/// If there is nothing, or it is no text. [`InputError::code`] is the exit code.
pub fn question(
    argument: Option<&str>,
    input: impl Read,
    input_is_terminal: bool,
) -> Result<Text, InputError> {
    let argument = argument.map(str::trim);
    let asked = argument.filter(|argument| *argument != "-");
    let context = if argument == Some("-") || !input_is_terminal {
        read(input)?
    } else {
        String::new()
    };
    let parts = [asked.unwrap_or_default(), context.trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err(InputError::Empty);
    }
    Ok(Text::new(parts.join("\n\n")))
}

fn read(input: impl Read) -> Result<String, InputError> {
    let mut bytes = Vec::new();
    input.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(InputError::TooLong);
    }
    let text = String::from_utf8(bytes);
    text.map_err(|error| InputError::NotText {
        position: error.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(argument: Option<&str>, input: &[u8], terminal: bool) -> Result<String, InputError> {
        question(argument, input, terminal).map(Text::into_exposed)
    }

    #[test]
    fn the_argument_stands_above_what_is_piped_in() {
        assert_eq!(ask(Some("Why?"), b"", true).unwrap(), "Why?");
        assert_eq!(
            ask(Some("Why?"), b"log line\n", false).unwrap(),
            "Why?\n\nlog line"
        );
        assert_eq!(ask(None, b"Why?\n", false).unwrap(), "Why?");
        assert_eq!(ask(Some("-"), b"typed\n", true).unwrap(), "typed");
        assert_eq!(ask(Some("Why?"), b"not read", true).unwrap(), "Why?");
    }

    #[test]
    fn nothing_is_a_usage_error_and_bytes_are_a_data_error() {
        assert_eq!(ask(None, b"", true).unwrap_err().code(), 64);
        assert_eq!(ask(Some("  "), b" \n", false).unwrap_err().code(), 64);
        let error = ask(Some("Why?"), b"ab\xff", false).unwrap_err();
        assert_eq!(error.code(), 65);
        assert!(error.to_string().contains("byte 2"), "{error}");
    }

    #[test]
    fn an_endless_pipe_is_refused() {
        let error = question(None, io::repeat(b'a'), false).unwrap_err();
        assert_eq!(error.code(), 65);
    }
}
