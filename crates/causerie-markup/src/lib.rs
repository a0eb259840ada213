//! One Markdown tree, one renderer per kind of platform, and lossless splitting.
//!
//! The dialect is GFM without footnotes and math. Each top-level block is read by itself, so that
//! what has been shown need never change; a link definition is shown like any other block. Raw
//! HTML is text. Pure: no I/O, no clock.
//!
//! In reading order:
//!
//! * [`tree`] and [`parse()`]: what every renderer reads
//! * [`html()`] and [`HtmlStream`]: for pages
//! * [`ansi()`] and [`AnsiStream`]: for terminals
//! * [`telegram()`]: text and entities for Telegram, and [`telegram_rich()`]: its rich messages
//! * [`discord()`], [`slack_markdown()`] and [`slack_mrkdwn()`]: the dialects of others
//! * [`split()`] and [`Cutter`]: messages that are not too long
//! * [`link`]: which links lead anywhere

mod ansi;
mod ansi_stream;
mod blocks;
mod discord;
mod fence;
mod flat;
mod html;
mod html_stream;
pub mod link;
mod markdown;
mod open;
mod parse;
#[cfg(test)]
mod sample;
mod slack;
mod split;
mod telegram;
mod telegram_rich;
pub mod tree;
mod whole;

pub use ansi::{AnsiStyle, ansi};
pub use ansi_stream::AnsiStream;
pub use discord::{discord, discord_growing};
pub use html::html;
pub use html_stream::{BlockChange, BlockUpdate, HtmlStream, apply};
pub use parse::parse;
pub use slack::{slack_markdown, slack_markdown_growing, slack_mrkdwn, slack_mrkdwn_growing};
pub use split::{Cutter, split};
pub use telegram::{Entity, EntityKind, Formatted, telegram, telegram_growing};
pub use telegram_rich::{
    RichBlock, RichCell, RichItem, RichStyle, RichText, needs_rich, telegram_rich,
    telegram_rich_growing,
};
