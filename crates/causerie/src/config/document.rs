//! The file: parsed, with the place of every key, and `${NAME}` filled in from the environment.

use super::{
    problem::{ConfigError, Place, ProblemKind, Report},
    schema,
};
use config::{Map, Value, ValueKind};
use miette::NamedSource;
use serde_json::Value as Json;
use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};
use toml::de::{DeTable, DeValue};

/// The keys that lead to a value; a position in a list is its number.
pub(super) type KeyPath = Vec<String>;

/// The file as it was read.
#[derive(Debug, Default)]
pub(super) struct Document {
    source: Option<Arc<NamedSource<String>>>,
    spans: BTreeMap<KeyPath, Spans>,
    filled: BTreeMap<KeyPath, String>,
    /// Its values, with variables filled in.
    pub(super) values: Map<String, Value>,
}

#[derive(Clone, Debug)]
struct Spans {
    key: Range<usize>,
    value: Range<usize>,
}

impl Document {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is not TOML. A variable that is not set goes to `report`.
    pub(super) fn read(
        path: &Path,
        environment: &BTreeMap<String, String>,
        schema: &Json,
        report: &mut Report,
    ) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let name = path.display().to_string();
        let (table, errors) = DeTable::parse_recoverable(&text);
        if !errors.is_empty() {
            let source = Arc::new(NamedSource::new(&name, blank_lines(&text)));
            for error in errors {
                let span = error.span().unwrap_or(0..0).into();
                let detail = error.message().to_owned();
                report.add(
                    ProblemKind::Syntax { detail },
                    Place::File {
                        source: source.clone(),
                        span,
                    },
                );
            }
            report.fail_if_any()?;
        }
        let mut reader = Reader {
            text: &text,
            schema,
            environment,
            blanks: vec![],
            document: Self::default(),
        };
        let values = reader.table(&mut vec![], table.get_ref());
        let Reader {
            blanks,
            mut document,
            ..
        } = reader;
        document.values = values;
        document.source = Some(Arc::new(NamedSource::new(name, blank(&text, &blanks))));
        document.report_missing(environment, report);
        Ok(document)
    }

    /// Where the key at `path` stands.
    pub(super) fn key(&self, path: &[String]) -> Option<Place> {
        self.place(path, |spans| spans.key.clone())
    }

    /// Where the value at `path` stands.
    pub(super) fn value(&self, path: &[String]) -> Option<Place> {
        self.place(path, |spans| spans.value.clone())
    }

    /// What stood in the file at each path where a variable was filled in.
    pub(super) fn into_filled(self) -> BTreeMap<KeyPath, String> {
        self.filled
    }

    /// What stood in the file at `path` before variables were filled in, where they were.
    pub(super) fn raw(&self, path: &[String]) -> Option<&str> {
        self.filled.get(path).map(String::as_str)
    }

    fn place(&self, path: &[String], part: impl Fn(&Spans) -> Range<usize>) -> Option<Place> {
        let span = part(self.spans.get(path)?).into();
        Some(Place::File {
            source: self.source.clone()?,
            span,
        })
    }

    fn report_missing(&self, environment: &BTreeMap<String, String>, report: &mut Report) {
        for (path, raw) in &self.filled {
            for variable in variables(raw).filter(|name| !environment.contains_key(*name)) {
                let (key, variable) = (path.join("."), variable.to_owned());
                let place = self.value(path).unwrap_or(Place::Nowhere);
                report.add(ProblemKind::MissingVariable { key, variable }, place);
            }
        }
    }
}

/// Walks the parsed file once, for values, places, variables and what must not be shown.
struct Reader<'a> {
    text: &'a str,
    schema: &'a Json,
    environment: &'a BTreeMap<String, String>,
    blanks: Vec<Range<usize>>,
    document: Document,
}

impl Reader<'_> {
    fn table(&mut self, path: &mut KeyPath, table: &DeTable<'_>) -> Map<String, Value> {
        let mut values = Map::new();
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            let spans = Spans {
                key: key.span(),
                value: value.span(),
            };
            self.document.spans.insert(path.clone(), spans);
            let read = self.value(path, value.get_ref(), value.span());
            values.insert(key.get_ref().to_string(), read);
            path.pop();
        }
        values
    }

    fn value(&mut self, path: &mut KeyPath, value: &DeValue<'_>, span: Range<usize>) -> Value {
        let scalar = !matches!(value, DeValue::Table(_) | DeValue::Array(_));
        // What the schema does not know may be a secret under a misspelt key or in a wrong place.
        let may_be_secret = |at| schema::is_secret(at) || schema::is_table(at);
        if scalar && schema::at(self.schema, path).is_none_or(may_be_secret) {
            self.blanks.push(span);
        } else if scalar && let Some(who) = user_of_url(&self.text[span.clone()]) {
            self.blanks
                .push(span.start + who.start..span.start + who.end);
        }
        let kind = match value {
            DeValue::String(text) => ValueKind::String(self.text(path, text)),
            DeValue::Boolean(value) => ValueKind::Boolean(*value),
            DeValue::Integer(number) => {
                let digits = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
                // Larger than 64 bits: as text it is refused for its type, which is the truth.
                digits.map_or_else(|_| ValueKind::String(number.to_string()), ValueKind::I64)
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().replace('_', "").parse();
                parsed.map_or_else(|_| ValueKind::String(number.to_string()), ValueKind::Float)
            }
            DeValue::Datetime(at) => ValueKind::String(at.to_string()),
            DeValue::Table(table) => ValueKind::Table(self.table(path, table)),
            DeValue::Array(items) => {
                let mut read = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    let spans = Spans {
                        key: item.span(),
                        value: item.span(),
                    };
                    self.document.spans.insert(path.clone(), spans);
                    read.push(self.value(path, item.get_ref(), item.span()));
                    path.pop();
                }
                ValueKind::Array(read)
            }
        };
        Value::new(None, kind)
    }

    fn text(&mut self, path: &KeyPath, text: &str) -> String {
        let (result, found) = fill(text, self.environment);
        if found {
            self.document.filled.insert(path.clone(), text.to_owned());
        }
        result
    }
}

/// Replaces each `${NAME}` by the variable's value, or nothing if it is not set; `$${` is `${`.
/// Says whether there was one.
fn fill(text: &str, environment: &BTreeMap<String, String>) -> (String, bool) {
    let (mut out, mut found, mut rest) = (String::with_capacity(text.len()), false, text);
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if before.ends_with('$') {
            out.push('{');
            rest = &from[2..];
            continue;
        }
        match name_in_braces(from) {
            Some(name) => {
                found = true;
                out.push_str(environment.get(name).map_or("", String::as_str));
                rest = &from[name.len() + 3..];
            }
            None => {
                out.push_str("${");
                rest = &from[2..];
            }
        }
    }
    out.push_str(rest);
    (out, found)
}

fn name_in_braces(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("${")?.split_once('}')?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (plain && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}

/// The names of all variables in `text`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("${")
        .filter(|(at, _)| !text[..*at].ends_with('$'))
        .filter_map(|(at, _)| name_in_braces(&text[at..]))
}

/// `text` with the ranges replaced by asterisks of the same length, so that places stay right.
fn blank(text: &str, ranges: &[Range<usize>]) -> String {
    let mut out = text.to_owned();
    for range in ranges {
        let line_ends = |c: char| {
            if c == '\n' {
                "\n".to_owned()
            } else {
                "*".repeat(c.len_utf8())
            }
        };
        let stars: String = text[range.clone()].chars().map(line_ends).collect();
        out.replace_range(range.clone(), &stars);
    }
    out
}

/// Where in `text` a URL says as whom it is opened, with which password: from `://`, or `:` if it is
/// misspelt, to the last `@`.
fn user_of_url(text: &str) -> Option<Range<usize>> {
    let begins = |mark: &str| Some(text.find(mark)? + mark.len());
    let start = begins("://").or_else(|| begins(":"))?;
    let end = text.rfind('@').filter(|end| *end > start)?;
    Some(start..end)
}

/// For a file that cannot be parsed, where nobody knows what is a secret: every letter and digit
/// but those of keys and of names of sections.
fn blank_lines(text: &str) -> String {
    let hide = |c: char| {
        if c.is_alphanumeric() {
            "*".repeat(c.len_utf8())
        } else {
            c.to_string()
        }
    };
    let mut in_text = false;
    text.split_inclusive('\n')
        .map(|line| {
            let shown = if in_text { 0 } else { name_at_front(line) };
            let quotes = line.matches("\"\"\"").count() + line.matches("'''").count();
            in_text ^= quotes % 2 == 1;
            let (name, rest) = line.split_at(shown);
            name.to_owned() + &rest.chars().map(hide).collect::<String>()
        })
        .collect()
}

/// How much of a line is the key before an equals sign, or the name of a section.
fn name_at_front(line: &str) -> usize {
    let plain = |c: char| c.is_ascii_alphanumeric() || " \t_-.".contains(c);
    let key = line.split_once('=').map(|(key, _)| key);
    let trimmed = line.trim();
    let section = trimmed.trim_start_matches('[').trim_end_matches(']');
    if key.is_some_and(|key| key.chars().all(plain)) {
        key.map_or(0, str::len)
    } else if section.len() + 2 <= trimmed.len() && section.chars().all(plain) {
        line.len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> BTreeMap<String, String> {
        BTreeMap::from([("NAME".to_owned(), "Ada".to_owned())])
    }

    #[test]
    fn variables_are_filled_in() {
        let fill = |text: &str| fill(text, &environment());
        assert_eq!(
            fill("a ${NAME} b ${NAME}"),
            ("a Ada b Ada".to_owned(), true)
        );
        assert_eq!(
            fill("no $NAME, ${no name}, ${"),
            ("no $NAME, ${no name}, ${".to_owned(), false)
        );
        assert_eq!(fill("$${NAME}"), ("${NAME}".to_owned(), false));
        assert_eq!(fill("é${GONE}é"), ("éé".to_owned(), true));
        assert_eq!(variables("${A} $${B} ${C}").collect::<Vec<_>>(), ["A", "C"]);
    }

    #[test]
    fn blanking_keeps_every_place() {
        let text = "token = \"hé\nx\"\nrest";
        let secret = 8..15;
        let blanked = blank(text, std::slice::from_ref(&secret));
        assert_eq!(blanked.len(), text.len());
        assert_eq!(blanked, "token = ****\n**\nrest");
        assert_eq!(blank_lines("a = \"bé\"\n"), "a = \"***\"\n");
    }

    #[test]
    fn the_user_of_a_url_is_found() {
        let user = |text: &'static str| user_of_url(text).map(|range| &text[range]);
        assert_eq!(user("\"redis://ann:p@ss/w@host:1/0\""), Some("ann:p@ss/w"));
        assert_eq!(user("\"redis://:é@host\""), Some(":é"));
        assert_eq!(user("\"redis:ann:pw@host\""), Some("ann:pw"));
        for text in ["", "\"redis://host\"", "\"ann@example.com\"", "\"a@b://c\""] {
            assert_eq!(user(text), None, "{text}");
        }
    }

    #[test]
    fn of_a_file_that_is_no_toml_only_names_are_shown() {
        let text =
            "[a.b]\nkey = 12\nlong = \"\"\"\nc2VjcmV0=\n\"\"\"\nlist = [\n  \"x\",\n]\nstray\n";
        let shown =
            "[a.b]\nkey = **\nlong = \"\"\"\n********=\n\"\"\"\nlist = [\n  \"*\",\n]\n*****\n";
        assert_eq!(blank_lines(text), shown);
    }
}
