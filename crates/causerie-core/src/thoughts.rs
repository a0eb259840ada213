//! Tells a model's thinking from its answer, for backends whose model writes both as one text.

use crate::{Text, backend::Delta};

/// How thinking begins, and how it ends then.
const MARKS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// Reasoning models think between `<think>` and `</think>`, or the same with `thinking`, before
/// they answer. Only thinking at the very beginning counts: the marks further down are words like
/// any others. Thinking that is never closed is thinking to the end.
#[derive(Debug)]
pub struct Thoughts {
    state: State,
    /// The marks that may end the thinking: the partner of the one that began it, or any if the
    /// template began it and did not say how.
    closes: &'static [(&'static str, &'static str)],
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
    /// `open`: whether the template has already opened the thinking, so that only its end is
    /// written.
    pub fn new(open: bool) -> Self {
        let state = if open {
            State::Thinking
        } else {
            State::Beginning
        };
        Self {
            state,
            closes: &MARKS,
            held: String::new(),
        }
    }

    /// Takes `text` and gives back what is known to be thinking or answer.
    pub fn push(&mut self, text: &str) -> Vec<Delta> {
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
    pub fn finish(&mut self) -> Vec<Delta> {
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
        let begun = MARKS.iter().position(|(open, _)| word.starts_with(open));
        if let Some(mark) = begun {
            self.held = word[MARKS[mark].0.len()..].to_owned();
            self.closes = &MARKS[mark..=mark];
            self.state = State::Thinking;
        } else if !MARKS.iter().any(|(open, _)| open.starts_with(word)) {
            self.state = State::BeforeAnswer;
        }
    }

    fn think(&mut self, deltas: &mut Vec<Delta>) {
        let end = self
            .closes
            .iter()
            .filter_map(|(_, close)| Some((self.held.find(close)?, close.len())))
            .min();
        let thought = match end {
            Some((end, mark)) => {
                self.state = State::BeforeAnswer;
                let answer = self.held.split_off(end + mark);
                let mut thought = std::mem::replace(&mut self.held, answer);
                thought.truncate(end);
                thought
            }
            None => {
                let keep = self
                    .closes
                    .iter()
                    .map(|(_, close)| begun(&self.held, close));
                let keep = keep.max().unwrap_or(0);
                let tail = self.held.split_off(self.held.len() - keep);
                std::mem::replace(&mut self.held, tail)
            }
        };
        if !thought.is_empty() {
            deltas.push(Delta::Reasoning(Text::new(thought)));
        }
    }
}

/// How many bytes at the end of `text` may be the beginning of `mark`.
fn begun(text: &str, mark: &str) -> usize {
    (1..mark.len())
        .rev()
        .find(|n| text.ends_with(&mark[..*n]))
        .unwrap_or(0)
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
            let (reasoning, answer) = split(true, "so</thinking>Yes.", size);
            assert_eq!((reasoning.as_str(), answer.as_str()), ("so", "Yes."));
            let (reasoning, answer) = split(false, "<thinking>a</think></thinking> b", size);
            assert_eq!((reasoning.as_str(), answer.as_str()), ("a</think>", "b"));
            let (reasoning, answer) = split(false, "<think>for ever</thi", size);
            assert_eq!((reasoning.as_str(), answer.as_str()), ("for ever</thi", ""));
        }
    }

    #[test]
    fn an_answer_without_thinking_is_given_out_whole() {
        for size in 1..12 {
            assert_eq!(split(false, " <b> and <think>", size).1, "<b> and <think>");
            assert_eq!(split(false, "<thi", size).1, "<thi");
            assert_eq!(split(false, "<thinker>", size).1, "<thinker>");
        }
    }
}
