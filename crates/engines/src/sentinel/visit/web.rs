//! The web server behind a port.

use super::{ANSWER, Visit, read_answer};
use crate::sentinel::http::{Answer, Request};
use crate::sentinel::options::Check;
use crate::sentinel::tls::{self, Opened};
use crate::sentinel::{net, web};

impl Visit<'_> {
    /// Takes the answer to a GET, and asks for the methods.
    pub(super) async fn web(&mut self, request: &Request, bytes: &[u8], is_tls: bool) {
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
    pub(super) async fn fetch(&self, is_tls: bool, request: &[u8]) -> Vec<u8> {
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
