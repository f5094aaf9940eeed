//! The right call beside the wrong one. A call is data, so that it can be printed, and sent by a test.

/// Base of the calls that examples show: what `scanyard serve` listens on by default.
pub const BASE_URL: &str = "http://127.0.0.1:8080/scan-api/api/v1";
/// The header that most calls carry; the shell has the key in a variable, out of the shell's history.
pub const KEY: &str = "X-API-Key: $SCANYARD_API_KEY";
/// The header of a session; the shell has its access token in a variable.
pub const SESSION: &str = "Authorization: Bearer $SCANYARD_TOKEN";

/// One call that shows how a failure comes about or how it is avoided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Whether the call is one to copy.
    pub is_right: bool,
    /// What is right or wrong about it, in a few words.
    pub note: &'static str,
    pub call: Call,
}

/// A call with curl. `$NAME` in any part stands for a value of the reader's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub method: &'static str,
    /// Path and query behind [`BASE_URL`].
    pub path: &'static str,
    /// `Name: value` each; a body without a `Content-Type` among them is sent as JSON.
    pub headers: &'static [&'static str],
    /// The body, or `@file`.
    pub body: Option<&'static str>,
    /// Options of curl itself.
    pub flags: &'static str,
}

/// A call to copy.
pub(crate) const fn right(note: &'static str, call: Call) -> Example {
    Example { is_right: true, note, call }
}

/// A call that gets the failure.
pub(crate) const fn wrong(note: &'static str, call: Call) -> Example {
    Example { is_right: false, note, call }
}

/// A GET with the key.
pub(crate) const fn get(path: &'static str) -> Call {
    Call { method: "GET", path, headers: &[KEY], body: None, flags: "" }
}

/// A POST with the key and a JSON body.
pub(crate) const fn post(path: &'static str, body: &'static str) -> Call {
    Call { method: "POST", path, headers: &[KEY], body: Some(body), flags: "" }
}

impl Call {
    /// The call as a shell command, one option a line.
    pub fn curl(&self) -> String {
        let implied = if self.body.is_some() { "POST" } else { "GET" };
        let mut words = Vec::new();
        if !self.flags.is_empty() {
            words.push(self.flags.to_string());
        }
        if self.method != implied {
            words.push(format!("-X {}", self.method));
        }
        words.extend(self.headers.iter().map(|header| format!("-H \"{header}\"")));
        if let Some(body) = self.body {
            let is_typed = self.headers.iter().any(|header| header.starts_with("Content-Type:"));
            words.push(format!("{} '{body}'", if is_typed { "--data" } else { "--json" }));
        }
        words.push(format!("\"{BASE_URL}{}\"", self.path));
        format!("curl {}", words.join(" \\\n  "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_prints_as_curl() {
        insta::assert_snapshot!(get("/scans?page=1").curl(), @r#"
        curl -H "X-API-Key: $SCANYARD_API_KEY" \
          "http://127.0.0.1:8080/scan-api/api/v1/scans?page=1"
        "#);
        let call = Call { flags: "--retry 5", ..post("/scans", "{}") };
        insta::assert_snapshot!(call.curl(), @r#"
        curl --retry 5 \
          -H "X-API-Key: $SCANYARD_API_KEY" \
          --json '{}' \
          "http://127.0.0.1:8080/scan-api/api/v1/scans"
        "#);
    }

    #[test]
    fn a_method_that_the_body_does_not_imply_is_named() {
        let call = Call { method: "PATCH", ..post("/webhooks/$ID", "{}") };
        assert!(call.curl().contains("-X PATCH"));
        let typed = Call { headers: &["Content-Type: text/xml"], ..post("/scans", "<a/>") };
        assert!(typed.curl().contains("--data '<a/>'"));
    }
}
