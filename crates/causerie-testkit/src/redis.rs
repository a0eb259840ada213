//! Real Redis servers, each in a directory of its own on a free port: one, with TLS and access
//! lists, with Sentinels, or a cluster. They end when they are dropped.
//!
//! Commands are sent as lines of text, so that nothing but the standard library is needed.

mod certificate;
mod cluster;
mod sentinel;

pub use certificate::Certificate;
pub use cluster::Cluster;
pub use sentinel::Watched;

use crate::process::Process;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a server may take to come up, or a cluster to agree.
const PATIENCE: Duration = Duration::from_secs(60);

/// One `redis-server`.
pub struct Redis {
    directory: TempDir,
    port: u16,
    arguments: Vec<String>,
    /// What opens the door to commands of this module.
    auth: Option<String>,
    process: Option<Process>,
}

impl Redis {
    /// Starts a server with these arguments besides the usual ones; `None` where there is no
    /// `redis-server`, which is said on standard error.
    ///
    /// # Panics
    /// If there is none and the environment variable `CI` is set: there it must be tested. If it
    /// is there and does not start.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        Self::start_with(|_| {
            arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect()
        })
    }

    /// [`Redis::start`], with arguments that name files in its directory.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub fn start_with(arguments: impl Fn(&Path) -> Vec<String>) -> Option<Self> {
        if !is_there("redis-server") {
            return None;
        }
        // Somebody else may take a port between our looking and the server's.
        let started = (0..5).find_map(|_| {
            let directory = tempfile::tempdir().expect("a directory for the server");
            let mut redis = Self {
                port: free_port(),
                arguments: arguments(directory.path()),
                auth: None,
                directory,
                process: None,
            };
            redis.run().then_some(redis)
        });
        Some(started.expect("redis-server starts"))
    }

    /// A server that asks for a name and a password, and speaks TLS on a second port. User `bot`
    /// with password `p@ss` may do all to keys that begin with `causerie:`, and user `reader`
    /// with the same password may only read.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub fn start_guarded() -> Option<(Self, Certificate)> {
        let certificate = Certificate::make()?;
        let port = free_port().to_string();
        let users = "user bot on >p@ss ~causerie:* &* +@all\n\
                     user reader on >p@ss ~causerie:* &* +@read +@connection\n\
                     user default on >control ~* &* +@all\n";
        let mut redis = Self::start_with(|directory| {
            let path = directory.join("users.acl");
            std::fs::write(&path, users).expect("the list of users can be written");
            let file = |path: &Path| path.display().to_string();
            let mut arguments: Vec<String> = vec!["--tls-port".into(), port.clone()];
            for (name, path) in [
                ("--tls-cert-file", &certificate.server),
                ("--tls-key-file", &certificate.key),
                ("--tls-ca-cert-file", &certificate.ca),
                ("--aclfile", &path),
            ] {
                arguments.extend([name.to_owned(), file(path)]);
            }
            arguments.extend(["--tls-auth-clients", "no"].map(str::to_owned));
            arguments
        })?;
        redis.auth = Some("AUTH control".to_owned());
        Some((redis, certificate))
    }

    /// Where it listens, without TLS.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// The value of an argument it was started with.
    pub fn argument(&self, name: &str) -> Option<&str> {
        let at = self
            .arguments
            .iter()
            .position(|argument| argument == name)?;
        self.arguments.get(at + 1).map(String::as_str)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a command and gives the answer: lists as lines, nothing as the empty text.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn command(&self, line: &str) -> String {
        let auth = self.auth.as_deref();
        command(self.port, auth, line).expect("redis answers")
    }

    /// Ends it at once (`kill -9`).
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().expect("it can be killed");
        }
    }

    /// Starts it again, with what it left on its disk.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "redis-server starts again");
    }

    /// Lets it stand still (SIGSTOP): connections stay, nothing is answered.
    pub fn stall(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        process.signal(signal).expect("a signal can be sent");
    }

    /// Runs it until it answers. `false` if it ends before.
    fn run(&mut self) -> bool {
        let log = File::create(self.directory.path().join("log")).expect("a log can be written");
        let mut server = Command::new("redis-server");
        server
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(self.directory.path())
            // Nothing is written to the disk unless a test says so, and replicas come soon.
            .args([
                "--save",
                "",
                "--repl-diskless-sync-delay",
                "0",
                "--enable-debug-command",
                "local",
            ])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null());
        let mut process = Process::start(&mut server).expect("redis-server can be run");
        let end = Instant::now() + PATIENCE;
        while !command(self.port, self.auth.as_deref(), "PING").is_ok_and(|said| is_up(&said)) {
            let ended = process.child().try_wait().expect("it can be asked");
            if ended.is_some() || Instant::now() > end {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.process = Some(process);
        true
    }
}

/// A server that reads its file back says `LOADING`; one that asks who we are is up.
fn is_up(answer: &str) -> bool {
    answer.starts_with("PONG") || answer.starts_with("NOAUTH")
}

/// Whether a program can be run.
fn is_there(program: &str) -> bool {
    let run = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = run {
        assert!(std::env::var_os("CI").is_none(), "no {program}: {error}");
        eprintln!("SKIPPED: no {program}; install redis-server, redis-sentinel and openssl");
        return false;
    }
    true
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// Waits until `wish` comes true.
fn until(what: &str, wish: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !wish() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn command(port: u16, auth: Option<&str>, line: &str) -> io::Result<String> {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&to, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = BufReader::new(stream);
    if let Some(auth) = auth {
        stream
            .get_mut()
            .write_all(format!("{auth}\r\n").as_bytes())?;
        read(&mut stream)?;
    }
    stream
        .get_mut()
        .write_all(format!("{line}\r\n").as_bytes())?;
    read(&mut stream)
}

fn read(from: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.trim_end();
    let Some(kind) = line.chars().next() else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let rest = &line[1..];
    let length = || {
        rest.parse::<i64>()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    };
    match kind {
        '$' => {
            let Ok(length) = usize::try_from(length()?) else {
                return Ok(String::new());
            };
            let mut bytes = vec![0; length + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        '*' => {
            let parts = (0..length()?)
                .map(|_| read(from))
                .collect::<io::Result<Vec<_>>>()?;
            Ok(parts.join("\n"))
        }
        _ => Ok(rest.to_owned()),
    }
}
