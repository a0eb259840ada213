//! How many tokens a text has, when the model's tokeniser is not at hand.

use super::TokenCounter;

/// Estimates from characters. It errs on the high side: about twice the truth for English, and above
/// the truth even for keys, hashes and other letters without sense.
///
/// In half tokens: a run of small letters takes one a letter, rounded up to a whole token, and one
/// more for each consonant behind two others (a digit counts as one of them), because no vocabulary
/// has such pieces; a space in front of a letter takes one, because it belongs to the word; any other
/// character takes two for each of its bytes, because a tokeniser at worst falls back to bytes. One
/// token is added to each text: some tokenisers put a space in front.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByteEstimate;

impl TokenCounter for ByteEstimate {
    fn count(&self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let (mut halves, mut letters, mut consonants) = (0u64, 0u64, 0u64);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c.is_ascii_lowercase() {
                letters += 1;
                consonants = match c {
                    'a' | 'e' | 'i' | 'o' | 'u' | 'y' => 0,
                    _ => consonants + 1,
                };
                halves += 1 + u64::from(consonants > 2);
                continue;
            }
            halves += letters % 2;
            (letters, consonants) = (0, u64::from(c.is_ascii_digit()));
            let word_follows = chars.peek().is_some_and(char::is_ascii_alphabetic);
            halves += match c {
                ' ' if word_follows => 1,
                c => 2 * c.len_utf8() as u64,
            };
        }
        halves += letters % 2;
        u32::try_from(halves.div_ceil(2) + 1).unwrap_or(u32::MAX)
    }

    fn per_message(&self) -> u32 {
        8
    }

    fn exact(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The most tokens that any of five real tokenisers makes of a text: GPT-2, GPT-4, GPT-4o,
    /// Llama 2 and Llama 3.
    const MEASURED: &[(&str, u32)] = &[
        ("What is the capital of France?", 7),
        (
            "The quick brown fox jumps over the lazy dog, twice a day.",
            16,
        ),
        ("1 22 333 4.5 1 22 333 4.5", 26),
        ("x    y\t\tz   \r\n\r\n  end", 17),
        ("3f2a9c1de08b47765ad0c3b1f9e2", 27),
        ("qzxwvkjhgfdbcqzxwvkj", 18),
        ("mq7x0p2vz9k4r8t1w3", 18),
        ("TWFuIGlzIGRpc3Rpbmd1aXNoZWQ", 20),
        ("QxZvKjWqPbTzRkLm", 16),
        ("Chrząszcz brzmi w trzcinie w Szczebrzeszynie.", 26),
        (
            "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
            29,
        ),
        ("今天天气很好，我们去公园散步吧。龘靐齉爩", 41),
        ("뷁쉛 안녕하세요", 20),
        ("سلام عليكم", 11),
        ("👩‍👩‍👧‍👦🇩🇪", 28),
        ("{\"city\":\"Köln\",\"days\":[1,2,3]}", 16),
        (
            "https://example.org/a?id=8f3kd92kfj20sk&t=eyJhbGciOiJIUzI1NiJ9",
            44,
        ),
        ("\u{00}\u{01}\u{1b}[0m", 7),
    ];

    #[test]
    fn it_is_never_below_what_real_tokenisers_count() {
        for (text, tokens) in MEASURED {
            let estimate = ByteEstimate.count(text);
            assert!(estimate >= *tokens, "{text:?}: {estimate} < {tokens}");
        }
    }

    #[test]
    fn it_is_not_far_above_for_plain_english() {
        let (text, tokens) = MEASURED[1];
        assert!(ByteEstimate.count(text) <= tokens * 5 / 2);
    }

    proptest! {
        #[test]
        fn it_grows_with_the_text_and_never_faster_than_its_parts(
            a in "[a-zA-Z0-9 .é中\\n]{0,24}|.{0,24}",
            b in "[a-zA-Z0-9 .é中\\n]{0,24}|.{0,24}",
        ) {
            let (left, right) = (ByteEstimate.count(&a), ByteEstimate.count(&b));
            let both = ByteEstimate.count(&format!("{a}{b}"));
            prop_assert!(both >= left && both >= right);
            prop_assert!(both <= left + right);
        }
    }
}
