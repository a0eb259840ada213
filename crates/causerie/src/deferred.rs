//! A backend that is still on its way: fetched, then loaded, while the server already answers.

use async_trait::async_trait;
use causerie_core::{
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Privacy, Readiness},
    id::ConversationId,
    prompt::{ByteEstimate, Prompt, TokenCounter},
};
use causerie_local::saved;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::watch;

/// Stands for a backend until it is there, and then is it.
pub struct Deferred {
    arrival: watch::Receiver<Arrival>,
    /// The context window that is promised until the backend knows its own.
    context: u32,
    /// Where backends keep what is left of conversations from one run to the next.
    state_dir: Option<PathBuf>,
}

/// How far the backend is.
#[derive(Clone)]
pub enum Arrival {
    /// It comes; from 0 to 100, if known.
    Loading(Option<u8>),
    /// It is here.
    Here(Arc<dyn Backend>),
    /// It does not come before the operator does what the text says.
    Failed(String),
}

impl Deferred {
    /// A backend that will come through the sender.
    pub fn new(context: u32, state_dir: Option<PathBuf>) -> (Self, watch::Sender<Arrival>) {
        let (sender, arrival) = watch::channel(Arrival::Loading(None));
        let deferred = Self {
            arrival,
            context,
            state_dir,
        };
        (deferred, sender)
    }

    fn now(&self) -> Arrival {
        self.arrival.borrow().clone()
    }
}

fn readiness(arrival: &Arrival) -> Readiness {
    match arrival {
        Arrival::Loading(percent) => Readiness::Loading { percent: *percent },
        Arrival::Here(backend) => backend.readiness(),
        Arrival::Failed(reason) => Readiness::Failed(reason.clone()),
    }
}

#[async_trait]
impl Backend for Deferred {
    fn capabilities(&self) -> BackendCapabilities {
        match self.now() {
            Arrival::Here(backend) => backend.capabilities(),
            Arrival::Loading(_) | Arrival::Failed(_) => BackendCapabilities {
                context_window: self.context,
                tools: false,
                images: false,
                privacy: Privacy::Local,
                prices: None,
            },
        }
    }

    fn readiness(&self) -> Readiness {
        readiness(&self.arrival.borrow())
    }

    async fn ready(&self) -> Readiness {
        let mut arrival = self.arrival.clone();
        let settled = arrival
            .wait_for(|now| !matches!(now, Arrival::Loading(_)))
            .await;
        match settled.map(|now| now.clone()) {
            Ok(Arrival::Here(backend)) => backend.ready().await,
            Ok(other) => readiness(&other),
            Err(_closed) => Readiness::Failed("the model was given up".to_owned()),
        }
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        match self.now() {
            Arrival::Here(backend) => backend.counter(),
            Arrival::Loading(_) | Arrival::Failed(_) => Arc::new(ByteEstimate),
        }
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        match self.now() {
            Arrival::Here(backend) => backend.complete(prompt).await,
            Arrival::Loading(_) => Err(BackendError::Loading),
            Arrival::Failed(reason) => Err(BackendError::Misconfigured { reason }),
        }
    }

    /// What an earlier run left goes at once, whether the backend is here or ever comes.
    fn forget(&self, conversation: &ConversationId) {
        if let Some(dir) = &self.state_dir {
            saved::forget(dir, conversation);
        }
        if let Arrival::Here(backend) = self.now() {
            backend.forget(conversation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::echo::Echo;
    use std::time::Duration;

    #[tokio::test]
    async fn it_is_loading_until_it_is_here() {
        let (deferred, sender) = Deferred::new(4096, None);
        assert_eq!(deferred.readiness(), Readiness::Loading { percent: None });
        sender.send_replace(Arrival::Loading(Some(40)));
        assert_eq!(
            deferred.readiness(),
            Readiness::Loading { percent: Some(40) }
        );
        assert_eq!(deferred.capabilities().context_window, 4096);
        let echo = Echo {
            delay: Duration::ZERO,
            pace: Duration::ZERO,
            context: 512,
        };
        sender.send_replace(Arrival::Here(Arc::new(echo)));
        assert_eq!(deferred.ready().await, Readiness::Ready);
        assert_eq!(deferred.capabilities().context_window, 512);
    }

    #[test]
    fn what_is_forgotten_goes_before_the_backend_is_here_and_if_it_never_comes() {
        use std::fs;
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("some-model");
        fs::create_dir(&model).unwrap();
        // A state is named after the hash of its conversation.
        let states = ["test/loading", "test/failed", "test/kept"].map(|id| {
            let conversation = ConversationId::new(id).unwrap();
            let file = model.join(format!("{}.0.0.state", saved::name_of(&conversation)));
            fs::write(&file, "x").unwrap();
            (conversation, file)
        });
        let left = || states.each_ref().map(|(_, file)| file.exists());
        let (deferred, sender) = Deferred::new(4096, Some(dir.path().to_owned()));
        deferred.forget(&states[0].0);
        assert_eq!(left(), [false, true, true]);
        sender.send_replace(Arrival::Failed("pull it".to_owned()));
        deferred.forget(&states[1].0);
        assert_eq!(left(), [false, false, true]);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_of_a_failure() {
        let (deferred, sender) = Deferred::new(4096, None);
        sender.send_replace(Arrival::Failed("pull it".to_owned()));
        assert_eq!(
            deferred.ready().await,
            Readiness::Failed("pull it".to_owned())
        );
        let (given_up, sender) = Deferred::new(4096, None);
        drop(sender);
        assert!(matches!(given_up.ready().await, Readiness::Failed(_)));
    }
}
