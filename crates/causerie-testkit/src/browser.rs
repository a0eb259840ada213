//! A real browser, driven over WebDriver: chromium by chromedriver, without a window.

use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How long a page may take to do what a test waits for: a model may be at work behind it, on a
/// machine with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// Keys that are no characters, for [`Browser::press`].
pub mod key {
    /// Enter.
    pub const ENTER: &str = "\u{E007}";
    /// Escape.
    pub const ESCAPE: &str = "\u{E00C}";
    /// Tab.
    pub const TAB: &str = "\u{E004}";
    /// Alt, to hold while another key is pressed.
    pub const ALT: &str = "\u{E00A}";
    /// Control, to hold while another key is pressed.
    pub const CONTROL: &str = "\u{E009}";
    /// Shift, held for the keys that follow in the same text.
    pub const SHIFT: &str = "\u{E008}";
}

/// One browser with one window and a fresh profile. It ends when this is dropped.
pub struct Browser {
    http: reqwest::Client,
    /// Where the driver listens.
    driver_at: SocketAddr,
    id: String,
    _driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser; `None` where there is none, which is said on standard error.
    ///
    /// # Panics
    /// If there is none and the environment variable `CI` is set: there it must be tested. If a
    /// browser is there and does not start.
    pub async fn start() -> Option<Self> {
        let spawned = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut driver = match spawned {
            Ok(driver) => driver,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "no chromedriver: {error}");
                eprintln!("SKIPPED: no chromedriver; install chromium and chromium-driver");
                return None;
            }
        };
        let port = port(&mut driver).await;
        crate::tls::install();
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client for plain HTTP can be built");
        let profile = tempfile::tempdir().expect("a directory for the profile");
        let driver_at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let url = format!("http://{driver_at}/session");
        let opened = post(&http, &url, &capabilities(profile.path())).await;
        let id = opened["sessionId"].as_str();
        let browser = Self {
            http,
            driver_at,
            id: id.expect("a session has an id").to_owned(),
            _driver: driver,
            _profile: profile,
        };
        // What the browser shows at first is none of ours.
        browser.open("about:blank").await;
        browser.complaints().await;
        browser.requests().await;
        Some(browser)
    }

    /// Goes to `url` and waits until the page is loaded.
    pub async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    /// Runs `body`, a function's body in JavaScript, and gives what it returns.
    pub async fn run(&self, body: &str) -> Value {
        self.post("execute/sync", json!({"script": body, "args": []}))
            .await
    }

    /// Waits until the JavaScript expression `wish` is truthy, and gives its value.
    ///
    /// # Panics
    /// If it does not become so.
    pub async fn until(&self, wish: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; const end = Date.now() + {}; \
             (function look() {{ let v; try {{ v = {wish}; }} catch (e) {{ v = null; }} \
             if (v) done(v); else if (Date.now() > end) done(null); else setTimeout(look, 15); }})()",
            PATIENCE.as_millis()
        );
        let found = self
            .post("execute/async", json!({"script": script, "args": []}))
            .await;
        if found.is_null() {
            let complaints = self.complaints().await;
            let text = self.run("return document.body.innerText").await;
            panic!(
                "the page never came to: {wish}\nit shows: {text}\nit complains: {complaints:?}"
            );
        }
        found
    }

    /// Clicks on the element that `css` selects, as a person does: it must be in view and on top.
    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.post(&format!("element/{element}/click"), json!({}))
            .await;
    }

    /// Types `text` into the element that `css` selects.
    pub async fn keys(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        let path = format!("element/{element}/value");
        self.post(&path, json!({ "text": text })).await;
    }

    /// Presses one key wherever the focus is.
    pub async fn press(&self, key: &str) {
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}
        ]}]});
        self.post("actions", actions).await;
    }

    /// Presses `key` while `held` is held, wherever the focus is.
    pub async fn press_with(&self, held: &str, key: &str) {
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": [
            {"type": "keyDown", "value": held},
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key},
            {"type": "keyUp", "value": held}
        ]}]});
        self.post("actions", actions).await;
    }

    /// Gives the page `width` and `height` pixels, as on a phone if `mobile`.
    pub async fn resize(&self, width: u32, height: u32, mobile: bool) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Does a command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.post("goog/cdp/execute", body).await
    }

    /// Writes a picture of the page to `path`, as PNG.
    pub async fn screenshot(&self, path: &Path) {
        let shot = self.devtools("Page.captureScreenshot", json!({})).await;
        let data = shot["data"].as_str().expect("a picture is text in base64");
        fs::write(path, base64(data)).expect("the picture can be written");
    }

    /// What the page complained about since the last call.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Every address the page asked for since the last call.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({"type": "performance"})).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
            .filter(|entry| entry["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|entry| {
                let url = entry["message"]["params"]["request"]["url"].as_str()?;
                Some(url.to_owned())
            })
            .collect()
    }

    async fn find(&self, css: &str) -> String {
        let wish = json!({"using": "css selector", "value": css});
        let element = self.post("element", wish).await;
        // The key is a constant of the WebDriver standard.
        let id = element["element-6066-11e4-a52e-4f735466cecf"].as_str();
        id.expect("an element has an id").to_owned()
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        let url = format!("http://{}/session/{}/{command}", self.driver_at, self.id);
        post(&self.http, &url, &body).await
    }
}

impl Drop for Browser {
    /// Asks the driver to end the browser, which would outlive it otherwise. It must work within a
    /// test that failed, so it needs no runtime.
    fn drop(&mut self) {
        let Ok(mut driver) = TcpStream::connect_timeout(&self.driver_at, PATIENCE) else {
            return;
        };
        let _ = driver.set_read_timeout(Some(PATIENCE));
        let request = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.id, self.driver_at
        );
        let _ = driver.write_all(request.as_bytes());
        // It answers when the browser has ended.
        let _ = driver.read(&mut [0; 1]);
    }
}

fn capabilities(profile: &Path) -> Value {
    let profile = format!("--user-data-dir={}", profile.display());
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
        "--lang=en-US",
        "--window-size=1280,860",
        profile.as_str(),
    ];
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        "timeouts": {"script": 120_000, "pageLoad": 30_000},
        "goog:chromeOptions": {"args": arguments},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }}})
}

/// The driver says on its first lines which port it took.
async fn port(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("its output is a pipe");
    let mut lines = BufReader::new(output).lines();
    let read = async {
        while let Ok(Some(line)) = lines.next_line().await {
            let said = line.split_once("started successfully on port ");
            if let Some((_, port)) = said {
                return port.trim_end_matches('.').parse().ok();
            }
        }
        None
    };
    let port = tokio::time::timeout(PATIENCE, read).await.ok().flatten();
    // Nobody reads on; the driver says nothing more there.
    port.expect("chromedriver says which port it took")
}

async fn post(http: &reqwest::Client, url: &str, body: &Value) -> Value {
    let request = http.post(url).json(body).timeout(PATIENCE * 4);
    let answer = request.send().await.expect("chromedriver answers");
    let mut answer: Value = answer.json().await.expect("it answers in JSON");
    let value = answer["value"].take();
    let problem = &value["error"];
    assert!(!problem.is_string(), "{problem}: {}", value["message"]);
    value
}

/// Decodes base64 that a program wrote.
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("Q2F1c2VyaWU="), b"Causerie");
        assert_eq!(base64("aGk="), b"hi");
    }
}
