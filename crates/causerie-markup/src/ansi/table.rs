//! A table in columns.

use super::{
    page::{Kind, Page},
    words::{Format, Words},
};
use crate::tree::{Alignment, Inline, Table};

/// No column is made narrower to fit.
const NARROWEST: usize = 6;

/// A cell, as lines and the columns of each.
type Cell = Vec<(String, usize)>;

pub(super) fn table(table: &Table, page: &mut Page) {
    let columns = table.head.len();
    if columns == 0 {
        return;
    }
    let bar = if page.style.color { " │ " } else { " | " };
    let room = page.room().saturating_sub(3 * (columns - 1));
    let head = Format {
        strong: true,
        ..Format::default()
    };
    let natural = |at: usize| {
        let cells = table.rows.iter().filter_map(|row| row.get(at));
        let body = cells.map(|cell| widest(&lay(cell, Format::default(), usize::MAX / 2, page)));
        let head = widest(&lay(&table.head[at], head, usize::MAX / 2, page));
        body.fold(head, usize::max)
    };
    let widths = fit((0..columns).map(natural).collect(), room);
    row(&table.head, head, &widths, table, bar, page);
    let (line, cross) = if page.style.color {
        ("─", "─┼─")
    } else {
        ("-", "-|-")
    };
    let lines: Vec<String> = widths.iter().map(|width| line.repeat(*width)).collect();
    let lines = Format::DIM.paint(&lines.join(cross), &page.style);
    page.end_line();
    page.line(&lines, Kind::Table);
    for cells in &table.rows {
        page.end_line();
        row(cells, Format::default(), &widths, table, bar, page);
    }
}

/// Takes columns from the widest until all fit.
fn fit(mut widths: Vec<usize>, room: usize) -> Vec<usize> {
    let mut over = widths.iter().sum::<usize>().saturating_sub(room);
    while over > 0 {
        let widest = widths.iter().copied().max().unwrap_or_default();
        if widest <= NARROWEST {
            break;
        }
        let next = widths.iter().copied().filter(|width| *width < widest).max();
        let floor = next.unwrap_or(NARROWEST).max(NARROWEST);
        let many = widths.iter().filter(|width| **width == widest).count();
        // All of the widest shrink together; the last step may take a little less.
        let by = (widest - floor).min(over.div_ceil(many)).max(1);
        for width in widths.iter_mut().filter(|width| **width == widest) {
            let by = by.min(over);
            *width -= by;
            over -= by;
        }
    }
    widths
}

fn row(
    cells: &[Vec<Inline>],
    format: Format,
    widths: &[usize],
    table: &Table,
    bar: &str,
    page: &mut Page,
) {
    let laid: Vec<Cell> = widths
        .iter()
        .enumerate()
        .map(|(at, width)| match cells.get(at) {
            Some(cell) => lay(cell, format, *width, page),
            None => Vec::new(),
        })
        .collect();
    let height = laid.iter().map(Vec::len).max().unwrap_or_default().max(1);
    let bar = Format::DIM.paint(bar, &page.style);
    for line in 0..height {
        if line > 0 {
            page.end_line();
        }
        let parts: Vec<String> = laid
            .iter()
            .enumerate()
            .map(|(at, cell)| {
                let alignment = table.alignments.get(at).copied();
                pad(cell.get(line), widths[at], alignment)
            })
            .collect();
        page.line(parts.join(&bar).trim_end(), Kind::Table);
    }
}

fn lay(content: &[Inline], format: Format, width: usize, page: &Page) -> Cell {
    let mut style = page.style;
    style.width = width;
    let mut words = Words::new(style);
    words.inlines(content, format);
    let mut cell = Page::new(style);
    cell.words(words.finish());
    cell.into_lines()
}

fn widest(cell: &Cell) -> usize {
    cell.iter().map(|(_, width)| *width).max().unwrap_or(0)
}

fn pad(line: Option<&(String, usize)>, width: usize, alignment: Option<Alignment>) -> String {
    let (text, used) = line.map_or(("", 0), |(text, used)| (text.as_str(), *used));
    let free = width.saturating_sub(used);
    let before = match alignment {
        Some(Alignment::Right) => free,
        Some(Alignment::Center) => free / 2,
        _ => 0,
    };
    format!("{}{text}{}", " ".repeat(before), " ".repeat(free - before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_shrink_from_the_widest() {
        assert_eq!(fit(vec![3, 4], 20), [3, 4]);
        assert_eq!(fit(vec![3, 40, 20], 43), [3, 20, 20]);
        assert_eq!(fit(vec![30, 40, 3], 43), [20, 20, 3]);
        assert_eq!(fit(vec![10, 10], 15), [7, 8]);
        assert_eq!(fit(vec![10, 10], 3), [6, 6]);
    }
}
