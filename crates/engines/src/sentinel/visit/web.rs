//! The web server behind a port.

use super::{ANSWER, Visit, read_answer};
use crate::sentinel::exposures::{self, DOCKER, ETCD, FILES};
use crate::sentinel::found::Part;
use crate::sentinel::http::{Answer, Request};
use crate::sentinel::options::Check;
use crate::sentinel::port::Place;
use crate::sentinel::tls::{self, Opened};
use crate::sentinel::{net, rules, web};
use futures::future::join_all;
use scanyard_contract::finding::Finding;
use std::sync::atomic::Ordering;

/// Redirects of one page that are followed.
const MAX_REDIRECTS: usize = 5;
/// Files that are asked for at the same time.
const FILES_AT_ONCE: usize = 4;
/// The most bytes of a file that are read: enough to know it by.
const FILE_BYTES: usize = 64 * 1024;
/// A path that no server has.
const NOTHING: &str = "/scanyard-no-such-page";
const SECURITY_TXT: &str = "/.well-known/security.txt";

impl Visit<'_> {
    /// Takes the answer to a GET, and asks for what else the server has to say.
    pub(super) async fn web(&mut self, request: &Request, bytes: &[u8], is_tls: bool) {
        let Some(answer) = Answer::parse(bytes) else { return };
        let scheme = if is_tls { "https" } else { "http" };
        self.place.service = Some(scheme.to_string());
        self.place = self.place_of(request, is_tls);
        self.report.http_status = Some(answer.status);
        if self.wants(Check::Http) {
            self.report.findings.extend(web::check(&self.place, request, &answer, is_tls));
            let (page, shown) = self.redirects(request, &answer, is_tls).await;
            self.links(&page, &shown, is_tls).await;
            self.methods(request, is_tls).await;
            let of_nothing = self.files(request, is_tls).await;
            let away = |answer: Option<&Answer>| answer.and_then(|answer| request.leading_away(is_tls, answer));
            // Of a host the other ports are scanned, too: where its one for HTTP leads to that for HTTPS all is well.
            if self.probe.url.is_some()
                && let (Some(place), Some(_)) = (away(Some(&shown)), away(of_nothing.as_ref()))
            {
                let why = format!("it sends every path to another server, such as {place}; scan what it leads to");
                self.find(&rules::PORT_PARTLY_CHECKED, &why);
            }
        }
        if self.wants(Check::Services) {
            self.web_services(request, &answer, is_tls).await;
        }
    }

    /// Where a finding about this page is made.
    fn place_of(&self, request: &Request, is_tls: bool) -> Place {
        let scheme = if is_tls { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", request.authority, request.plain_path());
        Place { url: Some(url), ..self.place.clone() }
    }

    /// Takes findings of another page of this server, which often has the same faults.
    fn take_new(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if !self.report.findings.iter().any(|known| known.fingerprint == finding.fingerprint) {
                self.report.findings.push(finding);
            }
        }
    }

    /// Looks at pages that the start page links to.
    async fn links(&mut self, request: &Request, answer: &Answer, is_tls: bool) {
        for pages in web::links(request, answer, is_tls).chunks(FILES_AT_ONCE) {
            let answers = join_all(pages.iter().map(|page| self.get(page, is_tls))).await;
            for (page, answer) in pages.iter().zip(answers) {
                if let Some(answer) = answer {
                    self.take_new(web::check_page(&self.place_of(page, is_tls), page, &answer, is_tls));
                }
            }
        }
    }

    /// Follows redirects as long as they stay on this server, and looks at where they end; returns that page.
    async fn redirects(&mut self, request: &Request, answer: &Answer, is_tls: bool) -> (Request, Answer) {
        let (mut request, mut answer) = (request.clone(), answer.clone());
        for _ in 0..MAX_REDIRECTS {
            let location = answer.header("location").filter(|_| (300..400).contains(&answer.status));
            let Some(next) = location.and_then(|location| request.leading_to(is_tls, location)) else { break };
            let Some(found) = self.get(&next, is_tls).await else { break };
            self.take_new(web::check(&self.place_of(&next, is_tls), &next, &found, is_tls));
            (request, answer) = (next, found);
        }
        (request, answer)
    }

    async fn methods(&mut self, request: &Request, is_tls: bool) {
        let (options, trace) = (request.bytes("OPTIONS", ""), request.bytes("TRACE", web::TRACE_HEADER));
        let (options, trace) = tokio::join!(self.fetch(is_tls, &options), self.fetch(is_tls, &trace));
        let options = Answer::parse(&options).and_then(|answer| web::check_options(&self.place, request, &answer));
        let trace = Answer::parse(&trace).and_then(|answer| web::check_trace(&self.place, request, &answer));
        self.report.findings.extend(options.into_iter().chain(trace));
    }

    /// Asks for a page that does not exist, which is given back, and then for files that should not.
    async fn files(&mut self, request: &Request, is_tls: bool) -> Option<Answer> {
        let of_nothing = self.get(&request.at(NOTHING), is_tls).await;
        if let Some(answer) = &of_nothing {
            self.report.findings.extend(web::check_error_page(&self.place, answer));
        }
        for files in FILES.chunks(FILES_AT_ONCE) {
            let visit = &*self;
            let asked = files.iter().map(|file| {
                let request = request.at(file.path);
                async move { visit.get(&request, is_tls).await }
            });
            for (file, answer) in files.iter().zip(join_all(asked).await) {
                if let Some(proof) = answer.and_then(|answer| file.proof(&answer, of_nothing.as_ref())) {
                    let evidence = format!("GET {}: 200, {proof}", file.path);
                    self.report.findings.push(file.rule.finding(&self.place, Part::Path(file.path), &evidence));
                }
            }
        }
        if is_tls && let Some(answer) = self.get(&request.at(SECURITY_TXT), is_tls).await {
            self.report.findings.extend(web::check_security_txt(&self.place, &answer));
        }
        of_nothing
    }

    /// Services that speak HTTP and let everybody in.
    async fn web_services(&mut self, request: &Request, answer: &Answer, is_tls: bool) {
        if let Some(proof) = exposures::elasticsearch(answer) {
            self.find(&rules::ELASTICSEARCH_NO_AUTH, &proof);
        }
        let Some(version) = self.get(&request.at(DOCKER.path), is_tls).await else { return };
        if let Some(proof) = DOCKER.proof(&version, None) {
            self.find(DOCKER.rule, &proof);
        }
        if let Some(proof) = ETCD.proof(&version, None) {
            let body = exposures::ETCD_COUNT_BODY;
            let header = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
            let mut post = request.at(exposures::ETCD_COUNT_PATH).bytes("POST", &header);
            post.extend_from_slice(body.as_bytes());
            let answer = Answer::parse(&self.fetch(is_tls, &post).await);
            if let Some(count) = answer.as_ref().and_then(exposures::etcd_count) {
                self.find(ETCD.rule, &format!("{proof}, {count}"));
            }
        }
    }

    async fn get(&self, request: &Request, is_tls: bool) -> Option<Answer> {
        Answer::parse(&self.fetch(is_tls, &request.bytes("GET", "")).await)
    }

    /// One request on a connection of its own.
    pub(super) async fn fetch(&self, is_tls: bool, request: &[u8]) -> Vec<u8> {
        let answer = self.exchange(is_tls, request).await;
        self.requests.fetch_add(1, Ordering::Relaxed);
        if Answer::parse(&answer).is_none_or(|answer| answer.says_nothing()) {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    async fn exchange(&self, is_tls: bool, request: &[u8]) -> Vec<u8> {
        if is_tls {
            match tls::open(self.address(), &self.probe.host, ANSWER).await {
                Opened::Session(mut session) => read_answer(&mut session, request, FILE_BYTES).await,
                Opened::Failed | Opened::Silent => Vec::new(),
            }
        } else {
            match net::connect(self.address(), ANSWER).await {
                Ok(mut stream) => read_answer(&mut stream, request, FILE_BYTES).await,
                Err(_) => Vec::new(),
            }
        }
    }
}
