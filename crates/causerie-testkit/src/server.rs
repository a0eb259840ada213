//! The real server as a process, and visitors of its page.

use crate::process::{Cost, Process};
use futures::StreamExt;
use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};
use std::{
    fs, io,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// A running server, killed when dropped.
pub struct Server {
    process: Process,
    page: String,
    admin: String,
    http: Client,
}

impl Server {
    /// Starts `program run` with the configuration `toml` (to which the addresses and the data
    /// directory are added) and waits until it has said where it listens. `directory` holds its
    /// files: a server started there again finds what the one before left.
    ///
    /// # Panics
    /// If it does not start, with what it wrote to its log.
    pub fn start(program: &Path, directory: &Path, toml: &str) -> Self {
        let config = directory.join("causerie.toml");
        fs::write(&config, toml).expect("the test directory can be written");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(directory.join("log"))
            .expect("the test directory can be written");
        let mut process = Process::start(
            Command::new(program)
                .arg("run")
                .arg("--config")
                .arg(&config)
                .env("CAUSERIE__SERVER__DATA_DIR", directory.join("data"))
                .env("CAUSERIE__SERVER__ADMIN", "127.0.0.1:0")
                .env("CAUSERIE__PLATFORMS__WEB__LISTEN", "127.0.0.1:0")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(log),
        )
        .expect("the program can be started");
        let output = process
            .child()
            .stdout
            .take()
            .expect("standard output is a pipe");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut address = |name: &str| {
            let line = lines.find(|line| line.starts_with(name));
            let said = || fs::read_to_string(directory.join("log")).unwrap_or_default();
            let line = line.unwrap_or_else(|| panic!("the server did not start:\n{}", said()));
            line[name.len()..].trim().to_owned()
        };
        let (page, admin) = (address("page"), address("admin"));
        Self {
            process,
            page,
            admin,
            http: client(),
        }
    }

    /// Where the page is.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Where the operator's pages are.
    pub fn admin_pages(&self) -> &str {
        &self.admin
    }

    /// What `/metrics`, `/readyz` or `/healthz` says, with its status.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn admin(&self, path: &str) -> reqwest::Result<(StatusCode, String)> {
        let response = self
            .http
            .get(format!("{}{path}", self.admin))
            .send()
            .await?;
        let status = response.status();
        Ok((status, response.text().await?))
    }

    /// A new visitor of the page.
    ///
    /// # Errors
    /// If the server does not answer as it should.
    pub async fn visitor(&self) -> reqwest::Result<Visitor> {
        let visit = self
            .http
            .post(format!("{}/api/visit", self.page))
            .json(&json!({}));
        let response = visit.send().await?.error_for_status()?;
        let cookie = response
            .headers()
            .get(header::SET_COOKIE)
            .and_then(|cookie| cookie.to_str().ok())
            .and_then(|cookie| cookie.split(';').next())
            .unwrap_or_default()
            .to_owned();
        Ok(Visitor {
            page: self.page.clone(),
            cookie,
            http: self.http.clone(),
        })
    }

    /// What the process has cost so far.
    ///
    /// # Errors
    /// If it has ended.
    pub fn cost(&self) -> io::Result<Cost> {
        self.process.cost()
    }

    /// Lets it stand still (SIGSTOP): connections stay, nothing is answered.
    ///
    /// # Errors
    /// If it has ended.
    pub fn stall(&self) -> io::Result<()> {
        self.process.signal("-STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If it has ended.
    pub fn go_on(&self) -> io::Result<()> {
        self.process.signal("-CONT")
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If its end cannot be waited for.
    pub fn kill(self) -> io::Result<()> {
        self.process.kill()
    }

    /// SIGTERM, and how it ended.
    ///
    /// # Errors
    /// If its end cannot be waited for.
    pub fn terminate(self) -> io::Result<ExitStatus> {
        self.process.terminate()
    }
}

/// Somebody with the page open.
#[derive(Clone)]
pub struct Visitor {
    page: String,
    cookie: String,
    http: Client,
}

impl Visitor {
    /// The same visitor on another server process with the same files.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self {
            page: server.page.clone(),
            cookie: self.cookie.clone(),
            http: client(),
        }
    }

    /// Says `text` in `conversation`; `id` makes a repeat harmless. What the server answers.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn say(
        &self,
        conversation: &str,
        id: &str,
        text: &str,
    ) -> reqwest::Result<StatusCode> {
        let path = format!("{conversation}/messages");
        let body = json!({"id": id, "text": text});
        Ok(self
            .ask(Method::POST, &path)
            .json(&body)
            .send()
            .await?
            .status())
    }

    /// All messages of `conversation`, oldest first.
    ///
    /// # Errors
    /// If the server does not answer as it should.
    pub async fn transcript(&self, conversation: &str) -> reqwest::Result<Vec<Line>> {
        let response = self
            .ask(Method::GET, conversation)
            .send()
            .await?
            .error_for_status()?;
        let body: Value = response.json().await?;
        Ok(lines(&body["messages"]))
    }

    /// Presses stop.
    ///
    /// # Errors
    /// If the server does not answer as it should.
    pub async fn stop(&self, conversation: &str) -> reqwest::Result<()> {
        let stop = self
            .ask(Method::POST, &format!("{conversation}/stop"))
            .json(&json!({}));
        stop.send().await?.error_for_status().map(drop)
    }

    /// Opens the stream of events of `conversation`: the event's name and its JSON.
    ///
    /// # Errors
    /// If the server does not answer as it should.
    pub async fn watch(&self, conversation: &str) -> reqwest::Result<Watch> {
        let path = format!("{conversation}/events");
        let response = self
            .ask(Method::GET, &path)
            .send()
            .await?
            .error_for_status()?;
        Ok(Watch {
            body: response
                .bytes_stream()
                .map(|part| part.map(Vec::from))
                .boxed(),
            buffer: vec![],
        })
    }

    /// Waits until the last message of `conversation` is a complete answer, and gives all.
    ///
    /// # Panics
    /// If that does not happen within `patience`.
    pub async fn answered(&self, conversation: &str, patience: Duration) -> Vec<Line> {
        let end = Instant::now() + patience;
        let mut watch = None;
        loop {
            if let Ok(lines) = self.transcript(conversation).await
                && lines
                    .last()
                    .is_some_and(|line| line.is_answer && line.is_complete)
            {
                return lines;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no answer in {conversation} within {patience:?}"
            );
            // Sleeps until something happens there, and looks again.
            let waiting = async {
                if watch.is_none() {
                    watch = self.watch(conversation).await.ok();
                }
                match &mut watch {
                    Some(events) => events.next().await.is_some(),
                    None => false,
                }
            };
            if !matches!(tokio::time::timeout(left, waiting).await, Ok(true)) {
                watch = None;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/conversations/{path}", self.page);
        self.http
            .request(method, url)
            .header(header::COOKIE, &self.cookie)
    }
}

/// One message of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which message.
    pub id: String,
    /// Whether we said it.
    pub is_answer: bool,
    /// Whether all of it is there.
    pub is_complete: bool,
    /// The words as typed, or the answer as HTML.
    pub text: String,
}

fn lines(messages: &Value) -> Vec<Line> {
    let line = |item: &Value| Line {
        id: item["id"].as_str().unwrap_or_default().to_owned(),
        is_answer: item["kind"] == "answer",
        is_complete: item["complete"] == true,
        text: match item["text"].as_str() {
            Some(text) => text.to_owned(),
            None => item["blocks"]
                .as_array()
                .map(|blocks| blocks.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default(),
        },
    };
    messages
        .as_array()
        .map(|messages| messages.iter().map(line).collect())
        .unwrap_or_default()
}

/// An open stream of events.
pub struct Watch {
    body: futures::stream::BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
}

impl Watch {
    /// The next event: its name and its JSON. `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event).into_owned();
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                let data = serde_json::from_str(&field("data:")).unwrap_or_default();
                return Some((field("event:"), data));
            }
            self.buffer.extend(self.body.next().await?.ok()?);
        }
    }
}

/// Does nothing about TLS but what the library insists on: all our servers are on loopback.
fn client() -> Client {
    crate::tls::install();
    Client::builder()
        .no_proxy()
        .build()
        .expect("a client without options can be built")
}
