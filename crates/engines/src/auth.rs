//! Credentials for a target: which engine takes what of them, how they are spelled in HTTP, and how they are kept out of
//! everything that a run leaves behind.

use crate::Target;
use crate::job::{Outcome, Report};
use crate::text::REDACTED;
use scanyard_contract::ScanType;
use scanyard_contract::finding::{Finding, Location};
use scanyard_contract::scan::{BasicAuth, NamedSecret, ScanAuth};
use scanyard_contract::wire::Detail;

/// The most headers, and the most cookies.
const MAX_PAIRS: usize = 20;
const MAX_NAME: usize = 100;
const MAX_VALUE: usize = 4096;
/// The longest user name, and the longest password.
const MAX_BASIC: usize = 255;
/// Secrets shorter than this are only taken out beside their name: a `1` is everywhere.
const MIN_ALONE: usize = 6;

/// Headers that decide where a request goes or ends, and those that have a field of their own.
const NOT_OURS: [&str; 8] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "expect", "cookie"];

/// What an engine can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// nikto reads cookies from a file, and headers and passwords only from its command line.
    Cookies,
    /// A name and a password for the registry of trivy's image.
    Login,
    All,
}

fn takes(scan_type: ScanType) -> Takes {
    match scan_type {
        ScanType::Sqlmap | ScanType::Wapiti | ScanType::Zap | ScanType::Nuclei => Takes::All,
        ScanType::Nikto => Takes::Cookies,
        ScanType::Trivy => Takes::Login,
        ScanType::Nmap | ScanType::Harvester | ScanType::Sublist3r | ScanType::Sentinel => Takes::Nothing,
    }
}

/// What is wrong with giving credentials for this target at all.
pub fn fault_beside(scan_type: ScanType, target: &Target) -> Option<Detail> {
    let is_useless = takes(scan_type) == Takes::Login && !matches!(target, Target::Image(_));
    is_useless.then(|| Detail::field("auth", "is the login at an image's registry, and this target is none"))
}

/// What is wrong with credentials, each fault with its path under `auth`; no value is repeated.
pub fn faults(scan_type: ScanType, auth: &ScanAuth) -> Vec<Detail> {
    let fault = |field: &str, reason: String| vec![Detail::field(field, reason)];
    match takes(scan_type) {
        Takes::Nothing => return fault("auth", format!("{scan_type} takes no credentials")),
        Takes::Cookies if !auth.headers.is_empty() || auth.basic.is_some() => {
            return fault("auth", format!("{scan_type} takes cookies only"));
        }
        Takes::Login if !auth.headers.is_empty() || !auth.cookies.is_empty() => {
            return fault("auth", format!("{scan_type} takes basic only"));
        }
        Takes::Cookies | Takes::Login | Takes::All => {}
    }
    if auth.headers.is_empty() && auth.cookies.is_empty() && auth.basic.is_none() {
        return fault("auth", "is empty: give headers, cookies or basic".to_string());
    }
    let mut faults = pair_faults("auth.headers", &auth.headers, is_header_value);
    faults.extend(pair_faults("auth.cookies", &auth.cookies, is_cookie_value));
    let has_authorization = auth.headers.iter().any(|header| header.name.eq_ignore_ascii_case("authorization"));
    if let Some(basic) = &auth.basic {
        let is_text = |text: &str| text.len() <= MAX_BASIC && !text.chars().any(char::is_control);
        if has_authorization {
            faults.push(Detail::field("auth.basic", "stands beside a header Authorization; give one of the two"));
        }
        if basic.username.is_empty() || basic.username.contains(':') || !is_text(&basic.username) {
            faults.push(Detail::field(
                "auth.basic.username",
                "must be 1 to 255 bytes without `:` and control characters",
            ));
        }
        if !is_text(&basic.password) {
            faults.push(Detail::field("auth.basic.password", "must be at most 255 bytes without control characters"));
        }
    }
    faults
}

fn pair_faults(field: &str, pairs: &[NamedSecret], is_value: impl Fn(&str) -> bool) -> Vec<Detail> {
    let mut faults = Vec::new();
    if pairs.len() > MAX_PAIRS {
        faults.push(Detail::field(field, format!("must be at most {MAX_PAIRS} items")));
    }
    for (at, pair) in pairs.iter().enumerate() {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_name = (1..=MAX_NAME).contains(&pair.name.len()) && pair.name.bytes().all(is_part);
        if !is_name || pair.name.starts_with('-') {
            faults.push(Detail::field(format!("{field}[{at}].name"), "must be letters, digits, `-` and `_`"));
        } else if field == "auth.headers" && NOT_OURS.iter().any(|name| pair.name.eq_ignore_ascii_case(name)) {
            faults.push(Detail::field(format!("{field}[{at}].name"), "is not a header to give here"));
        }
        if !(1..=MAX_VALUE).contains(&pair.value.len()) || !is_value(&pair.value) || pair.value.contains("${") {
            let reason = "must be 1 to 4096 visible ASCII characters, in a cookie without blanks and \" , ; \\ #";
            faults.push(Detail::field(format!("{field}[{at}].value"), reason));
        }
    }
    faults
}

fn is_header_value(value: &str) -> bool {
    value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value.trim() == value
}

/// The octets of a cookie, without `#`: engines read files in which it begins a comment.
fn is_cookie_value(value: &str) -> bool {
    value.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && !b"\",;\\#".contains(&byte))
}

/// The headers of every request: those that were given, and that of `basic`.
pub fn headers(auth: &ScanAuth) -> Vec<(String, String)> {
    let given = auth.headers.iter().map(|header| (header.name.clone(), header.value.clone()));
    let basic = auth.basic.as_ref().map(|basic| ("Authorization".to_string(), format!("Basic {}", basic_token(basic))));
    given.chain(basic).collect()
}

/// The value of the header `Cookie`, when there are any.
pub fn cookie_line(auth: &ScanAuth) -> Option<String> {
    let cookies = auth.cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value));
    let line = cookies.collect::<Vec<_>>().join("; ");
    Some(line).filter(|line| !line.is_empty())
}

/// Every header of a request with these credentials, the cookies' among them.
pub fn headers_and_cookies(auth: &ScanAuth) -> impl Iterator<Item = (String, String)> {
    headers(auth).into_iter().chain(cookie_line(auth).map(|line| ("Cookie".to_string(), line)))
}

/// Name and password as HTTP spells them.
pub fn basic_token(basic: &BasicAuth) -> String {
    base64(&format!("{}:{}", basic.username, basic.password))
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63] as char;
            out.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

/// Takes the credentials out of everything that a run leaves behind.
pub fn redact(auth: &ScanAuth, report: &mut Report) {
    let secrets = secrets(auth);
    let clean = |text: &mut String| *text = redacted(text, &secrets);
    if let Outcome::Failed(failure) = &mut report.outcome {
        clean(&mut failure.message);
        failure.last_lines.iter_mut().for_each(clean);
    }
    for finding in &mut report.findings {
        let Finding { title, evidence, remediation, references, location, .. } = finding;
        let Location { url, path, parameter, .. } = location;
        clean(title);
        [evidence, remediation, url, path, parameter].into_iter().flatten().for_each(clean);
        references.iter_mut().for_each(clean);
    }
    if let Some(raw) = &mut report.raw {
        raw.bytes = redacted_bytes(&raw.bytes, &secrets);
    }
}

/// What stands between a header's name and its value, as HTTP, engines and JSON write it.
const AFTER_HEADER: [&str; 4] = [": ", ":", "\": \"", "\":\""];
/// The same of a cookie; with a colon its name, which may be one letter, would be in the midst of anything.
const AFTER_COOKIE: [&str; 3] = ["=", "\": \"", "\":\""];

/// One spelling of one secret.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Secret {
    bytes: Vec<u8>,
    /// So many of them are the name before the value: it stays, and its case says nothing, for engines write it as they like.
    name: usize,
}

impl Secret {
    /// Every spelling of a text, beside a name or alone.
    fn spelled(name: &str, text: &str) -> impl Iterator<Item = Secret> + use<> {
        let both = spellings(name).into_iter().zip(spellings(text));
        both.map(|(name, text)| Secret { bytes: format!("{name}{text}").into_bytes(), name: name.len() })
    }

    /// Whether a text begins as this secret does, as far as the shorter of the two goes.
    fn agrees(&self, text: &[u8]) -> bool {
        let (name, value) = self.bytes.split_at(self.name);
        let (in_name, in_value) = text.split_at(self.name.min(text.len()));
        let length = value.len().min(in_value.len());
        name[..in_name.len()].eq_ignore_ascii_case(in_name) && value[..length] == in_value[..length]
    }

    /// Where a whole one begins.
    fn find(&self, text: &[u8]) -> Option<usize> {
        let first = self.bytes[0];
        let either = if self.name == 0 { [first; 2] } else { [first.to_ascii_lowercase(), first.to_ascii_uppercase()] };
        let mut from = 0;
        while let Some(at) = text.get(from..)?.iter().position(|byte| *byte == either[0] || *byte == either[1]) {
            from += at;
            if text.len() - from < self.bytes.len() {
                return None;
            }
            if self.agrees(&text[from..]) {
                return Some(from);
            }
            from += 1;
        }
        None
    }

    /// Where the value of one begins that the text ends with, cut off or not: too little of a value that stands alone says nothing.
    fn cut(&self, text: &[u8]) -> Option<usize> {
        let least = if self.name == 0 { MIN_ALONE } else { self.name + 1 };
        let first = text.len().saturating_sub(self.bytes.len());
        let last = text.len().checked_sub(least)?;
        (first..=last).find(|at| self.agrees(&text[*at..])).map(|at| at + self.name)
    }
}

/// Every spelling of the secrets that an engine may repeat, the longest first.
fn secrets(auth: &ScanAuth) -> Vec<Secret> {
    let mut secrets = Vec::new();
    let alone = |text: &str| text.len() >= MIN_ALONE;
    for (name, value) in headers(auth) {
        secrets.extend(AFTER_HEADER.iter().flat_map(|after| Secret::spelled(&format!("{name}{after}"), &value)));
        // `Bearer` and the like say nothing; what follows does.
        let parts = value.split(' ').chain([value.as_str()]).filter(|text| alone(text));
        secrets.extend(parts.flat_map(|text| Secret::spelled("", text)));
    }
    for NamedSecret { name, value } in &auth.cookies {
        secrets.extend(AFTER_COOKIE.iter().flat_map(|after| Secret::spelled(&format!("{name}{after}"), value)));
        secrets.extend(Some(value).filter(|text| alone(text)).into_iter().flat_map(|text| Secret::spelled("", text)));
    }
    if let Some(BasicAuth { username, password }) = &auth.basic {
        secrets.extend(Secret::spelled(&format!("{username}:"), password));
        secrets
            .extend(Some(password).filter(|text| alone(text)).into_iter().flat_map(|text| Secret::spelled("", text)));
    }
    secrets.retain(|secret| secret.bytes.len() > secret.name);
    secrets.sort_by(|one, other| other.bytes.len().cmp(&one.bytes.len()).then_with(|| one.cmp(other)));
    secrets.dedup();
    secrets
}

/// A text as it stands, in JSON, in XML and in a URL.
fn spellings(text: &str) -> [String; 4] {
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default().to_string();
    let xml = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let url = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    [text.to_string(), json, xml, url]
}

fn redacted(text: &str, secrets: &[Secret]) -> String {
    String::from_utf8_lossy(&redacted_bytes(text.as_bytes(), secrets)).into_owned()
}

fn redacted_bytes(bytes: &[u8], secrets: &[Secret]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    // Texts are cut before they come here. First, for a part of a secret may be one itself, and then its end would stay.
    if let Some(at) = secrets.iter().filter_map(|secret| secret.cut(&bytes)).min() {
        bytes.truncate(at);
        bytes.extend_from_slice(REDACTED.as_bytes());
    }
    for secret in secrets {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while let Some(at) = secret.find(rest) {
            out.extend_from_slice(&rest[..at + secret.name]);
            out.extend_from_slice(REDACTED.as_bytes());
            rest = &rest[at + secret.bytes.len()..];
        }
        out.extend_from_slice(rest);
        bytes = out;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::RawReport;
    use scanyard_contract::scan::FailureReason;
    use serde_json::json;

    fn auth(value: serde_json::Value) -> ScanAuth {
        serde_json::from_value(value).unwrap()
    }

    fn fields(scan_type: ScanType, value: serde_json::Value) -> Vec<String> {
        faults(scan_type, &auth(value)).into_iter().filter_map(|detail| detail.field).collect()
    }

    #[test]
    fn an_engine_gets_what_it_can_take_by_file() {
        let cookie = json!({"cookies": [{"name": "sid", "value": "abc"}]});
        let basic = json!({"basic": {"username": "u", "password": "p"}});
        assert_eq!(fields(ScanType::Nikto, cookie.clone()), [] as [&str; 0]);
        assert_eq!(fields(ScanType::Nikto, basic.clone()), ["auth"]);
        assert_eq!(fields(ScanType::Trivy, basic.clone()), [] as [&str; 0]);
        assert_eq!(fields(ScanType::Trivy, cookie.clone()), ["auth"]);
        assert_eq!(fields(ScanType::Wapiti, basic), [] as [&str; 0]);
        assert_eq!(fields(ScanType::Nmap, cookie), ["auth"]);
        assert_eq!(fields(ScanType::Zap, json!({})), ["auth"]);
    }

    #[test]
    fn what_could_become_another_header_or_setting_is_refused() {
        let pair = |name: &str, value: &str| json!([{"name": name, "value": value}]);
        for (bad, field) in [
            (json!({"headers": pair("X", "a\r\nY: b")}), "auth.headers[0].value"),
            (json!({"headers": pair("X", "${HOME}")}), "auth.headers[0].value"),
            (json!({"headers": pair("X Y", "a")}), "auth.headers[0].name"),
            (json!({"headers": pair("-X", "a")}), "auth.headers[0].name"),
            (json!({"headers": pair("Host", "a")}), "auth.headers[0].name"),
            (json!({"headers": pair("Cookie", "a=b")}), "auth.headers[0].name"),
            (json!({"cookies": pair("a", "b; c=d")}), "auth.cookies[0].value"),
            (json!({"cookies": pair("a", "b#c")}), "auth.cookies[0].value"),
            (json!({"basic": {"username": "a:b", "password": "c"}}), "auth.basic.username"),
            (json!({"basic": {"username": "a", "password": "c\n"}}), "auth.basic.password"),
        ] {
            assert_eq!(fields(ScanType::Sqlmap, bad.clone()), [field], "{bad}");
        }
        let both = json!({"headers": pair("authorization", "x"), "basic": {"username": "a", "password": "b"}});
        assert_eq!(fields(ScanType::Sqlmap, both), ["auth.basic"]);
    }

    #[test]
    fn basic_is_spelled_as_http_does() {
        for (username, password, header) in [
            ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("a", "b", "Basic YTpi"),
            ("ab", "", "Basic YWI6"),
        ] {
            let basic = Some(BasicAuth { username: username.into(), password: password.into() });
            let auth = ScanAuth { basic, ..ScanAuth::default() };
            assert_eq!(headers(&auth), [("Authorization".to_string(), header.to_string())]);
        }
    }

    #[test]
    fn nothing_of_it_stays_in_what_a_run_leaves() {
        let auth = auth(json!({
            "headers": [{"name": "X-Token", "value": "Bearer top&secret\"1"}],
            "cookies": [{"name": "sid", "value": "cookie-secret"}, {"name": "n", "value": "1"}],
            "basic": {"username": "joe", "password": "pass-secret"}
        }));
        let said = "X-Token: Bearer top&secret\"1; top&amp;secret&quot;1; top&secret\\\"1; top%26secret%221; sid=cookie-secret; \
                    cookie-secret; n=1; joe:pass-secret; pass-secret; am9lOnBhc3Mtc2VjcmV0; 1 page";
        let mut report = Report::failed(FailureReason::EngineFailed, said);
        if let Outcome::Failed(failure) = &mut report.outcome {
            failure.last_lines = vec![said.to_string()];
        }
        report.raw = Some(RawReport { media_type: "text/plain", bytes: said.as_bytes().to_vec() });
        let location = Location { url: Some(said.to_string()), ..Location::default() };
        report.findings =
            vec![Finding { title: said.into(), evidence: Some(said.into()), location, ..Finding::default() }];
        redact(&auth, &mut report);
        let left = format!("{:?} {}", report, String::from_utf8_lossy(&report.raw.as_ref().unwrap().bytes));
        for secret in ["secret", "am9lO", "n=1"] {
            assert!(!left.contains(secret), "{secret}: {left}");
        }
        assert!(left.contains("1 page") && left.contains(REDACTED));
    }

    #[test]
    fn a_short_value_goes_beside_its_name_however_that_is_written() {
        let auth = auth(json!({
            "headers": [{"name": "X-Pin", "value": "98761"}], "cookies": [{"name": "Sid", "value": "\"4711"}],
            "basic": {"username": "joe", "password": "b"}
        }));
        for (said, left) in [
            ("GET /\nx-pin: 98761\nhost: a", "GET /\nx-pin: [redacted]\nhost: a"),
            ("X-PIN:98761;", "X-PIN:[redacted];"),
            (r#"{"x-pin": "98761"}"#, r#"{"x-pin": "[redacted]"}"#),
            (r#"{\"x-pin\":\"98761\"}"#, r#"{\"x-pin\":\"[redacted]\"}"#),
            ("x-pin%3a+98761&", "x-pin%3a+[redacted]&"),
            ("sid=\"4711; a", "sid=[redacted]; a"),
            ("sid=&quot;4711; a", "sid=[redacted]; a"),
            ("joe:bob", "joe:[redacted]ob"),
            ("98761 and 4711 stand alone, as does b", "98761 and 4711 stand alone, as does b"),
        ] {
            assert_eq!(redacted(said, &secrets(&auth)), left, "{said}");
        }
    }

    #[test]
    fn a_secret_that_a_cut_leaves_the_beginning_of_is_gone_too() {
        let long = "0123456789".repeat(8);
        let auth = auth(json!({
            "headers": [{"name": "X-A", "value": format!("a{long}")}, {"name": "X-B", "value": format!("Bearer b{long}")}]
        }));
        let secrets = secrets(&auth);
        let said = format!("GET / HTTP/1.1\nx-a: a{long}\nx-b: Bearer b{long}\n");
        for length in 0..said.len() {
            let left = redacted(&said[..length], &secrets);
            assert!(!left.contains("a0") && !left.contains("b0") && !left.contains("a: a"), "{length}: {left}");
        }
        assert_eq!(redacted(&said[..60], &secrets), "GET / HTTP/1.1\nx-a: [redacted]");
        assert_eq!(redacted("x-b: Bear", &secrets), "x-b: [redacted]");
        assert_eq!(redacted("the header X-A: ", &secrets), "the header X-A: ", "a name alone is none");
        assert_eq!(redacted("it ends with b0123", &secrets), "it ends with b0123", "five letters say nothing");
    }
}
