//! A program that speaks to the server as a page does.

use crate::house::House;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// A program that speaks to the server as a page does.
pub(crate) struct Caller {
    pub(crate) http: Client,
    base: String,
    pub(crate) cookies: String,
}

impl Caller {
    /// One without cookies.
    pub(crate) fn new(house: &House) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let redirect = reqwest::redirect::Policy::none();
        Self {
            http: Client::builder()
                .no_proxy()
                .redirect(redirect)
                .build()
                .unwrap(),
            base: house.url(""),
            cookies: String::new(),
        }
    }

    /// A visitor of their own.
    pub(crate) async fn visitor(house: &House) -> Self {
        let mut caller = Self::new(house);
        let visit = caller.post("/api/visit", &json!({})).send().await.unwrap();
        assert_eq!(visit.status(), 200);
        caller.cookies = cookie(&visit);
        caller
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        let request = self.http.get(format!("{}{path}", self.base));
        request.header("cookie", &self.cookies)
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        let request = self.http.delete(format!("{}{path}", self.base));
        request.header("cookie", &self.cookies)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        request.header("cookie", &self.cookies)
    }

    /// Says `text` in the conversation `name`.
    pub(crate) async fn say(&self, name: &str, id: &str, text: &str) -> Response {
        let path = format!("/api/conversations/{name}/messages");
        let body = json!({"id": id, "text": text});
        self.post(&path, &body).send().await.unwrap()
    }
}

/// The first cookie that an answer sets, as it is sent back.
pub(crate) fn cookie(response: &Response) -> String {
    let line = response.headers()["set-cookie"].to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}

/// The code of an error.
pub(crate) async fn code(response: Response) -> String {
    let body: Value = response.json().await.unwrap();
    body["error"]["code"].as_str().unwrap().to_owned()
}

/// The request with another content type, and no second one beside it.
pub(crate) fn with_type(mut request: reqwest::Request, kind: &'static str) -> reqwest::Request {
    let kind = reqwest::header::HeaderValue::from_static(kind);
    request.headers_mut().insert("content-type", kind);
    request
}
