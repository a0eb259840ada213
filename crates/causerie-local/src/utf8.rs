//! Whole characters from tokens that hold parts of them.

/// Joins bytes to text and never gives out half a character.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    /// The beginning of a character whose rest has not come yet: at most three bytes.
    pending: Vec<u8>,
}

impl Utf8 {
    /// Takes `bytes` and gives back what is whole. Bytes that can never become a character are
    /// replaced by U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.pending.len());
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (whole, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(whole));
                    rest = after;
                    let Some(invalid) = error.error_len() else {
                        break;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[invalid..];
                }
            }
        }
        self.pending = rest.to_vec();
        text
    }

    /// There is no more: half a character becomes U+FFFD.
    pub(crate) fn finish(&mut self) -> Option<char> {
        let cut = !std::mem::take(&mut self.pending).is_empty();
        cut.then_some(char::REPLACEMENT_CHARACTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_split_over_tokens_comes_out_whole() {
        let mut utf8 = Utf8::default();
        let bytes = "é🦀".as_bytes();
        assert_eq!(utf8.push(&bytes[..1]), "");
        assert_eq!(utf8.push(&bytes[1..4]), "é");
        assert_eq!(utf8.push(&bytes[4..]), "🦀");
        assert_eq!(utf8.finish(), None);
    }

    #[test]
    fn what_can_never_be_a_character_is_replaced() {
        let mut utf8 = Utf8::default();
        assert_eq!(utf8.push(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(utf8.push(b"\xe2\x82"), "");
        assert_eq!(utf8.push(b"x"), "\u{fffd}x");
        assert_eq!(utf8.push(b"\xf0\x9f"), "");
        assert_eq!(utf8.finish(), Some('\u{fffd}'));
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_lossy_whole(bytes: Vec<u8>, size in 1usize..5) {
            let mut utf8 = Utf8::default();
            let mut text: String = bytes.chunks(size).map(|piece| utf8.push(piece)).collect();
            text.extend(utf8.finish());
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
