//! What a conversation takes place with.

use crate::{backend::ScriptedBackend, platform::RecordingPlatform};
use causerie_core::{
    Clock, Timestamp,
    backend::Backend,
    id::{ModelName, PersonaName, ReplicaId},
    persona::Persona,
    platform::{Inbox, PlatformCapabilities},
    store::Store,
    tool::Tool,
};
use causerie_engine::{Config, Engine, EngineError, Language, Parts, PlatformEntry, RunReport};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// Tokio's time as a clock, so that pausing it stops both.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    began: Instant,
    /// What it showed when it was made.
    at: Timestamp,
}

impl Default for TokioClock {
    /// It begins on an ordinary Tuesday: 2026-11-24, 12:00 UTC.
    fn default() -> Self {
        Self {
            began: Instant::now(),
            at: Timestamp(1_795_521_600_000),
        }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.at + self.began.elapsed()
    }
}

/// What is put around a model.
pub type Around = Arc<dyn Fn(&ModelName, Arc<dyn Backend>) -> Arc<dyn Backend> + Send + Sync>;

/// What a conversation takes place with.
pub struct Setup {
    /// How the engine is configured.
    pub config: Config,
    /// Who answers. Its model is called `small`.
    pub persona: Persona,
    /// What the platform can do.
    pub capabilities: PlatformCapabilities,
    /// More models, which the persona may name.
    pub backends: BTreeMap<ModelName, Arc<ScriptedBackend>>,
    /// What is put around each model, anew after a restart; nothing if `None`.
    pub around: Option<Around>,
    /// More personas.
    pub personas: Vec<Persona>,
    /// What models may call.
    pub tools: Vec<Arc<dyn Tool>>,
    /// The language of the lines that we speak ourselves.
    pub language: Language,
    /// Where everything is kept; a memory store if `None`.
    pub store: Option<Arc<dyn Store>>,
}

impl Default for Setup {
    fn default() -> Self {
        let small = ModelName::new("small").expect("a fixed name");
        let name = PersonaName::new("assistant").expect("a fixed name");
        Self {
            config: Config::default(),
            persona: Persona::new(name, "", vec![small]),
            capabilities: RecordingPlatform::editing(),
            backends: BTreeMap::new(),
            around: None,
            personas: vec![],
            tools: vec![],
            language: Language::English,
            store: None,
        }
    }
}

pub(super) struct Started {
    pub(super) inbox: Arc<dyn Inbox>,
    pub(super) stop: CancellationToken,
    pub(super) running: JoinHandle<Result<RunReport, EngineError>>,
}

pub(super) fn start(
    setup: &Setup,
    store: &Arc<dyn Store>,
    clock: TokioClock,
    platform: &Arc<RecordingPlatform>,
    backend: &Arc<ScriptedBackend>,
    replica: u32,
) -> Started {
    let mut config = setup.config.clone();
    config.replica = ReplicaId::new(format!("r{replica}")).expect("a valid name");
    let mut backends: BTreeMap<ModelName, Arc<dyn Backend>> = BTreeMap::new();
    for (name, backend) in &setup.backends {
        backends.insert(name.clone(), backend.clone());
    }
    backends.insert(
        ModelName::new("small").expect("a fixed name"),
        backend.clone(),
    );
    if let Some(around) = &setup.around {
        for (name, backend) in &mut backends {
            *backend = around(name, Arc::clone(backend));
        }
    }
    let personas = setup.personas.iter().chain([&setup.persona]);
    let parts = Parts {
        store: Arc::clone(store),
        clock: Arc::new(clock),
        backends,
        personas: personas
            .map(|p| (p.name.clone(), Arc::new(p.clone())))
            .collect(),
        tools: setup.tools.clone(),
        platforms: vec![PlatformEntry {
            platform: platform.clone(),
            persona: setup.persona.name.clone(),
            language: setup.language,
        }],
    };
    let engine = Engine::new(config, parts).expect("a setup that fits together");
    let stop = CancellationToken::new();
    let inbox = engine.inbox();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { engine.run(stop).await }
    });
    Started {
        inbox,
        stop,
        running,
    }
}
