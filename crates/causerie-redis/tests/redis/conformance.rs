//! The promises of every store, kept by each kind of Redis.

use crate::place::{self, fresh, key, opened, skipped};
use causerie_testkit::store_conformance::{Opened, Setup};

mod single {
    use super::*;

    async fn open(setup: Setup) -> Opened {
        let Some(server) = place::single() else {
            return skipped(setup);
        };
        opened(setup, fresh(&server.url()), server).await
    }

    causerie_testkit::store_conformance!(open);
}

mod encrypted {
    use super::*;

    async fn open(setup: Setup) -> Opened {
        let Some(server) = place::single() else {
            return skipped(setup);
        };
        let mut config = fresh(&server.url());
        config.keys = vec![key("new", 1), key("old", 2)];
        opened(setup, config, server).await
    }

    causerie_testkit::store_conformance!(open);
}

mod sentinel {
    use super::*;

    async fn open(setup: Setup) -> Opened {
        let Some(servers) = place::watched() else {
            return skipped(setup);
        };
        let mut config = fresh(&servers.url());
        config.confirm_replicas = 1;
        opened(setup, config, servers).await
    }

    causerie_testkit::store_conformance!(open);
}

mod cluster {
    use super::*;

    async fn open(setup: Setup) -> Opened {
        let Some(servers) = place::cluster() else {
            return skipped(setup);
        };
        opened(setup, fresh(&servers.url()), servers).await
    }

    causerie_testkit::store_conformance!(open);
}
