//! A text in units that do not depend on the pieces it comes in.

use unicode_width::UnicodeWidthChar;

/// A word longer than this is passed on in parts.
const LONGEST: usize = 256;

/// Collects pieces and passes on units: words with the space behind them, and wide characters.
#[derive(Debug, Default)]
pub(super) struct Units {
    open: String,
    chars: usize,
}

impl Units {
    /// The units that `delta` completes.
    pub(super) fn push(&mut self, delta: &str) -> Vec<String> {
        let mut units = Vec::new();
        for c in delta.chars() {
            if (c.width() == Some(2) || self.chars >= LONGEST) && !self.open.is_empty() {
                units.push(self.finish());
            }
            self.open.push(c);
            self.chars += 1;
            if c.is_whitespace() {
                units.push(self.finish());
            }
        }
        units
    }

    /// What is left.
    pub(super) fn finish(&mut self) -> String {
        self.chars = 0;
        std::mem::take(&mut self.open)
    }
}
