//! One open port: who speaks there, and what is wrong with it.

use super::certificate::Certificate;
use super::found::Part;
use super::hello::{self, Version};
use super::http::{self, Answer, Request};
use super::options::Check;
use super::services::{self, Login};
use super::tls::{self, Opened};
use super::{Options, net, rules, web};
use scanyard_contract::finding::Finding;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use url::Url;

/// How long a service has to greet first; one that greets later is still understood.
const GREETING: Duration = Duration::from_millis(300);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(4);
/// How long all questions to one port may take.
const PORT: Duration = Duration::from_secs(25);
const REDIS_PORT: u16 = 6379;
const MEMCACHED_PORT: u16 = 11211;

/// What all ports of one host have in common.
#[derive(Debug, Clone)]
pub struct Probe<'a> {
    /// The target's name as requested, or its address.
    pub host: String,
    /// The URL, when the target is one: then nothing but it is asked for.
    pub url: Option<&'a Url>,
    pub options: &'a Options,
    /// Seconds since 1970.
    pub now: i64,
}

/// Where a finding is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    pub address: SocketAddr,
    pub service: Option<String>,
    pub url: Option<String>,
}

impl Place {
    /// A port of which nothing more is known.
    pub fn new(host: &str, address: SocketAddr) -> Place {
        Place { host: host.to_string(), address, service: None, url: None }
    }
}

/// What was seen at a port.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortReport {
    pub address: SocketAddr,
    pub service: Option<String>,
    pub banner: Option<String>,
    /// Versions that were accepted, as far as they were asked for.
    pub tls_versions: Vec<&'static str>,
    pub tls_suite: Option<String>,
    pub certificate: Option<Certificate>,
    pub http_status: Option<u16>,
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// Questions one open port; ends after [`PORT`] with what is known by then.
pub async fn probe(probe: &Probe<'_>, address: SocketAddr) -> PortReport {
    let mut visit = Visit {
        probe,
        place: Place::new(&probe.host, address),
        report: PortReport {
            address,
            service: None,
            banner: None,
            tls_versions: Vec::new(),
            tls_suite: None,
            certificate: None,
            http_status: None,
            findings: Vec::new(),
        },
    };
    let _ = timeout(PORT, visit.question()).await;
    visit.report.service = visit.place.service;
    visit.report
}

struct Visit<'a> {
    probe: &'a Probe<'a>,
    place: Place,
    report: PortReport,
}

impl Visit<'_> {
    fn address(&self) -> SocketAddr {
        self.place.address
    }

    fn wants(&self, check: Check) -> bool {
        self.probe.options.wants(check)
    }

    fn find(&mut self, rule: &rules::Rule, evidence: &str) {
        self.report.findings.push(rule.finding(&self.place, Part::Whole, evidence));
    }

    async fn question(&mut self) {
        match self.probe.url {
            Some(url) if url.scheme() == "https" => {
                self.tls().await;
            }
            Some(url) => {
                let request = Request::of(url);
                let bytes = self.fetch(false, &request.bytes("GET", "")).await;
                self.web(&request, &bytes, false).await;
            }
            None => self.question_unknown().await,
        }
    }

    /// Finds out who speaks on a port of which nothing is known.
    async fn question_unknown(&mut self) {
        let port = self.address().port();
        if matches!(port, REDIS_PORT | MEMCACHED_PORT) && self.services().await {
            return;
        }
        let Ok(mut stream) = net::connect(self.address(), ANSWER).await else { return };
        let has_line = |bytes: &[u8]| bytes.contains(&b'\n');
        let greeting = net::ask(&mut stream, b"", services::ANSWER_BYTES, GREETING, has_line).await;
        if self.greeted(&greeting.bytes) {
            return;
        }
        let mut is_silent = false;
        if self.wants(Check::Http) {
            let request = Request::root(&self.probe.host, port, false);
            let heard =
                net::ask(&mut stream, &request.bytes("GET", ""), http::ANSWER_BYTES, ANSWER, Answer::is_complete).await;
            drop(stream);
            is_silent = heard.is_late && heard.bytes.is_empty();
            match Answer::parse(&heard.bytes) {
                // Servers say 400 to plain HTTP on a port for TLS.
                Some(answer) if answer.status == 400 && self.tls().await => return,
                Some(_) => return self.web(&request, &heard.bytes, false).await,
                None if speaks_first(&heard.bytes) && self.greeted(&heard.bytes) => return,
                None => {}
            }
        }
        if (self.wants(Check::Tls) || self.wants(Check::Http)) && self.tls().await {
            return;
        }
        if !is_silent {
            self.services().await;
        }
    }

    /// Takes what a service says before it is asked.
    fn greeted(&mut self, bytes: &[u8]) -> bool {
        let Some(banner) = services::banner(bytes) else { return false };
        self.place.service = banner.service.map(str::to_string);
        self.report.banner = Some(banner.text.clone());
        if banner.tells_software && self.wants(Check::Banners) {
            self.find(&rules::SERVICE_BANNER, &banner.text);
        }
        true
    }

    /// Asks for services that need no login; `true` when one of them is there.
    async fn services(&mut self) -> bool {
        if !self.wants(Check::Services) {
            return false;
        }
        for (name, rule) in [("redis", &rules::REDIS_NO_AUTH), ("memcached", &rules::MEMCACHED_NO_AUTH)] {
            let login = match name {
                "redis" => services::redis(self.address(), ANSWER).await,
                _ => services::memcached(self.address(), ANSWER).await,
            };
            if login != Login::Other {
                self.place.service = Some(name.to_string());
                if let Login::NotRequired(evidence) = login {
                    self.find(rule, &evidence);
                }
                return true;
            }
        }
        false
    }

    /// Inspects TLS and the web server inside it; `false` when nobody speaks TLS there.
    async fn tls(&mut self) -> bool {
        let (address, host) = (self.address(), self.probe.host.as_str());
        let (version, suite, certificate, session) = match tls::open(address, host, ANSWER).await {
            Opened::Session(session) => {
                let (version, suite, certificate) = tls::describe(&session);
                (version, suite, certificate, Some(session))
            }
            Opened::Silent => return false,
            Opened::Failed => {
                let reply = tls::ask(address, host, Version::Tls12, hello::COMMON_SUITES, ANSWER).await;
                if !reply.is_tls() {
                    return false;
                }
                let version = reply.accepts(Version::Tls12).then_some(Version::Tls12.as_str());
                (version, reply.chosen.map(|(_, suite)| format!("{suite:#06x}")), reply.certificate, None)
            }
        };
        self.place.service = Some("tls".to_string());
        self.report.tls_suite = suite;
        self.report.certificate = certificate.as_deref().and_then(Certificate::parse);
        if self.wants(Check::Tls) {
            if let Some(certificate) = &self.report.certificate {
                self.report.findings.extend(certificate.check(&self.place, self.probe.now));
            }
            self.tls_versions(version).await;
        }
        if let Some(mut session) = session
            && (self.probe.url.is_some() || self.wants(Check::Http))
        {
            let request = match self.probe.url {
                Some(url) => Request::of(url),
                None => Request::root(host, address.port(), true),
            };
            let bytes = read_answer(&mut session, &request.bytes("GET", "")).await;
            self.web(&request, &bytes, true).await;
        }
        true
    }

    async fn tls_versions(&mut self, best: Option<&'static str>) {
        let (address, host) = (self.address(), self.probe.host.as_str());
        let ask = |version, suites| tls::ask(address, host, version, suites, ANSWER);
        let (ssl3, tls10, tls11, broken) = tokio::join!(
            ask(Version::Ssl3, hello::COMMON_SUITES),
            ask(Version::Tls10, hello::COMMON_SUITES),
            ask(Version::Tls11, hello::COMMON_SUITES),
            ask(Version::Tls12, hello::BROKEN_SUITES),
        );
        for (version, reply, rule) in [
            (Version::Ssl3, ssl3, &rules::TLS_SSL_3),
            (Version::Tls10, tls10, &rules::TLS_1_0),
            (Version::Tls11, tls11, &rules::TLS_1_1),
        ] {
            if reply.accepts(version) {
                self.report.tls_versions.push(version.as_str());
                self.find(rule, &format!("the server chose {}", version.as_str()));
            }
        }
        self.report.tls_versions.extend(best);
        if best != Some("TLS 1.3") {
            self.find(
                &rules::TLS_NO_1_3,
                &format!("the best version on offer: {}", best.unwrap_or("older than TLS 1.2")),
            );
        }
        if let Some((_, suite)) = broken.chosen
            && hello::BROKEN_SUITES.contains(&suite)
        {
            self.find(&rules::TLS_WEAK_CIPHER, &format!("the server chose suite {suite:#06x}"));
        }
    }

    /// Takes the answer to a GET, and asks for the methods.
    async fn web(&mut self, request: &Request, bytes: &[u8], is_tls: bool) {
        let Some(answer) = Answer::parse(bytes) else { return };
        let scheme = if is_tls { "https" } else { "http" };
        self.place.service = Some(scheme.to_string());
        self.place.url = Some(format!("{scheme}://{}{}", request.authority, request.plain_path()));
        self.report.http_status = Some(answer.status);
        if !self.wants(Check::Http) {
            return;
        }
        self.report.findings.extend(web::check(&self.place, request, &answer, is_tls));
        let (options, trace) = (request.bytes("OPTIONS", ""), request.bytes("TRACE", web::TRACE_HEADER));
        let (options, trace) = tokio::join!(self.fetch(is_tls, &options), self.fetch(is_tls, &trace));
        let options = Answer::parse(&options).and_then(|answer| web::check_options(&self.place, request, &answer));
        let trace = Answer::parse(&trace).and_then(|answer| web::check_trace(&self.place, request, &answer));
        self.report.findings.extend(options.into_iter().chain(trace));
    }

    /// One request on a connection of its own.
    async fn fetch(&self, is_tls: bool, request: &[u8]) -> Vec<u8> {
        if is_tls {
            match tls::open(self.address(), &self.probe.host, ANSWER).await {
                Opened::Session(mut session) => read_answer(&mut session, request).await,
                Opened::Failed | Opened::Silent => Vec::new(),
            }
        } else {
            match net::connect(self.address(), ANSWER).await {
                Ok(mut stream) => read_answer(&mut stream, request).await,
                Err(_) => Vec::new(),
            }
        }
    }
}

async fn read_answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8]) -> Vec<u8> {
    net::ask(stream, request, http::ANSWER_BYTES, ANSWER, Answer::is_complete).await.bytes
}

/// Whether words that came after our request are a late greeting, and not an answer to it.
fn speaks_first(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| !matches!(first, b'-' | b'E' | 21 | 22))
}
