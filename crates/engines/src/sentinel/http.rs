//! HTTP/1 as a scanner needs it: one request, one answer, whatever bytes come.

use crate::text;
use url::Url;

/// The most bytes of one answer that are read.
pub const ANSWER_BYTES: usize = 256 * 1024;
/// The longest place that is named.
pub const MAX_PLACE: usize = 200;
const MAX_HEADERS: usize = 200;
const HEADER_BYTES: usize = 4 * 1024;

/// An answer, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, values cleaned.
    pub headers: Vec<(String, String)>,
    /// All headers are there: one that is not among them was not sent.
    pub is_head_whole: bool,
    pub body: Vec<u8>,
}

/// What to ask of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The `Host` header.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl Request {
    /// The start page of a host.
    pub fn root(host: &str, port: u16, is_tls: bool) -> Request {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        let default_port = if is_tls { 443 } else { 80 };
        let authority = if port == default_port { host } else { format!("{host}:{port}") };
        Request { authority, path: "/".to_string() }
    }

    /// What a URL names. The parser of URLs leaves no blank and no control character in it.
    pub fn of(url: &Url) -> Request {
        let host = url.host_str().unwrap_or_default();
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_string(),
        };
        Request { authority, path }
    }

    /// Another path of the same server.
    pub fn at(&self, path: &str) -> Request {
        Request { authority: self.authority.clone(), path: path.to_string() }
    }

    /// Where a redirect or a link leads, when that is another page of the same scheme, host and port.
    pub fn leading_to(&self, is_tls: bool, location: &str) -> Option<Request> {
        let from = self.url(is_tls)?;
        let to = from.join(location).ok()?;
        (to.origin() == from.origin() && to != from).then(|| Request::of(&to))
    }

    /// Where an answer redirects to, without the query, when that is another server.
    pub fn leading_away(&self, is_tls: bool, answer: &Answer) -> Option<String> {
        let location = answer.header("location").filter(|_| (300..400).contains(&answer.status))?;
        let from = self.url(is_tls)?;
        let to = from.join(location.split(['?', '#']).next()?).ok()?;
        (to.origin() != from.origin()).then(|| text::clean(to.as_str().as_bytes(), MAX_PLACE))
    }

    fn url(&self, is_tls: bool) -> Option<Url> {
        let scheme = if is_tls { "https" } else { "http" };
        Url::parse(&format!("{scheme}://{}{}", self.authority, self.path)).ok()
    }

    /// The path without the query, which may hold secrets.
    pub fn plain_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The bytes of the request with one more header.
    pub fn bytes(&self, method: &str, header: &str) -> Vec<u8> {
        format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: scanyard-sentinel/{}\r\nAccept: */*\r\n{header}Connection: close\r\n\r\n",
            self.path,
            self.authority,
            env!("CARGO_PKG_VERSION"),
        )
        .into_bytes()
    }
}

impl Answer {
    /// Whether it says nothing of what was asked for: too many requests, or nobody behind a proxy.
    pub fn says_nothing(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }

    /// Reads an answer; `None` when it does not begin like HTTP.
    pub fn parse(bytes: &[u8]) -> Option<Answer> {
        let end = head_end(bytes);
        let (head, body) = match end {
            Some((end, body)) => (&bytes[..end], &bytes[body..]),
            // The last line may be a part of one.
            None => (&bytes[..bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(bytes.len())], &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = lines.next()?;
        let rest = first.strip_prefix(b"HTTP/1.0 ").or_else(|| first.strip_prefix(b"HTTP/1.1 "))?;
        let status = std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok().filter(|s| (100..=999).contains(s))?;
        let mut headers = lines.filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = text::clean(&line[..colon], 128).trim().to_ascii_lowercase();
            let value = text::clean(&line[colon + 1..], HEADER_BYTES).trim().to_string();
            Some((name, value))
        });
        let kept = headers.by_ref().take(MAX_HEADERS).collect();
        let is_head_whole = end.is_some() && headers.next().is_none();
        let mut answer = Answer { status, headers: kept, is_head_whole, body: body.to_vec() };
        if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            answer.body = unchunked(body);
        }
        Some(answer)
    }

    /// Whether all of the answer is there, so that a server which keeps the connection open is not waited for.
    pub fn is_complete(bytes: &[u8]) -> bool {
        let Some((_, body)) = head_end(bytes) else { return false };
        let Some(answer) = Answer::parse(&bytes[..body]) else { return true };
        let length = answer.header("content-length").and_then(|text| text.parse::<usize>().ok());
        match length {
            _ if matches!(answer.status, 100..=199 | 204 | 304) => true,
            Some(length) => bytes.len() - body >= length,
            None => bytes.ends_with(b"\r\n0\r\n\r\n"),
        }
    }

    /// Whether nothing more need be waited for, when it is not yet known that the peer speaks HTTP.
    pub fn is_complete_or_foreign(bytes: &[u8]) -> bool {
        match bytes.first() {
            None => false,
            Some(b'H') => Answer::is_complete(bytes),
            Some(first) if first.is_ascii_graphic() => bytes.contains(&b'\n'),
            Some(_) => true,
        }
    }

    /// The first header of that name, which is lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Every header of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The title or heading of the page when it is the listing of a directory.
    pub fn listing(&self) -> Option<&'static str> {
        const MARKS: &[&str] = &[
            "<title>Index of /",
            "<h1>Index of /",
            "<title>Directory listing for /",
            "<title>Directory Listing For",
            "[To Parent Directory]",
        ];
        if self.status != 200 {
            return None;
        }
        let body = String::from_utf8_lossy(&self.body).to_ascii_lowercase();
        MARKS.iter().copied().find(|mark| body.contains(&mark.to_ascii_lowercase()))
    }
}

/// A chunked body without its frames, as far as it came.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&rest[..end]);
        let size = line.split(';').next().unwrap_or_default().trim();
        let Ok(size @ 1..) = usize::from_str_radix(size, 16) else { break };
        rest = &rest[end + 1..];
        let chunk = &rest[..size.min(rest.len())];
        body.extend_from_slice(chunk);
        rest = rest[chunk.len()..].strip_prefix(b"\r\n").unwrap_or(&rest[chunk.len()..]);
    }
    body
}

/// End of the head and beginning of the body.
fn head_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let crlf = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| (at, at + 4));
    let lf = bytes.windows(2).position(|w| w == b"\n\n").map(|at| (at, at + 2));
    match (crlf, lf) {
        (Some(a), Some(b)) => Some(if a.0 < b.0 { a } else { b }),
        (found, None) | (None, found) => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_read_with_either_line_end() {
        for text in [
            "HTTP/1.1 200 OK\r\nServer: a/1\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\r\nbody",
            "HTTP/1.0 200\nServer:a/1\nSet-Cookie: a=b\nSet-Cookie: c=d\n\nbody",
        ] {
            let answer = Answer::parse(text.as_bytes()).unwrap();
            assert_eq!((answer.status, answer.header("server")), (200, Some("a/1")));
            assert_eq!(answer.all("set-cookie").collect::<Vec<_>>(), ["a=b", "c=d"]);
            assert_eq!(answer.body, b"body");
        }
        assert_eq!(Answer::parse(b"SSH-2.0-x\r\n"), None);
        assert_eq!(Answer::parse(b"HTTP/1.1 2"), None);
    }

    #[test]
    fn a_head_that_did_not_come_whole_says_so_and_ends_with_a_whole_line() {
        let read = |text: &str| {
            let answer = Answer::parse(text.as_bytes()).unwrap();
            (answer.is_head_whole, answer.headers.len(), answer.header("server").map(str::to_string))
        };
        assert_eq!(read("HTTP/1.1 200 OK"), (false, 0, None));
        assert_eq!(read("HTTP/1.1 200 OK\r\nServer: nginx/1.2"), (false, 0, None));
        assert_eq!(read("HTTP/1.1 200 OK\r\nServer: a\r\nSet-Coo"), (false, 1, Some("a".to_string())));
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\n"), (true, 0, None));
        let many = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count));
        assert_eq!(read(&many(MAX_HEADERS)), (true, MAX_HEADERS, None));
        assert_eq!(read(&many(MAX_HEADERS + 1)), (false, MAX_HEADERS, None));
    }

    #[test]
    fn an_answer_ends_with_its_length_or_last_chunk() {
        assert!(!Answer::is_complete(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod"));
        assert!(Answer::is_complete(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"));
        assert!(Answer::is_complete(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"));
        assert!(Answer::is_complete(b"HTTP/1.1 204 No Content\r\n\r\n"));
        assert!(!Answer::is_complete(b"HTTP/1.1 200 OK\r\nServer: a\r\n"));
        assert!(Answer::is_complete_or_foreign(b"-ERR unknown command\r\n"));
        assert!(Answer::is_complete_or_foreign(&[21, 3, 1]));
        assert!(!Answer::is_complete_or_foreign(b"HTTP/1.1 200 OK\r\n"));
    }

    #[test]
    fn a_listing_is_known_by_its_title() {
        let page = |status, body: &str| Answer {
            status,
            headers: Vec::new(),
            is_head_whole: true,
            body: body.as_bytes().to_vec(),
        };
        assert!(page(200, "<html><TITLE>Index of /files</title>").listing().is_some());
        assert!(page(404, "<title>Index of /</title>").listing().is_none());
        assert!(page(200, "<title>How to index of things</title>").listing().is_none());
    }

    #[test]
    fn the_host_header_names_the_target_and_an_odd_port() {
        assert_eq!(Request::root("::1", 8080, false).authority, "[::1]:8080");
        assert_eq!(Request::root("a.test", 443, true).authority, "a.test");
        let request = Request::of(&"https://a.test:8443/x?token=1".parse().unwrap());
        assert_eq!((request.authority.as_str(), request.path.as_str()), ("a.test:8443", "/x?token=1"));
        assert_eq!(request.plain_path(), "/x");
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nref:\r\n6\r\n refs/\r\n0\r\n\r\n";
        assert_eq!(Answer::parse(text).unwrap().body, b"ref: refs/");
        assert_eq!(unchunked(b"ffffffffffffffff\r\nab"), b"ab");
        assert_eq!(unchunked(b"zz\r\nab"), b"");
    }

    #[test]
    fn a_redirect_is_followed_to_the_same_origin_alone() {
        let request = Request::root("a.test", 8080, false);
        let to = |location: &str| request.leading_to(false, location).map(|request| request.path);
        assert_eq!(to("/login?x=1"), Some("/login?x=1".to_string()));
        assert_eq!(to("http://A.test:8080/b#c"), Some("/b".to_string()));
        for other in
            ["https://a.test:8080/", "http://a.test/", "http://b.test:8080/", "//b.test/", "file:///etc", "/", "::"]
        {
            assert!(to(other).is_none() || other == "::", "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), http in any::<bool>()) {
            if http {
                bytes.splice(0..0, *b"HTTP/1.1 200 OK\r\n");
            }
            let _ = Answer::is_complete(&bytes);
            if let Some(answer) = Answer::parse(&bytes) {
                let _ = answer.listing();
                prop_assert!(answer.headers.iter().all(|(_, value)| !value.contains(char::from(27))));
            }
        }
    }
}
