//! Models, from their configuration: at once where there is nothing to load, and in the background
//! where a file must be fetched or read first.

use super::{PlatformPictures, remote};
use crate::{
    config::{Config, EchoModel, LocalModel, ModelConfig, StoreUrl},
    deferred::{Arrival, Deferred},
    echo::Echo,
    failure::Failure,
};
use causerie_core::{Clock, backend::Backend, id::ModelName, persona::Sampling};
use causerie_engine::wrap::{Chance, Settings, stack};
use causerie_local::{
    Local,
    models::{ModelError, ModelRef, Models, PullEvent},
    saved,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};

/// How long after a failed download the next one begins: somebody may have plugged the cable in.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The context that is promised for a model whose file is not here yet.
const PROVISIONAL_CONTEXT: u32 = 2048;

/// Backends by the names that personas use.
pub(crate) type Backends = BTreeMap<ModelName, Arc<dyn Backend>>;

/// The downloads under way. They end when it is dropped.
pub type Loading = JoinSet<()>;

/// The backends of all models that some persona uses, and what still loads. Those that see have
/// `pictures` brought.
///
/// # Errors
/// If there is no place for model files, or a model is named as none can be.
pub fn backends(
    config: &Config,
    clock: &Arc<dyn Clock>,
    pictures: &Arc<PlatformPictures>,
) -> Result<(Backends, Loading), Failure> {
    let used: BTreeSet<&ModelName> = config
        .personas
        .values()
        .flat_map(|persona| &persona.models)
        .collect();
    forget_other_models(config)?;
    let (mut backends, mut loading) = (Backends::new(), Loading::new());
    let chance = Chance::new();
    for (name, model) in &config.models {
        if !used.contains(name) {
            tracing::info!(model = %name, "no persona uses this model, so it is not loaded");
            continue;
        }
        let backend: Arc<dyn Backend> = match model {
            ModelConfig::Echo(model) => Arc::new(echo(model)),
            ModelConfig::OpenAi(model) => {
                let backend = remote::backend(name, model, pictures, &chance)?;
                // It asks the endpoint how much it takes, before somebody waits for that.
                let asking = backend.clone();
                loading.spawn(async move {
                    asking.ready().await;
                });
                backend
            }
            ModelConfig::Local(model) => {
                let file = local(config, model)?;
                let context = model.context.unwrap_or(PROVISIONAL_CONTEXT);
                let (deferred, arrival) = Deferred::new(context, state_dir(config));
                loading.spawn(file.bring(name.clone(), clock.clone(), arrival));
                stack(name, Arc::new(deferred), &Settings::local(), &chance)
            }
        };
        backends.insert(name.clone(), backend);
    }
    Ok((backends, loading))
}

fn echo(model: &EchoModel) -> Echo {
    let pace = match model.words_per_second {
        0 => Duration::ZERO,
        words => Duration::from_secs(1) / words,
    };
    Echo {
        delay: model.delay.0,
        pace,
        context: model.context,
    }
}

fn local(config: &Config, model: &LocalModel) -> Result<File, Failure> {
    let reference = ModelRef::parse(&model.model)?;
    let advised = match &reference {
        ModelRef::Named(entry) => entry.temperature,
        _ => None,
    };
    let sampling = Sampling {
        temperature: advised,
        ..Sampling::default()
    };
    let models = Models::from_env()?;
    let quick_dir = Some(models.dir().to_owned());
    Ok(File {
        models,
        reference,
        settings: causerie_local::Config {
            context: model.context,
            slots: model.slots.map(u32::from),
            threads: model.threads.map(u32::from),
            // The engine's bound is the bound: whoever has a turn may wait for the model.
            queue: config.server.max_turns as usize,
            state_dir: state_dir(config),
            quick_dir,
            sampling,
            ..causerie_local::Config::new(PathBuf::new())
        },
    })
}

/// Where models keep their states of conversations: beside the store that has the conversations,
/// and nowhere if that keeps nothing, or is shared: what is forgotten through one server would stay
/// on the disks of the others.
fn state_dir(config: &Config) -> Option<PathBuf> {
    match &config.store.url {
        StoreUrl::Memory | StoreUrl::Redis(_) => None,
        StoreUrl::Sqlite(file) => {
            let store = config.server.data_dir.join(file);
            Some(store.with_extension("model-state"))
        }
    }
}

/// Removes the states of models that are no longer configured.
fn forget_other_models(config: &Config) -> Result<(), Failure> {
    let Some(dir) = state_dir(config) else {
        return Ok(());
    };
    let configured = config.models.values().filter_map(|model| match model {
        ModelConfig::Local(model) => Some(&model.model),
        ModelConfig::Echo(_) | ModelConfig::OpenAi(_) => None,
    });
    let file = |model: &String| -> Result<PathBuf, Failure> {
        Ok(Models::from_env()?.path_of(&ModelRef::parse(model)?))
    };
    let files = configured.map(file).collect::<Result<Vec<_>, _>>()?;
    saved::keep_only(&dir, &files);
    Ok(())
}

/// A model file that is here, or will be.
struct File {
    models: Models,
    reference: ModelRef,
    /// For the backend; the path is filled in when the file is here.
    settings: causerie_local::Config,
}

impl File {
    /// Fetches the file if it is not here, opens it, and hands the backend over. A download that
    /// failed is tried again; people are told meanwhile.
    async fn bring(self, name: ModelName, clock: Arc<dyn Clock>, arrival: watch::Sender<Arrival>) {
        loop {
            match self.here(&name, &arrival).await {
                Ok(path) => {
                    if let Some(advice) = self.models.advice(&self.reference) {
                        tracing::warn!(model = %name, "{advice}");
                    }
                    let settings = causerie_local::Config {
                        path,
                        ..self.settings
                    };
                    let backend = Arc::new(Local::open(settings, clock));
                    arrival.send_replace(Arrival::Here(backend.clone()));
                    let readiness = backend.ready().await;
                    tracing::info!(model = %name, ?readiness, "the model has loaded");
                    return;
                }
                Err(error) => {
                    tracing::error!(model = %name, %error, "the model is not available");
                    let again = matches!(error, ModelError::NoSource { .. });
                    arrival.send_replace(Arrival::Failed(error.to_string()));
                    if !again {
                        return;
                    }
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
    }

    async fn here(
        &self,
        name: &ModelName,
        arrival: &watch::Sender<Arrival>,
    ) -> Result<PathBuf, ModelError> {
        match self.models.find(&self.reference) {
            Err(ModelError::Missing { .. }) if !matches!(self.reference, ModelRef::File(_)) => {}
            found => return found,
        }
        tracing::info!(model = %name, "the model is not here yet and is being fetched");
        let told = Mutex::new(0);
        let watch = |event| match event {
            PullEvent::Note(note) => tracing::warn!(model = %name, "{note}"),
            PullEvent::Progress(progress) => {
                let percent = progress.percent();
                arrival.send_replace(Arrival::Loading(percent));
                let tenth = percent.unwrap_or(0) / 10;
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                if tenth > *told {
                    *told = tenth;
                    tracing::info!(model = %name, percent, "fetching the model");
                }
            }
        };
        Ok(self.models.pull(&self.reference, &watch).await?.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default configuration, keeping its conversations in `url`.
    fn settings(url: StoreUrl) -> causerie_local::Config {
        let mut config = Config::default();
        config.store.url = url;
        local(&config, &LocalModel::default()).unwrap().settings
    }

    #[test]
    fn states_are_kept_beside_the_store_and_only_if_there_is_one() {
        assert_eq!(settings(StoreUrl::Memory).state_dir, None);
        let shared = StoreUrl::try_from("redis://localhost".to_owned()).unwrap();
        assert_eq!(settings(shared).state_dir, None);
        let kept = settings(StoreUrl::Sqlite("causerie.db".into())).state_dir;
        assert!(kept.unwrap().ends_with("causerie.model-state"));
    }

    #[test]
    fn whoever_has_a_turn_may_wait_for_the_model() {
        let turns = Config::default().server.max_turns as usize;
        assert!(settings(StoreUrl::Memory).queue >= turns);
    }
}
