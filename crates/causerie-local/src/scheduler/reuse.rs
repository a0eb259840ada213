//! How much of a prompt has been worked through before.

use crate::vocabulary::Vocabulary;
use llama_cpp_2::token::LlamaToken;

/// How far two ways of writing the same text may be apart before it is not worth following them.
const MOST_APART: usize = 16;

/// How many tokens two lists have in common at their beginning.
pub(super) fn common(one: &[LlamaToken], other: &[LlamaToken]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// Writes `prompt` with the tokens that `known` has for the same text, as far as they go, and
/// says how many tokens of `known` that takes.
///
/// A model does not always write a text with the tokens that a tokeniser would choose for it. Its
/// own answer comes back as text in the next turn, and would be worked through again for that.
/// Marks are followed only where both have them: no text is taken for a mark.
pub(super) fn align(
    prompt: &[LlamaToken],
    known: &[LlamaToken],
    vocabulary: &Vocabulary,
) -> (Vec<LlamaToken>, usize) {
    let (mut at, mut met) = (0, 0);
    loop {
        let same = common(&prompt[at..], &known[met..]);
        (at, met) = (at + same, met + same);
        match meet(&prompt[at..], &known[met..], vocabulary) {
            Some((prompt_tokens, known_tokens)) => {
                (at, met) = (at + prompt_tokens, met + known_tokens);
            }
            None => break,
        }
    }
    let mut tokens = known[..met].to_vec();
    tokens.extend_from_slice(&prompt[at..]);
    (tokens, met)
}

/// After how many tokens of each the two have written the same bytes, if soon.
fn meet(
    one: &[LlamaToken],
    other: &[LlamaToken],
    vocabulary: &Vocabulary,
) -> Option<(usize, usize)> {
    let (mut a, mut b) = (0, 0);
    let (mut left, mut right): (Vec<u8>, Vec<u8>) = (vec![], vec![]);
    while a + b < MOST_APART {
        let (tokens, count, bytes) = if left.len() <= right.len() {
            (one, &mut a, &mut left)
        } else {
            (other, &mut b, &mut right)
        };
        let token = *tokens.get(*count)?;
        let piece = vocabulary.piece(token);
        if piece.is_empty() || vocabulary.is_mark(token) {
            return None;
        }
        bytes.extend(piece);
        *count += 1;
        let both = left.len().min(right.len());
        if left[..both] != right[..both] {
            return None;
        }
        if left.len() == right.len() {
            return Some((a, b));
        }
    }
    None
}
