//! What the operator decides, and what the engine is made of.

use crate::{admission::Admission, line::Language};
use causerie_core::{
    Clock, Text,
    backend::Backend,
    id::{ModelName, PersonaName, ReplicaId},
    persona::Persona,
    platform::Platform,
    store::Store,
    tool::Tool,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What the operator decides. The defaults suit one process and a local model.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this process among those that share the store.
    pub replica: ReplicaId,
    /// Whether no other process shares the store. Then nobody else can hold a role, and none has to
    /// be kept by writing.
    pub alone: bool,
    /// The most turns at work at the same time.
    pub max_turns: usize,
    /// The longest a turn may take, waiting for a model that loads included.
    pub turn_deadline: Duration,
    /// How long an answer that stands ready waits for a platform that is away or asks us to wait.
    /// What cannot be delivered by then is given up.
    pub delivery_patience: Duration,
    /// How long a claim outlives a process that died.
    pub claim_ttl: Duration,
    /// A turn begun more often than this is given up, visibly.
    pub max_attempts: u32,
    /// The most bytes one message may have.
    pub max_message_bytes: usize,
    /// How long after an answer an edit of its question still changes it.
    pub edit_window: Duration,
    /// The most turns in a row without a person.
    pub loop_limit: u32,
    /// How long answers under way may take when the process stops.
    pub grace: Duration,
    /// Who is answered at all.
    pub admission: Admission,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            replica: ReplicaId::new("solo").expect("a valid name"),
            alone: true,
            max_turns: 512,
            turn_deadline: Duration::from_secs(300),
            delivery_patience: Duration::from_secs(3600),
            claim_ttl: Duration::from_secs(30),
            max_attempts: 5,
            max_message_bytes: 256 * 1024,
            edit_window: Duration::from_secs(120),
            loop_limit: 8,
            grace: Duration::from_secs(20),
            admission: Admission::default(),
        }
    }
}

/// What the engine is made of. `wire.rs` of the server fills it in; tests fill it with scripted
/// and recording ones.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The models, by the names that personas use.
    pub backends: BTreeMap<ModelName, Arc<dyn Backend>>,
    /// The personas, by name.
    pub personas: BTreeMap<PersonaName, Arc<Persona>>,
    /// The tools that personas may name.
    pub tools: Vec<Arc<dyn Tool>>,
    /// The platforms to run.
    pub platforms: Vec<PlatformEntry>,
}

impl Parts {
    /// One platform, one model and one persona with `system` as its system prompt: enough for most
    /// bots.
    pub fn single(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        backend: Arc<dyn Backend>,
        platform: Arc<dyn Platform>,
        system: impl Into<Text>,
    ) -> Self {
        let model = ModelName::new("model").expect("a valid name");
        let name = PersonaName::new("assistant").expect("a valid name");
        let persona = Persona::new(name.clone(), system, vec![model.clone()]);
        let entry = PlatformEntry {
            platform,
            persona: name.clone(),
            language: Language::English,
        };
        Self {
            store,
            clock,
            backends: BTreeMap::from([(model, backend)]),
            personas: BTreeMap::from([(name, Arc::new(persona))]),
            tools: vec![],
            platforms: vec![entry],
        }
    }
}

/// A platform, and who answers there.
#[derive(Clone)]
pub struct PlatformEntry {
    /// The platform.
    pub platform: Arc<dyn Platform>,
    /// Who answers, unless a conversation chose another one.
    pub persona: PersonaName,
    /// The language of the lines we speak ourselves.
    pub language: Language,
}
