//! Keeps the claims of all turns at work. A turn whose claim was lost is told, and never commits; one
//! that cannot know holds its tongue until it does.

use crate::{engine::Engine, live::Live};
use causerie_core::store::StoreError;
use futures::StreamExt;
use std::sync::Arc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How many claims are renewed at the same time.
const RENEWALS: usize = 16;

impl Engine {
    /// Renews all claims, three times in their lifetime.
    pub(crate) async fn renew_claims(self: Arc<Self>, stop: CancellationToken) {
        let rounds = async {
            loop {
                sleep(self.config.claim_ttl / 3).await;
                self.renew_all().await;
            }
        };
        tokio::select! {
            () = rounds => {}
            () = stop.cancelled() => {}
        }
    }

    /// Renews the claims of all turns at work here.
    pub(crate) async fn renew_all(&self) {
        let turns = futures::stream::iter(self.dispatch.live.all());
        turns
            .for_each_concurrent(RENEWALS, |live| self.renew_claim(live))
            .await;
    }

    async fn renew_claim(&self, live: Live) {
        let ttl = self.config.claim_ttl;
        let asked = Instant::now();
        match self.store.renew(&live.key, ttl).await {
            Ok(renewed) => {
                live.signals.sure.send_replace(asked + ttl);
                if renewed.stop && !live.signals.stop.is_cancelled() {
                    self.stop_from_afar(&live).await;
                }
            }
            Err(StoreError::Stale) => live.signals.lost.cancel(),
            // When it runs out somebody else may have it, if the store is away only for us. If nobody
            // took it, it is ours again with the next renewal that succeeds.
            Err(error) => {
                tracing::warn!(conversation = %live.key.conversation, %error, "a claim was not renewed");
            }
        }
    }

    /// Another replica took the stop in.
    async fn stop_from_afar(&self, live: &Live) {
        let pending = self
            .store
            .pending(&live.key.conversation)
            .await
            .unwrap_or_default();
        let stops: Vec<_> = pending
            .into_iter()
            .filter(|event| event.is_stop() && self.check(event).is_ok())
            .map(|event| event.id)
            .collect();
        // Whoever is not answered stops nobody.
        if !stops.is_empty() {
            live.signals.stop_for(stops);
        }
    }
}
