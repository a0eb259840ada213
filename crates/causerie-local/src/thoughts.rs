//! Tells a model's thinking from its answer.

use causerie_core::{Text, backend::Delta};

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Reasoning models think between `<think>` and `</think>` before they answer. Only thinking at
/// the very beginning counts: the marks further down are words like any others.
#[derive(Debug)]
pub(crate) struct Thoughts {
    state: State,
    /// What may be the beginning of a mark, or white space that may come before one.
    held: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Beginning,
    Thinking,
    /// The white space before the first word is dropped.
    BeforeAnswer,
    Answering,
}

impl Thoughts {
    /// `open`: whether the template has already opened the thinking.
    pub(crate) fn new(open: bool) -> Self {
        let state = if open {
            State::Thinking
        } else {
            State::Beginning
        };
        Self {
            state,
            held: String::new(),
        }
    }

    /// Takes `text` and gives back what is known to be thinking or answer.
    pub(crate) fn push(&mut self, text: &str) -> Vec<Delta> {
        let mut deltas = vec![];
        if self.state == State::Answering {
            push_text(&mut deltas, text);
            return deltas;
        }
        self.held.push_str(text);
        if self.state == State::Beginning {
            self.begin();
        }
        if self.state == State::Thinking {
            self.think(&mut deltas);
        }
        if self.state == State::BeforeAnswer {
            self.held
                .drain(..self.held.len() - self.held.trim_start().len());
            if !self.held.is_empty() {
                self.state = State::Answering;
                push_text(&mut deltas, &std::mem::take(&mut self.held));
            }
        }
        deltas
    }

    /// There is no more: what was held back is given out.
    pub(crate) fn finish(&mut self) -> Vec<Delta> {
        let mut deltas = vec![];
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Thinking if !held.is_empty() => deltas.push(Delta::Reasoning(held.into())),
            State::Thinking => {}
            _ => push_text(&mut deltas, held.trim_start()),
        }
        deltas
    }

    fn begin(&mut self) {
        let word = self.held.trim_start();
        if let Some(rest) = word.strip_prefix(OPEN) {
            self.held = rest.to_owned();
            self.state = State::Thinking;
        } else if !OPEN.starts_with(word) {
            self.state = State::BeforeAnswer;
        }
    }

    fn think(&mut self, deltas: &mut Vec<Delta>) {
        let thought = match self.held.find(CLOSE) {
            Some(end) => {
                self.state = State::BeforeAnswer;
                let answer = self.held.split_off(end + CLOSE.len());
                let mut thought = std::mem::replace(&mut self.held, answer);
                thought.truncate(end);
                thought
            }
            None => {
                let keep = (1..CLOSE.len())
                    .rev()
                    .find(|n| self.held.ends_with(&CLOSE[..*n]));
                let tail = self.held.split_off(self.held.len() - keep.unwrap_or(0));
                std::mem::replace(&mut self.held, tail)
            }
        };
        if !thought.is_empty() {
            deltas.push(Delta::Reasoning(Text::new(thought)));
        }
    }
}

fn push_text(deltas: &mut Vec<Delta>, text: &str) {
    if !text.is_empty() {
        deltas.push(Delta::Text(text.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(open: bool, text: &str, size: usize) -> (String, String) {
        let mut thoughts = Thoughts::new(open);
        let chars: Vec<char> = text.chars().collect();
        let mut deltas: Vec<Delta> = chars
            .chunks(size)
            .flat_map(|piece| thoughts.push(&piece.iter().collect::<String>()))
            .collect();
        deltas.extend(thoughts.finish());
        let (mut reasoning, mut answer) = (String::new(), String::new());
        for delta in deltas {
            match delta {
                Delta::Reasoning(text) => reasoning.push_str(text.expose()),
                Delta::Text(text) => answer.push_str(text.expose()),
                other => panic!("{other:?}"),
            }
        }
        (reasoning, answer)
    }

    #[test]
    fn thinking_never_reaches_the_answer_however_it_is_cut() {
        for size in 1..12 {
            let (reasoning, answer) = split(false, "\n<think>a < b</thin?</think>\n\nYes.", size);
            assert_eq!(
                (reasoning.as_str(), answer.as_str()),
                ("a < b</thin?", "Yes.")
            );
            let (reasoning, answer) = split(true, "so</think>Yes.", size);
            assert_eq!((reasoning.as_str(), answer.as_str()), ("so", "Yes."));
        }
    }

    #[test]
    fn an_answer_without_thinking_is_given_out_whole() {
        for size in 1..12 {
            assert_eq!(split(false, " <b> and <think>", size).1, "<b> and <think>");
            assert_eq!(split(false, "<thi", size).1, "<thi");
        }
    }
}
