//! A request as it came in and the answer to it.

use http::HeaderMap;
use serde_json::Value;

/// One request, read whole.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which request of the simulator it is, from 1; ids are made from it.
    pub number: u64,
    pub method: String,
    /// Without the port.
    pub host: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Asked {
    /// The parts of the path; doubled slashes count as one, as at the vendors.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The token behind `Bearer`.
    pub fn bearer(&self) -> &str {
        self.header("authorization").strip_prefix("Bearer ").unwrap_or_default().trim()
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A number of the query, or what it is when it is absent; `Err` when it is no number.
    pub fn number(&self, name: &str, absent: u64) -> Result<u64, ()> {
        self.query(name).map_or(Ok(absent), |text| text.parse().map_err(|_| ()))
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A text of the JSON body.
    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_string()
    }

    /// A field of a form.
    pub fn form(&self, name: &str) -> String {
        let mut fields = url::form_urlencoded::parse(&self.body);
        fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// Whether the caller takes this type.
    pub fn accepts(&self, kind: &str) -> bool {
        let accept = self.header("accept").to_ascii_lowercase();
        accept.is_empty() || accept.contains("*/*") || accept.contains(kind)
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the connection breaks off in place of an answer.
    pub is_dropped: bool,
}

impl Reply {
    pub fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new(), is_dropped: false }
    }

    pub fn json(status: u16, body: &Value) -> Reply {
        let reply = Reply { body: body.to_string().into_bytes(), ..Reply::empty(status) };
        reply.with("content-type", "application/json")
    }

    pub fn text(status: u16, kind: &str, body: &str) -> Reply {
        Reply { body: body.as_bytes().to_vec(), ..Reply::empty(status) }.with("content-type", kind)
    }

    /// The same with a header, in place of one of that name.
    pub fn with(self, name: &str, value: impl Into<String>) -> Reply {
        let mut reply = self.without(name);
        reply.headers.push((name.to_string(), value.into()));
        reply
    }

    /// The same without a header.
    pub fn without(mut self, name: &str) -> Reply {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }
}
