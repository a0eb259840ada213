//! A backend that is still on its way: fetched, then loaded, while the server already answers.

use async_trait::async_trait;
use causerie_core::{
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Privacy, Readiness},
    id::ConversationId,
    prompt::{ByteEstimate, Prompt, TokenCounter},
};
use std::sync::Arc;
use tokio::sync::watch;

/// Stands for a backend until it is there, and then is it.
pub struct Deferred {
    arrival: watch::Receiver<Arrival>,
    /// The context window that is promised until the backend knows its own.
    context: u32,
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
    pub fn new(context: u32) -> (Self, watch::Sender<Arrival>) {
        let (sender, arrival) = watch::channel(Arrival::Loading(None));
        (Self { arrival, context }, sender)
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

    fn forget(&self, conversation: &ConversationId) {
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
        let (deferred, sender) = Deferred::new(4096);
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

    #[tokio::test]
    async fn whoever_waits_is_told_of_a_failure() {
        let (deferred, sender) = Deferred::new(4096);
        sender.send_replace(Arrival::Failed("pull it".to_owned()));
        assert_eq!(
            deferred.ready().await,
            Readiness::Failed("pull it".to_owned())
        );
        let (given_up, sender) = Deferred::new(4096);
        drop(sender);
        assert!(matches!(given_up.ready().await, Readiness::Failed(_)));
    }
}
