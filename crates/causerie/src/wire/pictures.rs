//! The bytes of pictures, for models that see: from the platform that has them.

use async_trait::async_trait;
use causerie_core::{event::Attachment, platform::Platform};
use causerie_openai::Pictures;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Pictures that are kept, in bytes: a conversation's are wanted again with each turn.
const KEPT: usize = 32 << 20;

/// Brings pictures from these platforms.
pub struct PlatformPictures {
    platforms: Vec<Arc<dyn Platform>>,
    kept: Mutex<Kept>,
}

/// Pictures by their locators, those that were not wanted for longest first.
#[derive(Default)]
struct Kept {
    pictures: VecDeque<(String, Arc<[u8]>)>,
    bytes: usize,
}

impl PlatformPictures {
    /// From these.
    pub fn new(platforms: Vec<Arc<dyn Platform>>) -> Self {
        Self {
            platforms,
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn find(&mut self, locator: &str) -> Option<Arc<[u8]>> {
        let at = self.pictures.iter().position(|(one, _)| one == locator)?;
        let found = self.pictures.remove(at)?;
        let bytes = Arc::clone(&found.1);
        self.pictures.push_back(found);
        Some(bytes)
    }

    fn keep(&mut self, locator: &str, picture: Arc<[u8]>) {
        self.bytes += picture.len();
        self.pictures.push_back((locator.to_owned(), picture));
        while self.bytes > KEPT {
            let Some((_, oldest)) = self.pictures.pop_front() else {
                return;
            };
            self.bytes -= oldest.len();
        }
    }
}

#[async_trait]
impl Pictures for PlatformPictures {
    async fn fetch(&self, picture: &Attachment) -> Option<bytes::Bytes> {
        if let Some(kept) = self.kept().find(&picture.locator) {
            return Some(bytes::Bytes::from_owner(kept));
        }
        let (platform, _) = picture.locator.split_once('/')?;
        let platform = self
            .platforms
            .iter()
            .find(|one| one.id().as_str() == platform)?;
        let fetched = platform.fetch(picture).await;
        let fetched = fetched
            .inspect_err(|error| tracing::warn!(%error, "a picture could not be fetched"))
            .ok()?;
        let fetched: Arc<[u8]> = fetched.into();
        self.kept().keep(&picture.locator, Arc::clone(&fetched));
        Some(bytes::Bytes::from_owner(fetched))
    }
}
