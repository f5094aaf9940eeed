//! What an HTTP answer says about its server: headers, cookies, listings.

use super::cookies;
use super::found::Part;
use super::http::{Answer, Request};
use super::port::Place;
use super::rules::{self, Rule};
use crate::text;
use scanyard_contract::finding::Finding;

/// Cookies that are looked at per answer.
const MAX_COOKIES: usize = 50;
/// Links of a page that are read, and pages behind them that are fetched.
const MAX_REFERENCES: usize = 200;
const MAX_LINKS: usize = 12;
/// Methods that change the server's files or open tunnels.
const WRITING: &[&str] = &["PUT", "DELETE", "PATCH", "CONNECT", "MKCOL", "COPY", "MOVE", "PROPPATCH"];
/// The header by which the echo of a TRACE is known.
pub const TRACE_HEADER: &str = "X-Scanyard-Trace: sentinel\r\n";

/// Findings of the answer to a GET.
pub fn check(place: &Place, request: &Request, answer: &Answer, is_tls: bool) -> Vec<Finding> {
    let mut findings = if answer.is_head_whole { missing_headers(place, answer, is_tls) } else { Vec::new() };
    for name in ["server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator"] {
        let value = answer.header(name).unwrap_or_default();
        // A bare product name helps nobody who could not guess it; `Server` often has to be there.
        if !value.is_empty() && (name != "server" || value.contains(|c: char| c.is_ascii_digit())) {
            findings.push(rules::HTTP_DISCLOSURE.finding(place, Part::Header(name), &format!("{name}: {value}")));
        }
    }
    findings.extend(check_page(place, request, answer, is_tls));
    findings
}

/// Findings of an answer that pages of one server do not have in common.
pub fn check_page(place: &Place, request: &Request, answer: &Answer, is_tls: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cookie in answer.all("set-cookie").filter_map(cookies::parse).take(MAX_COOKIES) {
        let faults = [
            (is_tls && !cookie.is_secure, &rules::COOKIE_NOT_SECURE),
            (!cookie.is_http_only, &rules::COOKIE_NOT_HTTP_ONLY),
            (!cookie.has_same_site, &rules::COOKIE_NO_SAME_SITE),
        ];
        for (_, rule) in faults.iter().filter(|(is_fault, _)| *is_fault) {
            findings.push(rule.finding(place, Part::Cookie(&cookie.name), &cookie.redacted));
        }
    }
    if let Some(mark) = answer.listing() {
        let path = request.plain_path();
        findings.push(rules::DIRECTORY_LISTING.finding(place, Part::Path(path), &format!("GET {path}: 200, {mark}")));
    }
    let asks_password = answer.all("www-authenticate").any(|scheme| scheme.to_ascii_lowercase().starts_with("basic"));
    if !is_tls && answer.status == 401 && asks_password {
        findings.push(rules::BASIC_AUTH_CLEAR.finding(place, Part::Whole, "401, WWW-Authenticate: Basic"));
    }
    if is_tls && let Some(reference) = mixed_content(&answer.body) {
        findings.push(rules::MIXED_CONTENT.finding(place, Part::Path(request.plain_path()), &reference));
    }
    findings
}

/// Pages of the same server that this one links to, each once and in its order. A link with a query may do something, and
/// is left out.
pub fn links(request: &Request, answer: &Answer, is_tls: bool) -> Vec<Request> {
    let page = String::from_utf8_lossy(&answer.body);
    let mut links: Vec<Request> = Vec::new();
    for (at, _) in page.to_ascii_lowercase().match_indices("href=").take(MAX_REFERENCES) {
        let value = page[at + "href=".len()..].trim_start_matches(['"', '\'']);
        let value = value.split(['"', '\'', '>', ' ', '\t', '\r', '\n']).next().unwrap_or_default();
        let Some(link) = request.leading_to(is_tls, value) else { continue };
        if !link.path.contains('?') && link.path != request.path && !links.contains(&link) {
            links.push(link);
        }
        if links.len() == MAX_LINKS {
            break;
        }
    }
    links
}

/// The first attribute of a page by which a browser loads a part or sends a form over plain HTTP; without its query.
fn mixed_content(body: &[u8]) -> Option<String> {
    const ATTRIBUTES: &[&str] = &["src=\"http://", "src='http://", "action=\"http://", "action='http://"];
    let page = String::from_utf8_lossy(body).to_ascii_lowercase();
    let at = ATTRIBUTES.iter().filter_map(|attribute| page.find(attribute)).min()?;
    let value = page[at..].split_inclusive(['"', '\'']).take(2).collect::<String>();
    let end = value.find('?').unwrap_or(value.len());
    Some(text::clean(&value.as_bytes()[..end], 300))
}

/// Marks of error pages that tell what is behind them. Where a version follows, it must begin with a digit.
const ERROR_MARKS: &[(&str, bool)] = &[
    ("<address>Apache/", true),
    ("<center>nginx/", true),
    ("Apache Tomcat/", true),
    ("Microsoft-IIS/", true),
    ("Jetty://", true),
    ("Microsoft .NET Framework Version:", false),
    ("Whitelabel Error Page", false),
    ("Traceback (most recent call last)", false),
    ("Werkzeug Debugger", false),
    ("<code>DEBUG = True</code>", false),
    ("Action Controller: Exception caught", false),
    ("\tat java.lang.", false),
    ("\tat org.springframework.", false),
    ("Fatal error</b>:", false),
];

/// Findings of the answer to a page that does not exist.
pub fn check_error_page(place: &Place, answer: &Answer) -> Option<Finding> {
    let page = String::from_utf8_lossy(&answer.body);
    let line = ERROR_MARKS.iter().find_map(|(mark, has_version)| {
        let at = page.find(mark)?;
        let rest = &page[at..];
        let is_told = !has_version || rest[mark.len()..].starts_with(|c: char| c.is_ascii_digit());
        is_told.then(|| text::clean(rest.trim_start().lines().next().unwrap_or_default().as_bytes(), 200))
    })?;
    Some(rules::HTTP_ERROR_PAGE.finding(place, Part::Whole, &format!("status {}: {line}", answer.status)))
}

/// Findings of the answer to a request for security.txt.
pub fn check_security_txt(place: &Place, answer: &Answer) -> Option<Finding> {
    if answer.status == 200 && !answer.is_head_whole {
        return None;
    }
    let text = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    let has_contact = answer.status == 200 && text.lines().any(|line| line.trim_start().starts_with("contact:"));
    let evidence = format!("status {}, no Contact", answer.status);
    (!has_contact).then(|| rules::NO_SECURITY_TXT.finding(place, Part::Whole, &evidence))
}

/// A redirect shows no page: only what holds for every answer is asked of it.
fn missing_headers(place: &Place, answer: &Answer, is_tls: bool) -> Vec<Finding> {
    let is_page = !(300..400).contains(&answer.status);
    let has = |name: &str| answer.header(name).is_some_and(|value| !value.is_empty());
    let policy = answer.all("content-security-policy").any(|policy| policy.contains("frame-ancestors"));
    let sniffs = answer.header("x-content-type-options").is_none_or(|value| !value.eq_ignore_ascii_case("nosniff"));
    let faults: [(bool, &Rule, &str); 6] = [
        (is_tls && !has("strict-transport-security"), &rules::NO_HSTS, "strict-transport-security"),
        (is_page && !has("content-security-policy"), &rules::NO_CSP, "content-security-policy"),
        (is_page && !has("x-frame-options") && !policy, &rules::NO_FRAME_OPTIONS, "x-frame-options"),
        (is_page && sniffs, &rules::NO_CONTENT_TYPE_OPTIONS, "x-content-type-options"),
        (is_page && !has("referrer-policy"), &rules::NO_REFERRER_POLICY, "referrer-policy"),
        (is_page && !has("permissions-policy"), &rules::NO_PERMISSIONS_POLICY, "permissions-policy"),
    ];
    let seen = |name: &str| match answer.header(name) {
        Some(value) => format!("status {}, {name}: {value}", answer.status),
        None => format!("status {}, no {name}", answer.status),
    };
    let faults = faults.iter().filter(|(is_fault, _, _)| *is_fault);
    faults.map(|(_, rule, name)| rule.finding(place, Part::Header(name), &seen(name))).collect()
}

/// Findings of the answer to OPTIONS.
pub fn check_options(place: &Place, request: &Request, answer: &Answer) -> Option<Finding> {
    let allowed = answer.all("allow").collect::<Vec<_>>().join(", ");
    let is_writing = |word: &str| WRITING.iter().any(|method| word.trim().eq_ignore_ascii_case(method));
    if answer.status >= 400 || !allowed.split(',').any(is_writing) {
        return None;
    }
    Some(rules::HTTP_METHODS.finding(place, Part::Path(request.plain_path()), &format!("Allow: {allowed}")))
}

/// Findings of the answer to TRACE: it counts only when our own header comes back.
pub fn check_trace(place: &Place, request: &Request, answer: &Answer) -> Option<Finding> {
    let header = TRACE_HEADER.trim_end().to_ascii_lowercase();
    let body = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    if answer.status != 200 || !body.contains(&header) {
        return None;
    }
    let evidence = "TRACE: 200, the request came back in the answer";
    Some(rules::HTTP_TRACE.finding(place, Part::Path(request.plain_path()), evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(answer: &str, is_tls: bool) -> Vec<String> {
        let place = Place::new("a.test", "127.0.0.1:443".parse().unwrap());
        let answer = Answer::parse(answer.as_bytes()).unwrap();
        let found = check(&place, &Request::root("a.test", 443, is_tls), &answer, is_tls);
        found.into_iter().map(|finding| finding.rule_id).collect()
    }

    #[test]
    fn a_careful_server_has_no_finding() {
        let careful = "HTTP/1.1 200 OK\r\nServer: nginx\r\nStrict-Transport-Security: max-age=31536000\r\n\
            Content-Security-Policy: default-src 'self'; frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\n\
            Referrer-Policy: no-referrer\r\nPermissions-Policy: camera=()\r\n\
            Set-Cookie: sid=x; Secure; HttpOnly; SameSite=Lax\r\n\r\n";
        assert_eq!(findings(careful, true), Vec::<String>::new());
    }

    /// What `headers-truth.txt` of the samples shows is found, and nothing else.
    #[test]
    fn the_servers_of_the_samples_are_seen_as_their_headers_are() {
        let page = ["http-missing-csp", "http-missing-frame-options", "http-missing-content-type-options"];
        let page = [&page[..], &["http-missing-referrer-policy", "http-missing-permissions-policy"]].concat();
        let plain = [&page[..], &["http-software-disclosure"]].concat();
        let careless = ["http-software-disclosure", "cookie-without-httponly", "cookie-without-samesite"];
        let tls = [&["http-missing-hsts"], &plain[..]].concat();
        let truth = include_str!("../../tests/samples/sentinel/headers-truth.txt").replace("\r\n", "\n");
        let servers: Vec<_> = truth.split("### ").skip(1).map(|server| server.split_once('\n').unwrap()).collect();
        let expected: [(&str, Vec<&str>); 5] = [
            ("http://127.0.0.1:8080/", plain.clone()),
            ("http://127.0.0.1:8081/", [&plain[..], &careless].concat()),
            ("https://127.0.0.1:8443/", tls.clone()),
            ("https://127.0.0.1:8444/", vec!["http-missing-permissions-policy"]),
            ("https://127.0.0.1:8445/", tls),
        ];
        assert_eq!(servers.len(), expected.len());
        for ((url, head), (of, rules)) in servers.into_iter().zip(expected) {
            assert_eq!(
                (url, findings(head, url.starts_with("https:"))),
                (of, rules.iter().map(|r| r.to_string()).collect())
            );
        }
    }

    #[test]
    fn plain_http_needs_no_hsts_and_no_secure_cookie() {
        let found =
            findings("HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: sid=x; HttpOnly; SameSite=Lax\r\n\r\n", false);
        assert_eq!(found, Vec::<String>::new());
        let found = findings("HTTP/1.1 302 Found\r\nSet-Cookie: sid=x; HttpOnly; SameSite=Lax\r\n\r\n", true);
        assert_eq!(found, ["http-missing-hsts", "cookie-without-secure"]);
    }

    #[test]
    fn a_password_over_plain_http_is_told_and_over_tls_is_not() {
        let asks = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n\r\n";
        assert!(findings(asks, false).contains(&"http-basic-auth-clear".to_string()));
        assert!(!findings(asks, true).contains(&"http-basic-auth-clear".to_string()));
    }

    #[test]
    fn links_without_a_query_lead_to_pages_of_the_same_server() {
        let request = Request::root("a.test", 8080, false);
        let body = "<a href=/admin/>x</a><A HREF='login#top'>x</A><a href=\"http://a.test:8080/login\">x</a><a href=\"../\">x</a>\
            <a href=\"/item?id=1\">x</a><a href=\"//b.test/\">x</a><a href=\"mailto:a@a.test\">x</a><a href=\"#x\">x</a><a href=";
        let answer = Answer { status: 200, headers: Vec::new(), is_head_whole: true, body: body.as_bytes().to_vec() };
        let paths =
            |answer: &Answer| links(&request, answer, false).into_iter().map(|link| link.path).collect::<Vec<_>>();
        assert_eq!(paths(&answer), ["/admin/", "/login"]);
        let many: String = (0..1000).map(|number| format!("<a href=/{number}>")).collect();
        assert_eq!(paths(&Answer { body: many.into_bytes(), ..answer }).len(), MAX_LINKS);
    }

    #[test]
    fn parts_over_plain_http_are_told_without_their_query() {
        let page = b"<a href=\"http://a.test/\"></a><IMG SRC='http://a.test/x.png?key=1'>";
        assert_eq!(mixed_content(page).as_deref(), Some("src='http://a.test/x.png"));
        assert_eq!(mixed_content(b"<a href=\"http://a.test/\"><img src=\"https://a.test/x\">"), None);
    }

    #[test]
    fn an_error_page_tells_a_version_or_a_trace() {
        let place = Place::new("a.test", "127.0.0.1:80".parse().unwrap());
        let tells = |body: &str| {
            let answer =
                Answer { status: 404, headers: Vec::new(), is_head_whole: true, body: body.as_bytes().to_vec() };
            check_error_page(&place, &answer).is_some()
        };
        assert!(tells("<hr><center>nginx/1.22.1</center>"));
        assert!(tells("<pre>Traceback (most recent call last):\n"));
        assert!(!tells("<hr><center>nginx</center>"));
        assert!(!tells("<address>Apache/</address>"));
    }

    #[test]
    fn only_an_echo_of_our_header_is_trace() {
        let place = Place::new("a.test", "127.0.0.1:80".parse().unwrap());
        let request = Request::root("a.test", 80, false);
        let trace = |text: &str| check_trace(&place, &request, &Answer::parse(text.as_bytes()).unwrap()).is_some();
        assert!(trace("HTTP/1.1 200 OK\r\n\r\nTRACE / HTTP/1.1\r\nx-scanyard-trace: sentinel\r\n"));
        assert!(!trace("HTTP/1.1 200 OK\r\n\r\nhello"));
        assert!(!trace("HTTP/1.1 405 No\r\n\r\nX-Scanyard-Trace: sentinel"));
    }
}
