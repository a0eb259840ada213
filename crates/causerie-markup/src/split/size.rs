//! How long Markdown is in the form that is shown.

use crate::{
    markdown::{Flavour, write},
    slack::write_mrkdwn,
    telegram,
    tree::Block,
    whole::both,
};
use causerie_core::platform::{TextForm, TextLimit};

/// The length of `markdown` in the unit and form of `limit`, growing or whole, whichever is more.
pub(crate) fn size(markdown: &str, limit: TextLimit) -> usize {
    if limit.form == TextForm::Source {
        return limit.unit.measure(markdown);
    }
    let (blocks, growing) = both(markdown);
    let size = length(&blocks, limit);
    growing.map_or(size, |blocks| size.max(length(&blocks, limit)))
}

fn length(blocks: &[Block], limit: TextLimit) -> usize {
    let text = match limit.form {
        TextForm::Telegram => {
            let (text, hundredths) = telegram::shown(blocks);
            let length = limit.unit.measure(&text);
            if hundredths <= 100 {
                return length;
            }
            return length.max(limit.max.saturating_mul(hundredths) / 100 + 1);
        }
        TextForm::Discord => write(blocks, Flavour::Discord),
        TextForm::SlackMarkdown => write(blocks, Flavour::Slack),
        TextForm::SlackMrkdwn => write_mrkdwn(blocks),
        // It is measured as it is written.
        TextForm::Source => return 0,
    };
    limit.unit.measure(&text)
}
