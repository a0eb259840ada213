//! Three masters that share the slots of a cluster.

use super::{Redis, free_port, until};

/// How many slots a cluster has.
const SLOTS: usize = 16384;

/// A cluster without replicas.
pub struct Cluster {
    /// Its masters.
    pub nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts three masters and waits until they agree.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub fn start() -> Option<Self> {
        let node = |_| {
            let bus = free_port().to_string();
            Redis::start(&["--cluster-enabled", "yes", "--cluster-port", &bus])
        };
        let nodes: Vec<Redis> = (0..3).map(node).collect::<Option<_>>()?;
        for (n, node) in nodes.iter().enumerate() {
            let (from, to) = (SLOTS * n / nodes.len(), SLOTS * (n + 1) / nodes.len() - 1);
            node.command(&format!("CLUSTER SET-CONFIG-EPOCH {}", n + 1));
            node.command(&format!("CLUSTER ADDSLOTSRANGE {from} {to}"));
            let bus = node.argument("--cluster-port").expect("it was given");
            nodes[0].command(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port()));
        }
        let agree = |node: &Redis| {
            let told = node.command("CLUSTER INFO");
            told.contains("cluster_state:ok") && told.contains("cluster_known_nodes:3")
        };
        until("the nodes agree", || nodes.iter().all(agree));
        Some(Self { nodes })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(Redis::address).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }
}
