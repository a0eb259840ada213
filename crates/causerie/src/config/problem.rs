//! What is wrong with a configuration, where, and what to do.

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
    SourceSpan,
};
use std::{
    fmt::{self, Display},
    path::PathBuf,
    sync::Arc,
};
use thiserror::Error;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The operator must change something.
    #[error("{}", summary(.0))]
    Invalid(Vec<Problem>),
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [one] => one.to_string(),
        [first, ..] => format!("{first} (and {} more)", problems.len() - 1),
        [] => "nothing is wrong".to_owned(),
    }
}

impl ConfigError {
    /// All of it as a person reads it: each problem with the lines it is about.
    pub fn render(&self, colour: bool) -> String {
        let ConfigError::Invalid(problems) = self else {
            return format!("error: {self}\n");
        };
        let theme = if colour {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(100);
        let mut out = String::new();
        for problem in problems {
            if handler.render_report(&mut out, problem).is_err() {
                out.push_str(&problem.to_string());
            }
            out.push('\n');
        }
        out
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// Where.
    pub place: Place,
}

/// Where in the configuration something stands.
#[derive(Clone, Debug)]
pub enum Place {
    /// In the file.
    File {
        /// Its text, with every secret blanked.
        source: Arc<NamedSource<String>>,
        /// The bytes it is about.
        span: SourceSpan,
    },
    /// In this variable of the environment.
    Variable(String),
    /// Nowhere: it is missing.
    Nowhere,
}

/// What can be wrong. No value of the configuration stands in it, since it may be a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProblemKind {
    /// The file is not TOML.
    #[error("this is not TOML: {detail}")]
    Syntax {
        /// What the parser says.
        detail: String,
    },
    /// There is no such key.
    #[error("unknown key `{key}`{}", inside(.section))]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands, dotted; empty at the top.
        section: String,
        /// What may be meant, or what is possible.
        hint: Option<String>,
    },
    /// A key must be there.
    #[error("`{key}` is missing{}", inside(.section))]
    MissingKey {
        /// The key.
        key: String,
        /// Where it should stand, dotted.
        section: String,
        /// What it says.
        hint: Option<String>,
    },
    /// The value has another type.
    #[error("`{key}` takes {expected}, and this is {found}")]
    WrongType {
        /// The key, dotted.
        key: String,
        /// What it takes.
        expected: String,
        /// What it got.
        found: &'static str,
    },
    /// The value is not one of those possible.
    #[error("`{key}` is one of {}", quoted(.possible))]
    NotOneOf {
        /// The key, dotted.
        key: String,
        /// What is possible.
        possible: Vec<String>,
        /// What may be meant.
        hint: Option<String>,
    },
    /// The value has the right type and is still no good.
    #[error("`{key}`: {reason}")]
    Invalid {
        /// The key, dotted.
        key: String,
        /// Why.
        reason: String,
    },
    /// A variable that the file names is not set.
    #[error("`{key}` needs the environment variable {variable}, and it is not set")]
    MissingVariable {
        /// The key, dotted.
        key: String,
        /// The variable.
        variable: String,
    },
    /// The file of a secret cannot be read.
    #[error("`{key}` names a file that cannot be read: {reason}")]
    SecretFile {
        /// The key, dotted.
        key: String,
        /// What the system says.
        reason: String,
    },
    /// The same secret is given twice.
    #[error("`{key}` and `{key}_file` are both set")]
    SecretTwice {
        /// The key, dotted.
        key: String,
    },
    /// It names something that does not exist.
    #[error("`{key}` names the {what} `{name}`, and there is none of that name")]
    UnknownReference {
        /// The key, dotted.
        key: String,
        /// What it names: a model, a persona, a tool.
        what: &'static str,
        /// The name.
        name: String,
        /// What may be meant, or what there is.
        hint: Option<String>,
    },
    /// Several are possible, and none was chosen.
    #[error("`{key}` is missing, and there are several to choose from")]
    Undecided {
        /// The key, dotted.
        key: String,
        /// What is possible.
        possible: Vec<String>,
    },
}

fn inside(section: &str) -> String {
    if section.is_empty() {
        String::new()
    } else {
        format!(" in [{section}]")
    }
}

/// Sections in which each table has a name that the operator gives it.
const NAMED: [&str; 3] = ["models", "personas", "platforms.telegram"];

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

/// "did you mean", or the list of what is possible if nothing is near.
pub(super) fn suggestion(wrong: &str, possible: &[String]) -> Option<String> {
    let near = |name: &&String| strsim::jaro_winkler(wrong, name);
    let best = possible.iter().max_by(|a, b| near(a).total_cmp(&near(b)))?;
    if near(&best) > 0.8 {
        return Some(format!("did you mean `{best}`?"));
    }
    let all: Vec<String> = possible.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("possible here: {}", all.join(", ")))
}

impl Problem {
    fn hint(&self) -> Option<String> {
        match &self.kind {
            ProblemKind::UnknownKey { hint, .. }
            | ProblemKind::MissingKey { hint, .. }
            | ProblemKind::NotOneOf { hint, .. }
            | ProblemKind::UnknownReference { hint, .. } => hint.clone(),
            ProblemKind::MissingVariable { variable, .. } => Some(format!(
                "set {variable}, or write `$${{{variable}}}` if these characters are meant themselves"
            )),
            ProblemKind::SecretTwice { .. } => Some("keep one of them".to_owned()),
            ProblemKind::Undecided { possible, .. } => {
                Some(format!("choose one of {}", quoted(possible)))
            }
            ProblemKind::Syntax { .. } => {
                Some("text stands in quotes, as in key = \"text\", and a list in [ ]".to_owned())
            }
            ProblemKind::WrongType { key, .. } => {
                let section = key.rsplit_once('.').map(|(section, _)| section);
                let named = section.filter(|section| NAMED.contains(section));
                named.map(|section| format!("a section has a name of its own: [{section}.NAME]"))
            }
            ProblemKind::Invalid { .. } | ProblemKind::SecretFile { .. } => None,
        }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Variable(variable) => write!(f, "{variable} in the environment: {}", self.kind),
            Place::File { .. } | Place::Nowhere => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help(&self) -> Option<Box<dyn Display + '_>> {
        self.hint().map(|hint| Box::new(hint) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match &self.place {
            Place::File { source, .. } => Some(source.as_ref()),
            Place::Variable(_) | Place::Nowhere => None,
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match &self.place {
            Place::File { span, .. } => {
                let label = LabeledSpan::new_primary_with_span(Some("here".to_owned()), *span);
                Some(Box::new(std::iter::once(label)))
            }
            Place::Variable(_) | Place::Nowhere => None,
        }
    }
}

/// Collects problems, so that all are told at once.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Problem>);

impl Report {
    pub(super) fn add(&mut self, kind: ProblemKind, place: Place) {
        self.0.push(Problem { kind, place });
    }

    /// # Errors
    /// With all that was added, if anything was.
    pub(super) fn fail_if_any(&mut self) -> Result<(), ConfigError> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Invalid(std::mem::take(&mut self.0)))
    }
}
