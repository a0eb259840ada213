//! Markdown for Discord.

use crate::{
    markdown::{Flavour, write},
    whole::{growing, whole},
};

/// `markdown` as Discord reads it. Nobody is called by it.
pub fn discord(markdown: &str) -> String {
    write(&whole(markdown), Flavour::Discord)
}

/// `markdown`, which is still growing, with what is open in it closed.
pub fn discord_growing(markdown: &str) -> String {
    write(&growing(markdown), Flavour::Discord)
}

#[cfg(test)]
mod tests;
