//! The engine: what it is made of, and how it runs and ends.

use crate::{
    config::{Config, Parts, PlatformEntry},
    dispatch::Dispatch,
    inbox::EngineInbox,
    metric,
    summary::Summaries,
    toolbox::Toolbox,
};
use causerie_core::{
    Clock,
    backend::{Backend, Readiness},
    id::{ConversationId, ModelName, PersonaName, PlatformId},
    limit::{Limit, LimitScope},
    persona::Persona,
    platform::{Inbox, PlatformError},
    store::{Claimant, Store},
};
use futures::FutureExt;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a task of ours rests after a panic.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// Makes turns happen: takes events in, claims conversations, answers them, and ends cleanly.
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) backends: BTreeMap<ModelName, Arc<dyn Backend>>,
    pub(crate) personas: BTreeMap<PersonaName, Arc<Persona>>,
    pub(crate) toolbox: Toolbox,
    pub(crate) platforms: BTreeMap<PlatformId, PlatformEntry>,
    pub(crate) dispatch: Dispatch,
    pub(crate) summaries: Summaries,
}

/// Why an engine cannot be made. All of them are for the operator.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EngineError {
    /// Two platforms have one name.
    #[error("two platforms are named {0}")]
    PlatformTwice(PlatformId),
    /// Two tools have one name.
    #[error("two tools are named {0}")]
    ToolTwice(String),
    /// A platform names a persona that does not exist.
    #[error("platform {platform} wants persona {persona}, which does not exist")]
    NoPersona {
        /// The platform.
        platform: PlatformId,
        /// What it wants.
        persona: PersonaName,
    },
    /// A persona names a model that does not exist.
    #[error("persona {persona} wants model {model}, which does not exist")]
    NoModel {
        /// The persona.
        persona: PersonaName,
        /// What it wants.
        model: ModelName,
    },
    /// A persona names no model at all.
    #[error("persona {0} has no model")]
    Modelless(PersonaName),
    /// A persona names a tool that does not exist.
    #[error("persona {persona} wants tool {tool}, which does not exist")]
    NoTool {
        /// The persona.
        persona: PersonaName,
        /// What it wants.
        tool: String,
    },
    /// A limit for roles names none.
    #[error("persona {0} has a limit with scope role that names no roles")]
    RolelessLimit(PersonaName),
    /// The engine was run before.
    #[error("an engine runs only once")]
    RunTwice,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct RunReport {
    /// Turns that were ended by a commit.
    pub finished: u64,
    /// Turns given to whoever comes next, because the process stopped before they were done.
    pub handed_over: u64,
    /// Turns that could not even be given back; their claims run out.
    pub abandoned: u64,
    /// Platforms that ended by themselves with an error.
    pub failed: Vec<(PlatformId, PlatformError)>,
}

impl Engine {
    /// Puts an engine together.
    ///
    /// # Errors
    /// If a name is used twice or is used and not there.
    pub fn new(config: Config, parts: Parts) -> Result<Arc<Self>, EngineError> {
        let toolbox = Toolbox::new(parts.tools)?;
        let platforms = named(parts.platforms)?;
        for (platform, entry) in &platforms {
            if !parts.personas.contains_key(&entry.persona) {
                let (platform, persona) = (platform.clone(), entry.persona.clone());
                return Err(EngineError::NoPersona { platform, persona });
            }
        }
        for persona in parts.personas.values() {
            check_persona(persona, &parts.backends, &toolbox)?;
        }
        Ok(Arc::new(Self {
            dispatch: Dispatch::new(config.max_turns),
            summaries: Summaries::default(),
            config,
            store: parts.store,
            clock: parts.clock,
            backends: parts.backends,
            personas: parts.personas,
            toolbox,
            platforms,
        }))
    }

    /// Where events go in.
    pub fn inbox(self: &Arc<Self>) -> Arc<dyn Inbox> {
        Arc::new(EngineInbox(Arc::clone(self)))
    }

    /// Runs platforms and turns until `stop`, or until the last platform has ended by itself, and
    /// says how it ended.
    ///
    /// Stopping is a sequence: no new turn begins; turns at work may end within the grace time,
    /// while what people still say is kept for whoever comes next; what is left is handed over;
    /// platforms, renewal and summaries stop.
    ///
    /// # Errors
    /// If it was run before.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) -> Result<RunReport, EngineError> {
        if !self.dispatch.begin() {
            return Err(EngineError::RunTwice);
        }
        metric::describe();
        let _over = self.dispatch.over();
        let platforms_stop = CancellationToken::new();
        let background_stop = CancellationToken::new();
        let mut background = JoinSet::new();
        let engine = || (Arc::clone(self), background_stop.clone());
        let (it, stop_it) = engine();
        let dispatch = move || Arc::clone(&it).dispatch_mail(stop_it.clone());
        background.spawn(again_after_panics("dispatch", dispatch));
        let (it, stop_it) = engine();
        let renewal = move || Arc::clone(&it).renew_claims(stop_it.clone());
        background.spawn(again_after_panics("renewal", renewal));
        let (it, stop_it) = engine();
        let summaries = move || Arc::clone(&it).summarise_cuts(stop_it.clone());
        background.spawn(again_after_panics("summaries", summaries));
        let mut platforms = self.spawn_platforms(&platforms_stop);

        let mut report = RunReport::default();
        self.until_stopped(&stop, &mut platforms, &mut report).await;

        self.dispatch.drain(self.config.grace).await;
        platforms_stop.cancel();
        while let Some(ended) = platforms.join_next().await {
            note_end(ended, &mut report);
        }
        background_stop.cancel();
        while background.join_next().await.is_some() {}
        self.dispatch.tally(&mut report);
        tracing::info!(
            finished = report.finished,
            handed_over = report.handed_over,
            abandoned = report.abandoned,
            "the engine has stopped"
        );
        Ok(report)
    }

    fn spawn_platforms(self: &Arc<Self>, stop: &CancellationToken) -> JoinSet<PlatformEnd> {
        let mut platforms = JoinSet::new();
        for (id, entry) in &self.platforms {
            let (id, platform) = (id.clone(), Arc::clone(&entry.platform));
            let (inbox, stop) = (self.inbox(), stop.clone());
            platforms.spawn(async move {
                let stopped = Box::pin(async move { stop.cancelled().await });
                let running = AssertUnwindSafe(platform.run(inbox, stopped)).catch_unwind();
                let ended = running.await.unwrap_or_else(|_panic| {
                    let reason = "it has panicked; this is a bug".into();
                    Err(PlatformError::Unavailable { reason })
                });
                (id, ended)
            });
        }
        platforms
    }

    async fn until_stopped(
        &self,
        stop: &CancellationToken,
        platforms: &mut JoinSet<PlatformEnd>,
        report: &mut RunReport,
    ) {
        // Without any platform the inbox is used directly, and only `stop` ends the run.
        let direct = platforms.is_empty();
        while direct || !platforms.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(ended) = platforms.join_next() => note_end(ended, report),
            }
        }
    }

    /// Words of a conversation were erased: no model keeps them.
    pub(crate) fn backends_forget(&self, conversation: &ConversationId) {
        let backends = self.backends.values();
        backends.for_each(|backend| backend.forget(conversation));
    }

    pub(crate) fn claimant(&self) -> Claimant {
        Claimant {
            replica: self.config.replica.clone(),
            ttl: self.config.claim_ttl,
        }
    }

    /// The platform a conversation is on, if this process runs it.
    pub(crate) fn platform_of(&self, conversation: &ConversationId) -> Option<&PlatformEntry> {
        conversation
            .platform()
            .ok()
            .and_then(|id| self.platforms.get(&id))
    }

    /// Whether a message posted now would be answered soon: the readiness of the model that each
    /// platform's persona prefers, the worst of them.
    pub(crate) fn readiness(&self) -> Readiness {
        if self.dispatch.is_draining() {
            return Readiness::Failed("the server is stopping".into());
        }
        let mut worst = Readiness::Ready;
        for entry in self.platforms.values() {
            match self.readiness_of(&self.personas[&entry.persona]) {
                Readiness::Ready => {}
                failed @ Readiness::Failed(_) => return failed,
                loading @ Readiness::Loading { .. } => worst = loading,
            }
        }
        worst
    }

    /// The readiness of the first of a persona's models that has not failed.
    fn readiness_of(&self, persona: &Persona) -> Readiness {
        let mut models = persona
            .models
            .iter()
            .map(|model| self.backends[model].readiness());
        let first = models.next().unwrap_or(Readiness::Ready);
        match first {
            Readiness::Failed(_) => models
                .find(|next| !matches!(next, Readiness::Failed(_)))
                .unwrap_or(first),
            usable => usable,
        }
    }
}

/// Runs a task of ours until it ends by itself. One that panics, because something it calls did, is
/// begun again: without it nothing would be answered any more, and nobody would be told.
async fn again_after_panics<F: Future<Output = ()>>(task: &'static str, begin: impl Fn() -> F) {
    while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
        tracing::error!(task, "it has panicked and begins again; this is a bug");
        tokio::time::sleep(PANIC_PAUSE).await;
    }
}

type PlatformEnd = (PlatformId, Result<(), PlatformError>);

fn note_end(ended: Result<PlatformEnd, tokio::task::JoinError>, report: &mut RunReport) {
    match ended {
        Ok((platform, Ok(()))) => tracing::info!(%platform, "the platform has ended"),
        Ok((platform, Err(error))) => {
            tracing::error!(%platform, %error, "the platform has failed");
            report.failed.push((platform, error));
        }
        Err(error) => tracing::error!(panicked = error.is_panic(), "a platform's task was lost"),
    }
}

fn named(entries: Vec<PlatformEntry>) -> Result<BTreeMap<PlatformId, PlatformEntry>, EngineError> {
    let mut platforms = BTreeMap::new();
    for entry in entries {
        let id = entry.platform.id().clone();
        if platforms.insert(id.clone(), entry).is_some() {
            return Err(EngineError::PlatformTwice(id));
        }
    }
    Ok(platforms)
}

fn check_persona(
    persona: &Persona,
    backends: &BTreeMap<ModelName, Arc<dyn Backend>>,
    toolbox: &Toolbox,
) -> Result<(), EngineError> {
    let name = || persona.name.clone();
    if persona.models.is_empty() {
        return Err(EngineError::Modelless(name()));
    }
    if let Some(model) = persona
        .models
        .iter()
        .find(|model| !backends.contains_key(*model))
    {
        return Err(EngineError::NoModel {
            persona: name(),
            model: model.clone(),
        });
    }
    let roleless = |limit: &Limit| limit.scope == LimitScope::Role && limit.roles.is_empty();
    if persona.limits.iter().any(roleless) {
        return Err(EngineError::RolelessLimit(name()));
    }
    let tools: BTreeSet<_> = persona.tools.iter().collect();
    if let Some(tool) = tools.into_iter().find(|tool| !toolbox.has(tool)) {
        return Err(EngineError::NoTool {
            persona: name(),
            tool: tool.to_string(),
        });
    }
    Ok(())
}
