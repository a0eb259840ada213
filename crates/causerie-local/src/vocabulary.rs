//! The model's own words for things: text to tokens and back.

use crate::template::{ChatTemplate, Piece, TemplateError};
use causerie_core::prompt::{PromptMessage, TokenCounter};
use llama_cpp_2::{model::LlamaModel, token::LlamaToken, token_type::LlamaTokenAttr};
use std::{collections::BTreeSet, sync::Arc};

/// How often a text may be taken apart because it spells marks, before it is taken apart to single
/// characters. One round takes all marks out; what is left can hardly spell another.
const MOST_ROUNDS: u32 = 3;

/// A loaded model as far as other threads may use it: its vocabulary and its chat template.
///
/// It counts as [`TokenCounter`] exactly as prompts are tokenised.
pub(crate) struct Vocabulary {
    model: Arc<LlamaModel>,
    template: ChatTemplate,
    /// Whether the tokeniser puts a space before a text, as SentencePiece ones do.
    prefixes_space: bool,
    per_message: u32,
}

impl Vocabulary {
    /// Puts a model and its template together.
    pub(crate) fn new(model: Arc<LlamaModel>, template: ChatTemplate) -> Self {
        let mut vocabulary = Self {
            model,
            template,
            prefixes_space: false,
            per_message: 0,
        };
        let sample = vocabulary.tokenize("a", false);
        vocabulary.prefixes_space = sample
            .first()
            .is_some_and(|t| vocabulary.piece(*t).starts_with(b" "));
        vocabulary.per_message = vocabulary.measure_per_message();
        vocabulary
    }

    /// The tokens of a whole prompt, ready for the answer to follow, and whether the template has
    /// opened the model's thinking.
    ///
    /// # Errors
    /// If the template cannot render these messages.
    pub(crate) fn prompt(
        &self,
        messages: &[PromptMessage],
    ) -> Result<(Vec<LlamaToken>, bool), TemplateError> {
        let pieces = self.template.render(messages)?;
        let thinking = matches!(pieces.last(), Some(Piece::Scaffold(end)) if end.trim_end().ends_with("<think>"));
        Ok((self.splice(&pieces), thinking))
    }

    /// The bytes of one token of an answer. Control tokens have none.
    pub(crate) fn piece(&self, token: LlamaToken) -> Vec<u8> {
        self.model.vocab().token_to_piece(token, false, None)
    }

    /// Whether `token` ends an answer.
    pub(crate) fn ends(&self, token: LlamaToken) -> bool {
        self.model.vocab().is_eog(token)
    }

    /// Whether `token` is a mark of the chat template rather than words.
    pub(crate) fn is_mark(&self, token: LlamaToken) -> bool {
        let vocab = self.model.vocab();
        if vocab.is_control(token) || vocab.is_eog(token) {
            return true;
        }
        if !vocab.attr(token).contains(LlamaTokenAttr::UserDefined) {
            return false;
        }
        let text = vocab
            .text(token)
            .map(|text| text.to_bytes().to_vec())
            .unwrap_or_default();
        matches!(
            (text.first(), text.last()),
            (Some(b'<'), Some(b'>')) | (Some(b'['), Some(b']'))
        ) && text.len() > 2
    }

    fn splice(&self, pieces: &[Piece]) -> Vec<LlamaToken> {
        let vocab = self.model.vocab();
        let mut tokens: Vec<LlamaToken> = vec![];
        for piece in pieces {
            // A tokeniser that prefixes a space does so at the beginning and after each mark.
            // Elsewhere the pieces are parts of one run of text and must not get one.
            let inside = tokens.last().is_some_and(|last| !vocab.is_control(*last));
            match piece {
                Piece::Scaffold(text) => self.append(&mut tokens, text, true, inside),
                Piece::Words(text) => self.append_inert(&mut tokens, text, inside, MOST_ROUNDS),
            }
        }
        let bos = vocab.bos();
        if vocab.should_add_bos() && tokens.first() != Some(&bos) {
            tokens.insert(0, bos);
        }
        tokens
    }

    /// Appends people's words so that no token of them is a mark, whatever they spell.
    ///
    /// Most tokenisers leave marks alone when told to; some find those that the model's maker
    /// declared as words of their own. A text with such marks is cut behind the first character of
    /// each, so that the tokeniser never sees them whole.
    fn append_inert(&self, tokens: &mut Vec<LlamaToken>, text: &str, inside: bool, rounds: u32) {
        let before = tokens.len();
        self.append(tokens, text, false, inside);
        let marks: BTreeSet<LlamaToken> = tokens[before..]
            .iter()
            .copied()
            .filter(|token| self.is_mark(*token))
            .collect();
        if marks.is_empty() {
            return;
        }
        tokens.truncate(before);
        let cuts = self.cuts(text, &marks);
        if rounds == 0 || cuts.is_empty() {
            return self.append_characters(tokens, text);
        }
        let (mut from, mut inside) = (0, inside);
        for cut in cuts.into_iter().chain([text.len()]) {
            self.append_inert(tokens, &text[from..cut], inside, rounds - 1);
            (from, inside) = (cut, true);
        }
    }

    /// Where to cut `text` so that it spells none of `marks`.
    fn cuts(&self, text: &str, marks: &BTreeSet<LlamaToken>) -> BTreeSet<usize> {
        let mut cuts = BTreeSet::new();
        for mark in marks {
            let spelt = self.spelling(*mark);
            let Some(first) = spelt.chars().next() else {
                continue;
            };
            cuts.extend(
                text.match_indices(&spelt)
                    .map(|(at, _)| at + first.len_utf8()),
            );
        }
        cuts.remove(&text.len());
        cuts
    }

    /// Each character by itself, and without marks even so.
    fn append_characters(&self, tokens: &mut Vec<LlamaToken>, text: &str) {
        let mut buffer = [0; 4];
        for character in text.chars() {
            let mut some = vec![];
            self.append(&mut some, character.encode_utf8(&mut buffer), false, true);
            tokens.extend(some.into_iter().filter(|token| !self.is_mark(*token)));
        }
    }

    fn spelling(&self, token: LlamaToken) -> String {
        let vocab = self.model.vocab();
        let text = vocab.text(token);
        text.map(|text| text.to_string_lossy().replace('\u{2581}', " "))
            .unwrap_or_default()
    }

    /// Appends `text`; with `inside`, without the space some tokenisers put before it: behind a
    /// line feed, which is a token of its own there, the space stands before the line feed.
    fn append(&self, tokens: &mut Vec<LlamaToken>, text: &str, special: bool, inside: bool) {
        if text.is_empty() {
            return;
        }
        if !(inside && self.prefixes_space) {
            tokens.extend(self.tokenize(text, special));
            return;
        }
        let lead = self.tokenize("\n", special);
        let all = self.tokenize(&format!("\n{text}"), special);
        match all.strip_prefix(lead.as_slice()) {
            Some(rest) => tokens.extend_from_slice(rest),
            None => tokens.extend(self.tokenize(text, special)),
        }
    }

    fn tokenize(&self, text: &str, special: bool) -> Vec<LlamaToken> {
        // A zero byte is a character like any other to llama.cpp, which is given the length.
        self.model.vocab().tokenize(text.as_bytes(), false, special)
    }

    /// What a message costs in marks: the dearest of some conversations, so that the sum over the
    /// messages covers the beginning of the prompt and of the answer too. All begin with a system
    /// message, as personas do: without one some templates put in their own.
    fn measure_per_message(&self) -> u32 {
        use causerie_core::prompt::PromptRole::{Assistant, System, User};
        let conversations: [&[_]; 3] = [
            &[System, User],
            &[System, User, Assistant, User],
            &[System, User, Assistant, User, Assistant, User],
        ];
        let word = self.count("a");
        let cost = |roles: &[_]| {
            let messages: Vec<_> = roles
                .iter()
                .map(|role| PromptMessage::words(*role, "a"))
                .collect();
            let (tokens, _) = self.prompt(&messages).ok()?;
            let marks = (tokens.len() as u32).saturating_sub(word * messages.len() as u32);
            Some(marks.div_ceil(messages.len() as u32))
        };
        conversations
            .into_iter()
            .filter_map(cost)
            .max()
            .unwrap_or(16)
    }
}

impl TokenCounter for Vocabulary {
    fn count(&self, text: &str) -> u32 {
        let mut tokens = vec![];
        self.append_inert(&mut tokens, text, false, MOST_ROUNDS);
        u32::try_from(tokens.len()).unwrap_or(u32::MAX)
    }

    fn per_message(&self) -> u32 {
        self.per_message
    }

    fn exact(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
