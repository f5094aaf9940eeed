//! An answer as people paste it: the output of `curl -i`, `curl -v` or `wget -S`, with or without a status line, or a body alone.

use super::printed::printed;
use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::borrow::Cow;

/// The parts of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pasted {
    /// Of the status line, when there is one.
    pub status: Option<u16>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Reads the last answer in a text: what a proxy or a redirect said before it does not count.
pub fn parse(text: &[u8]) -> Pasted {
    let text = with_line_feeds(text);
    let text = printed(&text).unwrap_or_else(|| text.into_owned());
    let last = last_answer(&text);
    Pasted { body: document_in(&last.body).to_vec(), ..last }
}

/// The last answer, with all that follows its headers.
fn last_answer(text: &[u8]) -> Pasted {
    let mut rest = from_the_status(text);
    let mut last = Pasted::default();
    loop {
        rest = rest.trim_ascii_start();
        let (line, after) = split_line(rest);
        let Some(status) = status_of(line) else {
            // Behind the answers: the body of the last; or headers or a body with nothing before them.
            return if last.status.is_some() { Pasted { body: rest.to_vec(), ..last } } else { headless(rest) };
        };
        let (headers, body) = headers_of(after);
        last = Pasted { status: Some(status), headers, body: body.to_vec() };
        if status_of(split_line(body.trim_ascii_start()).0).is_none() {
            let is_chunked = last.headers.get(TRANSFER_ENCODING).is_some_and(|coding| coding == "chunked");
            if let (true, Some(whole)) = (is_chunked, unchunk(body)) {
                last.body = whole;
            }
            return last;
        }
        rest = body;
    }
}

/// The text with line feeds, also where its lines end with a carriage return alone.
fn with_line_feeds(text: &[u8]) -> Cow<'_, [u8]> {
    if text.contains(&b'\n') || !text.contains(&b'\r') {
        return Cow::Borrowed(text);
    }
    text.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect()
}

/// The text from its first status line on: the command that was pasted along, and what a shell printed, does not count.
fn from_the_status(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    let mut rest = text;
    while !is_body(text) && !rest.is_empty() {
        let (line, after) = split_line(rest);
        if status_of(line).is_some() {
            return rest;
        }
        rest = after;
    }
    text
}

/// A body as it is sent in chunks, such as `curl --raw` prints it; `None` when it is not, as what has decoded it leaves the
/// header.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let (line, after) = split_line(rest);
        let size = std::str::from_utf8(line.split(|byte| *byte == b';').next()?).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(after.get(..size)?);
        let (end, next) = split_line(&after[size..]);
        if !end.is_empty() {
            return None;
        }
        rest = next;
    }
}

/// The document in a body, without what stands before and behind it, such as the end of a code block; a body that holds
/// none, as it is.
fn document_in(body: &[u8]) -> &[u8] {
    let mut rest = body;
    while !rest.is_empty() {
        let start = rest.trim_ascii_start();
        match start.first() {
            Some(b'{' | b'[' | b'"') => {
                let mut values = serde_json::Deserializer::from_slice(start).into_iter::<Value>();
                let found = values.next().and_then(Result::ok);
                let document = &start[..values.byte_offset()];
                return if found.is_some_and(|value| is_document(&value)) { document } else { body };
            }
            Some(b'<') => break,
            Some(_) | None => rest = split_line(start).1,
        }
    }
    body.trim_ascii_end().strip_suffix(b"```").unwrap_or(body)
}

/// Whether a value can be all that a body says: not a number in brackets, nor a quoted word.
fn is_document(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.first().is_none_or(Value::is_object),
        Value::String(text) => text.trim_start().starts_with(['{', '[']),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Headers without a status line, or nothing but a body.
fn headless(text: &[u8]) -> Pasted {
    let (headers, body) = if is_body(text) { (HeaderMap::new(), text) } else { headers_of(text) };
    if headers.is_empty() {
        return Pasted { body: text.to_vec(), ..Pasted::default() };
    }
    Pasted { status: None, headers, body: body.to_vec() }
}

fn is_body(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'{' | b'[' | b'<' | b'"'))
}

/// The first line without what it is indented by, and the rest.
fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(at) => (text[..at].trim_ascii(), &text[at + 1..]),
        None => (text.trim_ascii(), &[]),
    }
}

/// The status of `HTTP/1.1 429 Too Many Requests`, or of `:status: 429` as tools for HTTP/2 show it.
fn status_of(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?;
    let status = match line.strip_prefix(":status") {
        Some(value) => value.trim_start_matches([':', ' ', '\t']),
        None => line.strip_prefix("HTTP/")?.split_ascii_whitespace().nth(1)?,
    };
    let status = status.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

/// The headers up to the empty line, and what follows. A line that is no header begins the body.
fn headers_of(text: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        if line.is_empty() {
            return (headers, after);
        }
        let Some((name, value)) = header(line) else { return (headers, rest) };
        headers.append(name, value);
        rest = after;
    }
    (headers, rest)
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<u16>, usize, String) {
        let pasted = parse(text.as_bytes());
        (pasted.status, pasted.headers.len(), String::from_utf8(pasted.body).unwrap())
    }

    #[test]
    fn an_answer_is_read_in_every_form() {
        let body = "{\"id\":\"x\"}";
        let forms = [
            (format!("HTTP/1.1 429 Too Many Requests\r\nretry-after: 13s\r\n\r\n{body}"), Some(429), 1),
            (format!("HTTP/2 429\nretry-after: 13s\n\n{body}"), Some(429), 1),
            (format!("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 503 x\r\na: b\r\n\r\n{body}"), Some(503), 1),
            (format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\n\r\n{body}"), Some(409), 0),
            (format!("retry-after: 13s\ncontent-type: application/json\n\n{body}"), None, 2),
            (body.to_string(), None, 0),
            (format!("\u{feff}$ curl -i https://a.example.test/x: y\nHTTP/2 429\na: b\n\n{body}"), Some(429), 1),
            (format!("HTTP/1.1 429 x\r\ntransfer-encoding: chunked\r\n\r\n{body}"), Some(429), 1),
            (format!("* Connected\n> GET / HTTP/1.1\n>\n< HTTP/1.1 401 Unauthorized\n< a: b\n<\n{body}"), Some(401), 1),
        ];
        for (text, status, headers) in forms {
            let (got_status, got_headers, got_body) = read(&text);
            assert_eq!((got_status, got_headers, got_body.trim()), (status, headers, body), "{text}");
        }
        let lone = format!("HTTP/1.1 429 x\rretry-after: 13s\r\r{body}");
        let indented = format!("    HTTP/1.1 429 x\n      retry-after: 13s\n    \n    {body}");
        let ragged = format!("HTTP/1.1 429 x\n  retry-after: 13s\n  \n  {body}");
        let pseudo = format!("  :status: 429\n  retry-after: 13s\n\n{body}");
        let verbose = format!("  > GET / HTTP/1.1\n  < HTTP/2 429\n  < a: b\n  < \n  {{ [5 bytes data]\n  {body}");
        for text in [lone, indented, ragged, pseudo, verbose] {
            let (status, headers, got) = read(&text);
            assert_eq!((status, headers, got.trim()), (Some(429), 1, body), "{text}");
        }
        let (_, _, pretty) = read("< HTTP/2 429\n<\n{\n  \"id\": \"x\"\n}\n");
        assert_eq!(pretty.trim(), "{\n  \"id\": \"x\"\n}");
        for end in ["\r\n", "\n"] {
            let chunked =
                ["HTTP/1.1 429 x", "transfer-encoding: chunked", "", "4;x=y", "{\"id", "6", "\":\"x\"}", "0", "", ""];
            assert_eq!(read(&chunked.join(end)), (Some(429), 1, body.to_string()));
        }
        assert_eq!(read("404 Not Found"), (None, 0, "404 Not Found".to_string()));
        assert_eq!(read("HTTP/1.1 401 Unauthorized"), (Some(401), 0, String::new()));
    }
}
