//! The recording platform keeps the promises of every platform, whatever it can do.

use async_trait::async_trait;
use causerie_core::{
    id::{ConversationId, Place},
    platform::{Creates, Platform, PlatformCapabilities, Streaming},
};
use causerie_testkit::{
    chat::conversation, platform::RecordingPlatform, platform_conformance::Stage,
};
use std::{sync::Arc, time::Duration};

const OFTEN: Duration = Duration::from_millis(1);

struct Recorded(Arc<RecordingPlatform>);

#[async_trait]
impl Stage for Recorded {
    fn platform(&self) -> Arc<dyn Platform> {
        self.0.clone()
    }

    fn conversation(&self) -> ConversationId {
        conversation("room")
    }

    fn place(&self) -> Place {
        Place::new("room").expect("a plain name")
    }

    async fn seen(&self) -> Vec<String> {
        self.0.words()
    }
}

fn with(change: impl FnOnce(&mut PlatformCapabilities)) -> Recorded {
    let mut capabilities = RecordingPlatform::editing();
    change(&mut capabilities);
    Recorded(RecordingPlatform::new(capabilities))
}

mod that_edits {
    async fn stage() -> super::Recorded {
        super::with(|_| {})
    }
    causerie_testkit::platform_conformance!(stage);
}

mod that_appends {
    use super::{Creates, OFTEN, Streaming};

    async fn stage() -> super::Recorded {
        super::with(|can| {
            can.streaming = Streaming::Append { every: OFTEN };
            can.creates = Creates::Idempotent;
        })
    }
    causerie_testkit::platform_conformance!(stage);
}

mod that_previews {
    use super::{Creates, OFTEN, Streaming};

    async fn stage() -> super::Recorded {
        super::with(|can| {
            can.streaming = Streaming::Preview {
                first: std::time::Duration::ZERO,
                every: OFTEN,
                lasts: OFTEN * 100,
            };
            can.creates = Creates::Ambiguous;
        })
    }
    causerie_testkit::platform_conformance!(stage);
}

mod that_can_nothing {
    async fn stage() -> super::Recorded {
        super::with(|can| *can = super::PlatformCapabilities::default())
    }
    causerie_testkit::platform_conformance!(stage);
}
