//! The parameters of a request, in any of the forms in which the server takes them.

use super::spec::{Kind, Method, UPLOAD};
use axum::body::Bytes;
use reqwest::Url;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// A file that came with a request.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) mime: String,
    pub(super) bytes: Bytes,
}

/// What a method was called with. Files stand in `values` as objects that tell about them.
#[derive(Debug, Default)]
pub(super) struct Params {
    pub(super) values: Map<String, Value>,
    pub(super) files: HashMap<String, Upload>,
}

impl Params {
    /// Reads a query and a body. What cannot be read is said.
    pub(super) fn read(
        method: &Method,
        query: Option<&str>,
        content_type: &str,
        body: &Bytes,
    ) -> Result<Self, String> {
        let mut params = Self::default();
        params.form(method, query.unwrap_or_default())?;
        let boundary = content_type.split_once("boundary=");
        if body.is_empty() {
        } else if content_type.starts_with("application/json") {
            match serde_json::from_slice(body) {
                Ok(Value::Object(values)) => params.values.extend(values),
                _ => return Err("the body is not a JSON object".to_owned()),
            }
        } else if content_type.starts_with("application/x-www-form-urlencoded") {
            let form = std::str::from_utf8(body).map_err(|_| "the form is not UTF-8")?;
            params.form(method, form)?;
        } else if let Some((kind, boundary)) = boundary
            && kind.starts_with("multipart/form-data")
        {
            let boundary = boundary.split(';').next().unwrap_or_default();
            params.multipart(method, boundary.trim_matches('"'), body)?;
        } else {
            return Err(format!("a body of type {content_type:?}"));
        }
        params.attach(method)?;
        Ok(params)
    }

    fn form(&mut self, method: &Method, form: &str) -> Result<(), String> {
        if form.is_empty() {
            return Ok(());
        }
        let url = Url::parse(&format!("http://form/?{form}")).map_err(|error| error.to_string())?;
        for (name, text) in url.query_pairs() {
            self.text(method, &name, &text);
        }
        Ok(())
    }

    fn text(&mut self, method: &Method, name: &str, text: &str) {
        let field = method.fields.iter().find(|field| field.name == name);
        let value = field.map_or_else(|| json!(text), |field| typed(&field.kind, text));
        self.values.insert(name.to_owned(), value);
    }

    fn multipart(&mut self, method: &Method, boundary: &str, body: &Bytes) -> Result<(), String> {
        let mark = format!("--{boundary}");
        let mut at = find(body, mark.as_bytes(), 0).ok_or("no multipart boundary")?;
        let mark = format!("\r\n--{boundary}");
        at += mark.len() - 2;
        while body.get(at..at + 2) == Some(b"\r\n") {
            let head = find(body, b"\r\n\r\n", at).ok_or("a part without an end of its head")?;
            let start = head + 4;
            let end = find(body, mark.as_bytes(), start.saturating_sub(2));
            let end = end.ok_or("a part without an end")?.max(start);
            let head = String::from_utf8_lossy(&body[at..head]).into_owned();
            self.part(method, &head, body.slice(start..end))?;
            at = end.max(start - 2) + mark.len();
        }
        Ok(())
    }

    fn part(&mut self, method: &Method, head: &str, bytes: Bytes) -> Result<(), String> {
        let header = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        let disposition = header("content-disposition").ok_or("a part without a disposition")?;
        let name = attribute(disposition, "name").ok_or("a part without a name")?;
        let Some(file) = attribute(disposition, "filename") else {
            let text = std::str::from_utf8(&bytes).map_err(|_| format!("{name} is not UTF-8"))?;
            self.text(method, &name, text);
            return Ok(());
        };
        let upload = Upload {
            name: file,
            mime: header("content-type")
                .unwrap_or("application/octet-stream")
                .to_owned(),
            bytes,
        };
        if method.fields.iter().any(|field| field.name == name) {
            self.values.insert(name.clone(), told(&name, &upload));
        }
        self.files.insert(name, upload);
        Ok(())
    }

    /// Puts the files in the place of `attach://name`.
    fn attach(&mut self, method: &Method) -> Result<(), String> {
        for field in &method.fields {
            let takes = match &field.kind {
                Kind::File => true,
                Kind::Union(kinds) => kinds.iter().any(|kind| matches!(kind, Kind::File)),
                _ => false,
            };
            let Some(value) = self.values.get_mut(&field.name).filter(|_| takes) else {
                continue;
            };
            if let Some(name) = value
                .as_str()
                .and_then(|text| text.strip_prefix("attach://"))
            {
                let upload = self.files.get(name);
                let upload = upload.ok_or_else(|| format!("no file {name:?} is attached"))?;
                *value = told(name, upload);
            }
        }
        Ok(())
    }
}

fn told(name: &str, upload: &Upload) -> Value {
    json!({
        UPLOAD: name,
        "file_name": upload.name,
        "mime_type": upload.mime,
        "file_size": upload.bytes.len(),
    })
}

/// The value of an attribute of a header, in quotes or not.
fn attribute(header: &str, name: &str) -> Option<String> {
    let start = header.find(&format!("; {name}="))? + name.len() + 3;
    let value = &header[start..];
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split(';').next(),
    };
    value.map(|value| value.trim().replace("%22", "\""))
}

fn find(body: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = body.get(at..)?;
        let next = rest.iter().position(|byte| *byte == wanted[0])?;
        if rest[next..].starts_with(wanted) {
            return Some(at + next);
        }
        at += next + 1;
    }
}

/// A text as the value that its parameter needs; as a text, if it is none.
fn typed(kind: &Kind, text: &str) -> Value {
    let parsed = match kind {
        Kind::String | Kind::File => None,
        Kind::Integer => text.parse::<i64>().ok().map(Value::from),
        Kind::Float => text.parse::<f64>().ok().map(Value::from),
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Union(kinds) if kinds.iter().any(|kind| matches!(kind, Kind::Integer)) => {
            text.parse::<i64>().ok().map(Value::from)
        }
        Kind::Union(kinds) if kinds.iter().any(|kind| matches!(kind, Kind::String)) => None,
        Kind::Array(_) | Kind::Named(_) | Kind::Union(_) => serde_json::from_str(text).ok(),
    };
    parsed.unwrap_or_else(|| json!(text))
}

#[cfg(test)]
mod tests {
    use super::{super::spec::Spec, *};

    #[test]
    fn forms_and_parts_become_the_values_that_json_would_hold() {
        let method = Spec::get().method("sendDocument").expect("it is described");
        let query = "chat_id=-5&protect_content=true&caption=a%20b+c";
        let body = "--x-y\r\nContent-Disposition: form-data; name=\"reply_parameters\"\r\n\r\n\
            {\"message_id\": 3}\r\n--x-y\r\nContent-Disposition: form-data; name=\"document\"; \
            filename=\"a;b.txt\"\r\nContent-Type: text/plain\r\n\r\n1\r\n--x-2\r\n\r\n--x-y--\r\n";
        let form = "multipart/form-data; boundary=x-y";
        let params = Params::read(method, Some(query), form, &Bytes::from(body));
        let params = params.expect("it can be read");
        assert_eq!(params.files["document"].bytes, "1\r\n--x-2\r\n");
        let wanted = json!({
            "chat_id": -5, "protect_content": true, "caption": "a b c",
            "reply_parameters": {"message_id": 3},
            "document": {UPLOAD: "document", "file_name": "a;b.txt", "mime_type": "text/plain",
                "file_size": 10},
        });
        assert_eq!(Value::Object(params.values.clone()), wanted);
        assert_eq!(
            Spec::get().call(method, &params.values),
            Vec::<String>::new()
        );
    }
}
