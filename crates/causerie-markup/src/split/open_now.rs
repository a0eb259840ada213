//! What is open at a place in a block, and how it is closed there and opened again.

/// What is open at a place.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    /// Quotations and items, the outer first.
    pub(super) containers: Vec<Container>,
    pub(super) inner: Inner,
}

/// A quotation or an item.
#[derive(Clone, Debug)]
pub(super) struct Container {
    /// What its first line begins with.
    pub(super) first: String,
    /// What each other line begins with.
    pub(super) next: String,
}

/// What is open inside of all containers.
#[derive(Clone, Debug, Default)]
pub(super) enum Inner {
    /// Nothing, or words, with what closes and opens each mark, the outer first.
    #[default]
    Nothing,
    /// Words, with what closes and opens each mark, the outer first.
    Words(Vec<(String, String)>),
    /// Code between fences.
    Fence {
        /// The line that opens it.
        line: String,
        /// What closes it.
        marks: String,
    },
    /// Code that is indented.
    Indented,
    /// A table.
    Table {
        /// Its head and the line below.
        lines: [String; 2],
    },
}

impl Open {
    /// What must follow the head.
    pub(super) fn before(&self) -> String {
        match &self.inner {
            Inner::Words(marks) => marks.iter().rev().map(|mark| mark.0.as_str()).collect(),
            Inner::Fence { marks, .. } => format!("\n{}{marks}", self.next()),
            Inner::Nothing | Inner::Indented | Inner::Table { .. } => String::new(),
        }
    }

    /// What must stand before the rest.
    pub(super) fn after(&self) -> String {
        let first = self.first();
        let next = self.next();
        match &self.inner {
            Inner::Nothing => first,
            Inner::Words(marks) => {
                let marks: String = marks.iter().map(|mark| mark.1.as_str()).collect();
                first + &marks
            }
            Inner::Fence { line, .. } => format!("{first}{line}\n{next}"),
            Inner::Indented => format!("{first}    "),
            Inner::Table {
                lines: [head, line],
            } => format!("{first}{head}\n{next}{line}\n{next}"),
        }
    }

    /// Whether it is code, where white space counts.
    pub(super) fn is_code(&self) -> bool {
        matches!(self.inner, Inner::Fence { .. } | Inner::Indented)
    }

    /// What the first line of the rest begins with.
    pub(super) fn first(&self) -> String {
        self.containers
            .iter()
            .map(|one| one.first.as_str())
            .collect()
    }

    fn next(&self) -> String {
        self.containers
            .iter()
            .map(|one| one.next.as_str())
            .collect()
    }
}
