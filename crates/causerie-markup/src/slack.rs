//! Markdown and mrkdwn for Slack.

mod mrkdwn;

pub(crate) use mrkdwn::write_mrkdwn;

use crate::{
    markdown::{Flavour, write},
    whole::{growing, whole},
};

/// `markdown` for a `markdown` block. Nobody is called by it.
pub fn slack_markdown(markdown: &str) -> String {
    write(&whole(markdown), Flavour::Slack)
}

/// `markdown`, which is still growing, with what is open in it closed, for a `markdown` block.
pub fn slack_markdown_growing(markdown: &str) -> String {
    write(&growing(markdown), Flavour::Slack)
}

/// `markdown` as mrkdwn, for texts outside of `markdown` blocks. Nobody is called by it.
pub fn slack_mrkdwn(markdown: &str) -> String {
    write_mrkdwn(&whole(markdown))
}

/// `markdown`, which is still growing, with what is open in it closed, as mrkdwn.
pub fn slack_mrkdwn_growing(markdown: &str) -> String {
    write_mrkdwn(&growing(markdown))
}

#[cfg(test)]
mod tests;
