//! A change of keys: everything is written anew.

use crate::{
    RedisStore,
    conversation::{ATTEMPTS, Chunks, Kind, Rewrite},
    fault::Fault,
    mailbox::NAMELESS,
    reply::Reply,
};
use causerie_core::{id::ConversationId, store::StoreError};

/// Conversations that are asked for at once.
const PAGE: usize = 100;

impl RedisStore {
    /// Writes all conversations anew with the first key (or without one), and says how many there
    /// were. It may run beside servers, and again if it was broken off. The journals of turns under
    /// way stay as they are: keep the old key until those have ended.
    ///
    /// # Errors
    /// As any operation; [`StoreError::Sealed`] if a key is missing.
    pub async fn reseal(&self) -> Result<u64, StoreError> {
        let mut done = 0;
        for partition in self.partitions() {
            let sealed = self.reseal_partition(partition).await;
            done += sealed.map_err(|fault| self.error(fault))?;
        }
        Ok(done)
    }

    async fn reseal_partition(&self, partition: u8) -> Result<u64, Fault> {
        let mut skip = 0;
        loop {
            let call = self.scripts.latest.on(self.slot(partition), self.time());
            let call = call.arg(skip).arg(PAGE).reads();
            let page = Reply::new(call.send(&self.link).await?)?.each(Reply::pair)?;
            for (id, _) in &page {
                let id = ConversationId::new(id).map_err(|_| NAMELESS)?;
                self.reseal_conversation(&id).await?;
            }
            // What happens meanwhile moves a conversation to the front, and is written with the
            // current key; the others move back and are met twice at most.
            skip += page.len();
            if page.len() < PAGE {
                return Ok(skip as u64);
            }
        }
    }

    async fn reseal_conversation(&self, id: &ConversationId) -> Result<(), Fault> {
        for _ in 0..ATTEMPTS {
            let mut view = self.read(id, Chunks::All, true, false).await?;
            view.book.renew();
            let rewrite = Rewrite {
                state: Some(view.state.clone()),
                title: Some(view.title()),
                mail: view.mail.clone(),
                kind: Kind::Quiet,
                ..Rewrite::default()
            };
            if self.rewrite(id, view, rewrite).await?.is_some() {
                return Ok(());
            }
        }
        Err(Fault::Contended)
    }
}
