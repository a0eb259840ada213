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
//! * [`split()`] and [`Cutter`]: messages that are not too long
//! * [`link`]: which links lead anywhere

mod ansi;
mod ansi_stream;
mod blocks;
mod fence;
mod html;
mod html_stream;
pub mod link;
mod open;
mod parse;
#[cfg(test)]
mod sample;
mod split;
pub mod tree;

pub use ansi::{AnsiStyle, ansi};
pub use ansi_stream::AnsiStream;
pub use html::html;
pub use html_stream::{BlockChange, BlockUpdate, HtmlStream, apply};
pub use parse::parse;
pub use split::{Cutter, split};
