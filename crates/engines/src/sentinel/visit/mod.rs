//! A visit to one open port: who speaks there, and what is wrong with it.

mod services;
mod tls;
mod web;

use super::found::{self, Found, Part};
use super::http::{self, Answer, Request};
use super::options::Check;
use super::port::{Place, PortReport};
use super::services::{ANSWER_BYTES, banner};
use super::{Options, net, rules};
use services::Quiet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use url::Url;

/// How long a service has to greet first; one that greets later is still understood.
const GREETING: Duration = Duration::from_millis(300);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(4);
/// How long all questions to one port may take.
const PORT: Duration = Duration::from_secs(40);

/// What all ports of one host have in common.
#[derive(Debug, Clone)]
pub struct Probe<'a> {
    /// The target's name as requested, or its address.
    pub host: String,
    /// The URL, when the target is one: then its port is known to be a web server's, and no other port is looked at.
    pub url: Option<&'a Url>,
    pub options: &'a Options,
    /// Seconds since 1970.
    pub now: i64,
}

/// Questions one open port; ends after [`PORT`] with what is known by then.
pub async fn visit(probe: &Probe<'_>, address: SocketAddr, found: &Mutex<Found>) {
    let place = Place::new(&probe.host, address);
    let (requests, unanswered) = Default::default();
    let mut visit = Visit { probe, place, report: PortReport::new(address), requests, unanswered, found };
    visit.report.is_complete = timeout(PORT, visit.question()).await.is_ok();
    visit.count();
    if let Some((_, why)) = visit.report.unseen() {
        visit.find(&rules::PORT_PARTLY_CHECKED, &format!("it {why}"));
    }
}

struct Visit<'a> {
    probe: &'a Probe<'a>,
    place: Place,
    report: PortReport,
    requests: AtomicU32,
    unanswered: AtomicU32,
    found: &'a Mutex<Found>,
}

/// A visit that ends early, by a cancel or the end of its time, leaves what it has seen all the same.
impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.report.service = self.place.service.take();
        self.count();
        let report = std::mem::replace(&mut self.report, PortReport::new(self.place.address));
        found::lock(self.found).take_port(report);
    }
}

impl Visit<'_> {
    /// Notes how many requests were made, and how many in vain.
    fn count(&mut self) {
        (self.report.requests, self.report.unanswered) = (*self.requests.get_mut(), *self.unanswered.get_mut());
    }

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
        if let Some(service) = Quiet::at_home(port)
            && self.quiet_service(service).await
        {
            return;
        }
        let Ok(mut stream) = net::connect(self.address(), ANSWER).await else { return };
        let has_line = |bytes: &[u8]| bytes.contains(&b'\n');
        let greeting = net::ask(&mut stream, b"", ANSWER_BYTES, GREETING, has_line).await;
        if self.greeted(&greeting.bytes) {
            drop(stream);
            return self.greeting_service().await;
        }
        let request = Request::root(&self.probe.host, port, false);
        let mut heard = net::Heard { bytes: Vec::new(), is_late: false };
        if self.wants(Check::Http) {
            let get = request.bytes("GET", "");
            heard = net::ask(&mut stream, &get, http::ANSWER_BYTES, ANSWER, Answer::is_complete_or_foreign).await;
        }
        // A server that serves one client at a time is free for the next questions.
        drop(stream);
        match Answer::parse(&heard.bytes) {
            // Servers say 400 to plain HTTP on a port for TLS.
            Some(answer) if answer.status == 400 && self.tls().await => return,
            // MongoDB tells browsers that they are wrong here.
            Some(answer) if answer.body.starts_with(b"It looks like you are trying to access MongoDB") => {
                self.quiet_service(Quiet::MongoDb).await;
                return;
            }
            Some(_) => return self.web(&request, &heard.bytes, false).await,
            None if speaks_first(&heard.bytes) && self.greeted(&heard.bytes) => return self.greeting_service().await,
            None => {}
        }
        if (self.wants(Check::Tls) || self.wants(Check::Http)) && self.tls().await {
            return;
        }
        // What is silent to two protocols is silent to all.
        if !heard.is_late || !heard.bytes.is_empty() {
            self.quiet_services().await;
        }
    }

    /// Takes what a service says before it is asked.
    fn greeted(&mut self, bytes: &[u8]) -> bool {
        let Some(banner) = banner(bytes) else { return false };
        // Some mail and file servers greet without saying which they are.
        let at_home = match self.address().port() {
            25 | 587 | 2525 => Some("smtp"),
            21 | 2121 => Some("ftp"),
            _ => None,
        };
        let service = banner.service.or(at_home.filter(|_| banner.text.starts_with("220")));
        self.place.service = service.map(str::to_string);
        self.report.banner = Some(banner.text.clone());
        if banner.tells_software && self.wants(Check::Banners) {
            self.find(&rules::SERVICE_BANNER, &banner.text);
        }
        true
    }
}

async fn read_answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8], cap: usize) -> Vec<u8> {
    net::ask(stream, request, cap, ANSWER, Answer::is_complete).await.bytes
}

/// Whether words that came after our request are a late greeting, and not an answer to it.
fn speaks_first(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| !matches!(first, b'-' | b'E' | 21 | 22))
}
