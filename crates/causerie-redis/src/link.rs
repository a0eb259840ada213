//! The way to Redis: one connection that all operations share, made anew when it is lost.
//!
//! 1. Commands are written one behind the other on one connection (to each node of a cluster), and
//!    answered in that order, so that many operations cost few round trips.
//! 2. At most so many are under way at once. Who waits longer than an answer may take gives up.
//! 3. A connection that breaks, or does not answer in time, is given up; the next command makes a
//!    new one. With Sentinels, they are asked anew who the master is.
//! 4. A command whose answer was lost is *not* sent again: nobody knows whether it took effect, and
//!    it is for the caller to repeat it. A command that was certainly not done, because the server
//!    has become a replica, is sent again to the new master, once.

use crate::{
    address::{Address, Kind},
    config::{Config, Credentials},
    fault::{self, Fault},
};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, RedisError, RedisResult,
    TlsCertificates, TlsMode, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{
        MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr,
    },
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use secrecy::ExposeSecret;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex, Semaphore},
    time::{Instant, timeout},
};

pub(crate) struct Link {
    source: Mutex<Source>,
    state: Mutex<State>,
    permits: Semaphore,
    connect_timeout: Duration,
    response_timeout: Duration,
    confirm_replicas: u32,
}

/// Where connections come from.
enum Source {
    Single(Box<Client>),
    Sentinel(Box<SentinelClient>),
    Cluster(Box<ClusterClient>),
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// The last failure to connect. Who has waited since before it need not try again.
    failed: Option<(Instant, RedisError)>,
}

#[derive(Clone)]
struct Connection {
    /// The server closed it, or we gave it up.
    closed: Arc<AtomicBool>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// A link that is not connected yet.
    pub(crate) fn new(config: &Config) -> Result<Self, Fault> {
        Ok(Self {
            source: Mutex::new(source(config)?),
            state: Mutex::default(),
            permits: Semaphore::new(config.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            connect_timeout: config.connect_timeout,
            response_timeout: config.response_timeout,
            confirm_replicas: config.confirm_replicas,
        })
    }

    /// Sends a command and gives its answer. If it writes, it names the key that `writes`, and is
    /// confirmed by as many replicas as the configuration asks for.
    pub(crate) async fn send(&self, command: &Cmd, writes: Option<&str>) -> Result<Value, Fault> {
        let permit = timeout(self.response_timeout, self.permits.acquire()).await;
        // The semaphore is never closed.
        let _permit = permit.ok().and_then(Result::ok).ok_or(Fault::Busy)?;
        let mut connection = self.connection().await?;
        match self.ask(&mut connection, command, writes).await {
            Err(Fault::Redis(error)) if fault::is_elsewhere(&error) => {
                let mut connection = self.connection().await?;
                self.ask(&mut connection, command, writes).await
            }
            answer => answer,
        }
    }

    /// Sends a command to the server, or to every master of a cluster, and gives the answers with
    /// the names of those that gave them.
    pub(crate) async fn send_each(&self, command: &Cmd) -> Result<Vec<(String, Value)>, Fault> {
        let connection = self.connection().await?;
        let Way::Cluster(mut cluster) = connection.way else {
            return Ok(vec![(String::new(), self.send(command, None).await?)]);
        };
        let routing = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let answers = timeout(
            self.response_timeout,
            cluster.route_command(command.clone(), routing),
        );
        let answers = answers
            .await
            .map_err(|_| Fault::Silent(self.response_timeout))??;
        Ok(redis::from_redis_value(answers).map_err(RedisError::from)?)
    }

    async fn ask(
        &self,
        connection: &mut Connection,
        command: &Cmd,
        writes: Option<&str>,
    ) -> Result<Value, Fault> {
        let writes = writes.filter(|_| self.confirm_replicas > 0);
        let answer = async {
            let answer = connection.way.ask(command).await?;
            if let Some(key) = writes {
                self.confirm(&mut connection.way, key).await?;
            }
            Ok(answer)
        };
        let answer = timeout(self.response_timeout, answer).await;
        let answer = answer.unwrap_or(Err(Fault::Silent(self.response_timeout)));
        if let Err(fault) = &answer
            && fault.is_broken()
            && !heals(&connection.way, fault)
        {
            connection.closed.store(true, Ordering::Release);
        }
        answer
    }

    /// Waits until enough replicas have what this connection wrote.
    async fn confirm(&self, way: &mut Way, key: &str) -> Result<(), Fault> {
        let within = self.response_timeout / 2;
        let mut wait = redis::cmd("WAIT");
        let millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        wait.arg(self.confirm_replicas).arg(millis);
        let confirmed = match way {
            Way::Node(node) => wait.query_async::<u32>(node).await?,
            Way::Cluster(cluster) => {
                let route = Route::with_slot(Slot::for_key(key), SlotAddr::Master);
                let node = SingleNodeRoutingInfo::SpecificNode(route);
                let value = cluster
                    .route_command(wait, RoutingInfo::SingleNode(node))
                    .await?;
                redis::from_redis_value(value).map_err(RedisError::from)?
            }
        };
        match confirmed >= self.confirm_replicas {
            true => Ok(()),
            false => Err(Fault::Unconfirmed(within)),
        }
    }

    async fn connection(&self) -> Result<Connection, Fault> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection
            && !connection.closed.load(Ordering::Acquire)
        {
            return Ok(connection.clone());
        }
        if let Some((at, error)) = &state.failed
            && *at >= asked
        {
            return Err(error.clone().into());
        }
        let closed = Arc::new(AtomicBool::new(false));
        let made = timeout(self.connect_timeout, self.connect(&closed)).await;
        let made = made.unwrap_or_else(|_| Err(timed_out()));
        match made {
            Ok(way) => {
                let connection = Connection { closed, way };
                state.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                state.connection = None;
                state.failed = Some((Instant::now(), error.clone()));
                match error.is_timeout() {
                    true => Err(Fault::Unreachable(self.connect_timeout)),
                    false => Err(error.into()),
                }
            }
        }
    }

    async fn connect(&self, closed: &Arc<AtomicBool>) -> RedisResult<Way> {
        let closed = Arc::clone(closed);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    closed.store(true, Ordering::Release);
                }
                Ok::<_, redis::aio::SendError>(())
            });
        let mut source = self.source.lock().await;
        match &mut *source {
            Source::Single(client) => {
                let node = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Way::Node(node.await?))
            }
            Source::Sentinel(client) => {
                let node = client.get_async_connection_with_config(&config);
                Ok(Way::Node(node.await?))
            }
            Source::Cluster(client) => Ok(Way::Cluster(client.get_async_connection().await?)),
        }
    }
}

/// A cluster's connection heals by itself, node by node, unless it knows no node any more.
fn heals(way: &Way, fault: &Fault) -> bool {
    let lost = |error: &RedisError| error.kind() == ErrorKind::ClusterConnectionNotFound;
    matches!(way, Way::Cluster(_)) && !matches!(fault, Fault::Redis(error) if lost(error))
}

impl Way {
    async fn ask(&mut self, command: &Cmd) -> Result<Value, Fault> {
        Ok(match self {
            Way::Node(node) => command.query_async(node).await?,
            Way::Cluster(cluster) => command.query_async(cluster).await?,
        })
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn source(config: &Config) -> Result<Source, Fault> {
    let address = &config.address;
    let certificates = certificates(config)?;
    let mut hosts = address.hosts.iter().map(|host| place(host, address.tls));
    match &address.kind {
        Kind::Single => {
            let place = hosts.next_back().ok_or_else(|| RedisError::from(NO_HOST))?;
            let info = place
                .into_connection_info()?
                .set_tcp_settings(at_once())
                .set_redis_settings(who(address));
            let client = match certificates {
                Some(certificates) => Client::build_with_tls(info, certificates)?,
                None => Client::open(info)?,
            };
            Ok(Source::Single(Box::new(client)))
        }
        Kind::Sentinel { service } => {
            let sentinels = sentinels(config, hosts, service, certificates)?;
            Ok(Source::Sentinel(Box::new(sentinels)))
        }
        Kind::Cluster => {
            let mut builder = ClusterClient::builder(hosts)
                .tcp_settings(at_once())
                .connection_timeout(config.connect_timeout)
                // Nodes that do not answer are noticed before our own patience ends.
                .response_timeout(config.response_timeout * 3 / 4)
                .retries(2);
            let Credentials { user, password } = &address.credentials;
            if let Some(user) = user {
                builder = builder.username(user);
            }
            if let Some(password) = password {
                builder = builder.password(password.expose_secret());
            }
            if address.tls {
                builder = builder.tls(TlsMode::Secure);
            }
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates);
            }
            Ok(Source::Cluster(Box::new(builder.build()?)))
        }
    }
}

const NO_HOST: (ErrorKind, &str) = (ErrorKind::InvalidClientConfig, "no host");

fn sentinels(
    config: &Config,
    hosts: impl Iterator<Item = ConnectionAddr>,
    service: &str,
    certificates: Option<TlsCertificates>,
) -> RedisResult<SentinelClient> {
    let Address { tls, db, .. } = config.address;
    let mut builder = SentinelClientBuilder::new(hosts, service, SentinelServerType::Master)?
        .set_client_to_redis_db(db)
        .set_client_to_redis_tcp_settings(at_once())
        .set_client_to_redis_protocol(ProtocolVersion::RESP3);
    let Credentials { user, password } = &config.address.credentials;
    if let Some(user) = user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = password {
        builder = builder.set_client_to_redis_password(password.expose_secret());
    }
    if let Some(Credentials { user, password }) = &config.sentinel {
        if let Some(user) = user {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = password {
            builder = builder.set_client_to_sentinel_password(password.expose_secret());
        }
    }
    if tls {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_tls_mode(TlsMode::Secure);
    }
    if let Some(certificates) = certificates {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    builder.build()
}

fn certificates(config: &Config) -> Result<Option<TlsCertificates>, Fault> {
    let Some(path) = &config.ca_file else {
        return Ok(None);
    };
    let root = fs::read(path).map_err(RedisError::from)?;
    Ok(Some(TlsCertificates {
        client_tls: None,
        root_cert: Some(root),
    }))
}

/// Commands are small and waited for: none is held back until the one before is acknowledged.
fn at_once() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn who(address: &Address) -> RedisConnectionInfo {
    let mut info = RedisConnectionInfo::default()
        .set_db(address.db)
        // The newer protocol tells when the server closes the connection.
        .set_protocol(ProtocolVersion::RESP3);
    if let Some(user) = &address.credentials.user {
        info = info.set_username(user);
    }
    if let Some(password) = &address.credentials.password {
        info = info.set_password(password.expose_secret());
    }
    info
}

fn place((host, port): &(String, u16), tls: bool) -> ConnectionAddr {
    match tls {
        false => ConnectionAddr::Tcp(host.clone(), *port),
        true => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
    }
}
