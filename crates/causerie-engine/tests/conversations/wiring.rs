//! What an engine is put together from, and how a run ends by itself.

use async_trait::async_trait;
use causerie_core::{
    backend::Backend,
    id::{ModelName, PersonaName, Place, PlatformId, ToolName},
    limit::{Limit, LimitScope, LimitUnit, Window},
    persona::Persona,
    platform::{Inbox, Operation, Platform, PlatformCapabilities, PlatformError, Receipt, Stop},
};
use causerie_engine::{Config, Engine, EngineError, Language, Parts, PlatformEntry};
use causerie_store::MemoryStore;
use causerie_testkit::{backend::ScriptedBackend, chat::TokioClock, platform::RecordingPlatform};
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

fn model(name: &str) -> ModelName {
    ModelName::new(name).unwrap()
}

fn parts() -> Parts {
    let clock = Arc::new(TokioClock::default());
    let name = PersonaName::new("assistant").unwrap();
    let backend: Arc<dyn Backend> = ScriptedBackend::new();
    let persona = Persona::new(name.clone(), "", vec![model("small")]);
    Parts {
        store: Arc::new(MemoryStore::new(clock.clone())),
        clock,
        backends: BTreeMap::from([(model("small"), backend)]),
        personas: BTreeMap::from([(name.clone(), Arc::new(persona))]),
        tools: vec![],
        platforms: vec![PlatformEntry {
            platform: RecordingPlatform::new(RecordingPlatform::editing()),
            persona: name,
            language: Language::English,
        }],
    }
}

fn fault(change: impl FnOnce(&mut Parts)) -> String {
    let mut parts = parts();
    change(&mut parts);
    match Engine::new(Config::default(), parts) {
        Ok(_) => panic!("the engine takes it"),
        Err(error) => error.to_string(),
    }
}

fn persona(change: impl FnOnce(&mut Persona)) -> impl FnOnce(&mut Parts) {
    move |parts| {
        let persona = parts.personas.values_mut().next().unwrap();
        change(Arc::make_mut(persona));
    }
}

#[tokio::test]
async fn names_that_do_not_fit_are_told_before_anything_runs() {
    let nobody = PersonaName::new("nobody").unwrap();
    insta::assert_snapshot!(fault(|parts| parts.platforms[0].persona = nobody), @"platform recording wants persona nobody, which does not exist");
    insta::assert_snapshot!(fault(|parts| parts.platforms.push(parts.platforms[0].clone())), @"two platforms are named recording");
    insta::assert_snapshot!(fault(persona(|p| p.models = vec![model("big")])), @"persona assistant wants model big, which does not exist");
    insta::assert_snapshot!(fault(persona(|p| p.models = vec![])), @"persona assistant has no model");
    let tool = ToolName::new("lookup").unwrap();
    insta::assert_snapshot!(fault(persona(|p| p.tools = vec![tool])), @"persona assistant wants tool lookup, which does not exist");
    let limit = Limit::new(LimitScope::Role, LimitUnit::Messages, 1, Window::Day);
    insta::assert_snapshot!(fault(persona(|p| p.limits = vec![limit])), @"persona assistant has a limit with scope role that names no roles");
}

/// Ends by itself.
struct Brief(
    PlatformId,
    PlatformCapabilities,
    fn() -> Result<(), PlatformError>,
);

#[async_trait]
impl Platform for Brief {
    fn id(&self) -> &PlatformId {
        &self.0
    }

    fn capabilities(&self, _place: &Place) -> &PlatformCapabilities {
        &self.1
    }

    async fn run(&self, _inbox: Arc<dyn Inbox>, _stop: Stop) -> Result<(), PlatformError> {
        self.2()
    }

    async fn perform(&self, _operation: &Operation) -> Result<Receipt, PlatformError> {
        Ok(Receipt::default())
    }
}

async fn failures_of(ends: fn() -> Result<(), PlatformError>) -> Vec<String> {
    let mut parts = parts();
    let id = PlatformId::new("brief").unwrap();
    let capabilities = RecordingPlatform::editing();
    parts.platforms[0].platform = Arc::new(Brief(id, capabilities, ends));
    let engine = Engine::new(Config::default(), parts).unwrap();
    let report = engine.run(CancellationToken::new()).await.unwrap();
    let again = engine.run(CancellationToken::new()).await;
    assert_eq!(again.err(), Some(EngineError::RunTwice));
    let failed = report
        .failed
        .iter()
        .map(|(platform, error)| format!("{platform}: {error}"));
    failed.collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_its_last_platform_and_says_how() {
    assert!(failures_of(|| Ok(())).await.is_empty());
    assert_eq!(
        failures_of(|| Err(PlatformError::Forbidden)).await,
        ["brief: we may not write here"]
    );
    assert_eq!(
        failures_of(|| panic!("the test wants it")).await,
        ["brief: the platform is not available: it has panicked; this is a bug"]
    );
}
