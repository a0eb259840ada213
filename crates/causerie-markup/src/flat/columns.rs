//! How a table is written where there are no tables.

use crate::{
    link::is_safe,
    tree::{Alignment, Inline, Table},
};
use unicode_width::UnicodeWidthStr;

/// The widest table that is aligned.
const WIDEST: usize = 60;

/// The widest head that is said again in each row.
const WIDEST_HEAD: usize = 30;

/// How a table is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As columns, which is this text.
    Aligned(String),
    /// Each cell on a line of its own, after the head of its column.
    Named,
    /// Each row on a line, with bars between the cells.
    Bars,
}

/// How `table` is best written.
///
/// Code cannot hold links, so that a table with links is not aligned.
pub(crate) fn layout(table: &Table) -> Layout {
    if table.rows.is_empty() {
        return Layout::Bars;
    }
    let has_links = std::iter::once(&table.head)
        .chain(&table.rows)
        .flatten()
        .any(|cell| cell.iter().any(has_link));
    let rows: Vec<Vec<String>> = std::iter::once(&table.head)
        .chain(&table.rows)
        .map(|row| row.iter().map(|cell| cell_text(cell)).collect())
        .collect();
    let columns = table.head.len();
    let widths: Vec<usize> = (0..columns)
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        })
        .collect();
    let whole = widths.iter().sum::<usize>() + 3 * columns.saturating_sub(1);
    if whole <= WIDEST && !has_links {
        return Layout::Aligned(aligned(&rows, &widths, &table.alignments));
    }
    let widest_head = rows[0].iter().map(|head| head.width()).max().unwrap_or(0);
    if widest_head > WIDEST_HEAD {
        return Layout::Bars;
    }
    Layout::Named
}

fn has_link(inline: &Inline) -> bool {
    match inline {
        Inline::Link { url, .. } | Inline::Image { url, .. } => is_safe(url),
        Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Strike(inner) => {
            inner.iter().any(has_link)
        }
        _ => false,
    }
}

fn aligned(rows: &[Vec<String>], widths: &[usize], alignments: &[Alignment]) -> String {
    let mut out = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                let cell = row.get(column).map_or("", String::as_str);
                pad(cell, *width, alignments.get(column).copied())
            })
            .collect();
        out.push_str(cells.join(" | ").trim_end());
        out.push('\n');
        if at == 0 {
            let lines: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            out.push_str(&lines.join("-|-"));
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn pad(cell: &str, width: usize, alignment: Option<Alignment>) -> String {
    let free = width.saturating_sub(cell.width());
    let before = match alignment {
        Some(Alignment::Right) => free,
        Some(Alignment::Center) => free / 2,
        _ => 0,
    };
    format!("{}{cell}{}", " ".repeat(before), " ".repeat(free - before))
}

fn cell_text(cell: &[Inline]) -> String {
    let text = plain(cell);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// The words of `inlines`, with the addresses of links that lead nowhere.
pub(crate) fn plain(inlines: &[Inline]) -> String {
    let mut out = String::new();
    push_plain(inlines, &mut out);
    out
}

fn push_plain(inlines: &[Inline], out: &mut String) {
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) => {
                out.extend(text.chars().filter(|c| !c.is_control() || *c == '\n'));
            }
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Strike(inner) => {
                push_plain(inner, out);
            }
            Inline::Link { url, content } => {
                push_plain(content, out);
                if !is_safe(url) && !url.is_empty() {
                    out.push_str(&format!(" ({url})"));
                }
            }
            Inline::Image { url, alt } if alt.is_empty() => out.push_str(url),
            Inline::Image { url, alt } => {
                out.push_str(alt);
                if !is_safe(url) && !url.is_empty() {
                    out.push_str(&format!(" ({url})"));
                }
            }
            Inline::Break | Inline::SoftBreak => out.push(' '),
        }
    }
}
