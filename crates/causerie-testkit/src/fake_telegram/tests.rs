//! The fake against a plain client.

mod people;
mod sending;
mod updates;
mod webhook;

use super::*;
use reqwest::{Client, Response};
use serde_json::json;

/// A client of the bot's.
struct Bot {
    client: Client,
    base: String,
}

impl Bot {
    fn new(telegram: &FakeTelegram) -> Self {
        crate::tls::install();
        let client = Client::builder().no_proxy().build();
        Self {
            client: client.expect("a client can be made"),
            base: format!("{}/bot{}", telegram.url(), telegram.token()),
        }
    }

    async fn send(&self, method: &str, params: &Value) -> reqwest::Result<Response> {
        let url = format!("{}/{method}", self.base);
        self.client.post(url).json(params).send().await
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, (u64, String)> {
        let answer = self.send(method, &params).await.expect("it answers");
        let status = answer.status().as_u16();
        let mut answer: Value = answer.json().await.expect("it answers JSON");
        if answer["ok"] == true {
            return Ok(answer["result"].take());
        }
        assert_eq!(answer["error_code"], status);
        let description = answer["description"].as_str().unwrap_or_default();
        Err((u64::from(status), description.to_owned()))
    }

    /// The description of a 400, without its beginning.
    async fn refused(&self, method: &str, params: Value) -> String {
        let (code, description) = self.call(method, params).await.expect_err("it is refused");
        assert_eq!(code, 400, "{description}");
        let description = description.strip_prefix("Bad Request: ");
        description.expect("a 400 begins so").to_owned()
    }

    async fn message(&self, method: &str, params: Value) -> Value {
        let message = self.call(method, params).await.expect("it is sent");
        let wrong = Spec::get().value("Message", &message);
        assert!(wrong.is_empty(), "{message}: {wrong:?}");
        message
    }
}
