//! llama.cpp's own server as a subject of the same measurements.

use async_trait::async_trait;
use causerie_core::{
    backend::BackendError,
    prompt::{PromptMessage, PromptRole},
};
use causerie_local::{
    Config,
    bench::{Subject, Timing},
};
use futures::StreamExt;
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    io,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running server; it ends with this.
pub(crate) struct LlamaServer {
    child: Child,
    client: Client,
    address: String,
}

impl LlamaServer {
    /// Starts `program` with the sizes of `config` and waits until it is ready.
    pub(crate) async fn start(program: &Path, config: &Config) -> io::Result<Self> {
        // The provider of TLS is needed to make a client at all, though none is spoken here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (context, slots) = (config.context.unwrap_or(3072), config.slots.unwrap_or(8));
        let mut command = Command::new(program);
        command.arg("-m").arg(&config.path);
        command.args([
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "-np",
            &slots.to_string(),
        ]);
        command.args(["-c", &(context * slots).to_string()]);
        if let Some(threads) = config.threads {
            command.args(["-t", &threads.to_string()]);
        }
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let address = format!("http://127.0.0.1:{port}");
        let client = Client::builder()
            .no_proxy()
            // The server hangs up after some requests, and a request on such a connection is lost.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(io::Error::other)?;
        let server = Self {
            child,
            client,
            address,
        };
        for _ in 0..1200 {
            let health = server
                .client
                .get(format!("{}/health", server.address))
                .send()
                .await;
            if health.is_ok_and(|health| health.status().is_success()) {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(io::Error::other("llama-server does not become ready"))
    }
}

impl Drop for LlamaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is used to map errors")]
fn unavailable(error: reqwest::Error) -> BackendError {
    BackendError::Unavailable {
        reason: error.to_string(),
    }
}

#[async_trait]
impl Subject for LlamaServer {
    async fn ask(
        &self,
        _: &str,
        messages: Vec<PromptMessage>,
        most: u32,
    ) -> Result<Timing, BackendError> {
        let shown = |message: &PromptMessage| {
            let role = match message.role {
                PromptRole::System => "system",
                PromptRole::User | PromptRole::Tool => "user",
                PromptRole::Assistant => "assistant",
            };
            json!({ "role": role, "content": message.text.expose() })
        };
        let body = json!({
            "messages": messages.iter().map(shown).collect::<Vec<_>>(),
            "temperature": 0,
            "max_tokens": most,
            "stream": true,
            "stream_options": { "include_usage": true },
            "cache_prompt": true,
        });
        let asked = Instant::now();
        let url = format!("{}/v1/chat/completions", self.address);
        let response = self
            .client
            .post(url)
            .json(&body)
            .send()
            .await
            .map_err(unavailable)?;
        let mut stream = response
            .error_for_status()
            .map_err(unavailable)?
            .bytes_stream();
        let (mut text, mut first, mut held, mut usage) =
            (String::new(), None, String::new(), (0, 0));
        while let Some(bytes) = stream.next().await {
            held.push_str(&String::from_utf8_lossy(&bytes.map_err(unavailable)?));
            while let Some(end) = held.find('\n') {
                let line: String = held.drain(..=end).collect();
                let Some(event) = line.strip_prefix("data: ") else {
                    continue;
                };
                let Ok(event) = serde_json::from_str::<Value>(event) else {
                    continue;
                };
                if let Some(piece) = event["choices"][0]["delta"]["content"].as_str() {
                    first.get_or_insert_with(Instant::now);
                    text.push_str(piece);
                }
                if let Some(input) = event["usage"]["prompt_tokens"].as_u64() {
                    // An answer of no words at all is done when it says so.
                    first.get_or_insert_with(Instant::now);
                    usage = (
                        input,
                        event["usage"]["completion_tokens"].as_u64().unwrap_or(0),
                    );
                }
            }
        }
        let (input, output) = usage;
        Ok(Timing {
            text,
            input,
            output,
            asked,
            first: first.unwrap_or(asked),
        })
    }

    fn process(&self) -> u32 {
        self.child.id()
    }
}
