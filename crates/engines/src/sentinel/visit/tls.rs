//! TLS behind a port: versions, suites, certificates.

use super::{ANSWER, Visit, read_answer};
use crate::sentinel::certificate::Certificate;
use crate::sentinel::chain;
use crate::sentinel::hello::{Reply, Version};
use crate::sentinel::http::{ANSWER_BYTES, Request};
use crate::sentinel::options::Check;
use crate::sentinel::rules::{self, Rule};
use crate::sentinel::suites::{self, Kind};
use crate::sentinel::tls::{self, Opened};
use futures::future::join_all;

/// The least size of a Diffie-Hellman group.
const DH_BITS_MIN: usize = 2048;

/// Faulty kinds of suites. Old ones are asked for in the oldest version that the server takes: newer ones forbid them.
const FAULTS: &[(Kind, &Rule)] = &[
    (Kind::Null, &rules::TLS_NULL),
    (Kind::Anonymous, &rules::TLS_ANONYMOUS),
    (Kind::Export, &rules::TLS_EXPORT),
    (Kind::Rc4, &rules::TLS_RC4),
    (Kind::Block64, &rules::TLS_3DES),
];

impl Visit<'_> {
    /// Inspects TLS and the web server inside it; `false` when nobody speaks TLS there.
    pub(super) async fn tls(&mut self) -> bool {
        let (session, mut chain) = match tls::open(self.address(), &self.probe.host, ANSWER).await {
            Opened::Session(session) => {
                let (suite, chain) = tls::describe(&session);
                self.report.tls_suite = suite;
                (Some(session), chain)
            }
            Opened::Silent => return false,
            Opened::Failed => {
                let reply = self.hello(Version::Tls12, Kind::Usual).await;
                if !reply.is_tls() {
                    return false;
                }
                self.report.tls_suite = reply.chosen.map(|(_, suite)| suites::name(suite));
                (None, reply.certificates)
            }
        };
        self.place.service = Some("tls".to_string());
        let request = match self.probe.url {
            Some(url) => Request::of(url),
            None => Request::root(&self.probe.host, self.address().port(), true),
        };
        let mut page = Vec::new();
        // The session ends here: a server that serves one client at a time is free for the next questions.
        if let Some(mut session) = session
            && (self.probe.url.is_some() || self.wants(Check::Http))
        {
            page = read_answer(&mut session, &request.bytes("GET", ""), ANSWER_BYTES).await;
        }
        if self.wants(Check::Tls) {
            let replies = self.tls_versions().await;
            if chain.is_empty() {
                // What only speaks an old version shows its certificate there.
                chain = replies
                    .into_iter()
                    .rev()
                    .map(|reply| reply.certificates)
                    .find(|c| !c.is_empty())
                    .unwrap_or_default();
            }
            self.certificates(&chain);
            self.tls_suites().await;
        }
        self.web(&request, &page, true).await;
        true
    }

    async fn hello(&self, version: Version, kind: Kind) -> Reply {
        tls::ask(self.address(), &self.probe.host, version, &kind.suites(), ANSWER).await
    }

    fn certificates(&mut self, chain: &[Vec<u8>]) {
        self.report.certificate = chain.first().and_then(|der| Certificate::parse(der));
        if let Some(certificate) = &self.report.certificate {
            self.report.findings.extend(certificate.check(&self.place, self.probe.now));
            self.report.findings.extend(chain::check(&self.place, chain, self.probe.now));
        }
    }

    /// Asks for each version alone; the answers, oldest version first.
    async fn tls_versions(&mut self) -> Vec<Reply> {
        let ask = |version| self.hello(version, if version == Version::Tls13 { Kind::Tls13 } else { Kind::Usual });
        let replies = join_all(Version::ALL.map(ask)).await;
        for (version, reply) in Version::ALL.into_iter().zip(&replies) {
            let is_accepted = reply.accepts(version);
            if is_accepted {
                self.report.tls_versions.push(version.as_str());
            }
            let rule = match version {
                Version::Ssl3 => &rules::TLS_SSL_3,
                Version::Tls10 => &rules::TLS_1_0,
                Version::Tls11 => &rules::TLS_1_1,
                Version::Tls12 => continue,
                Version::Tls13 => &rules::TLS_NO_1_3,
            };
            match reply.chosen.filter(|_| is_accepted) {
                Some((_, suite)) if version != Version::Tls13 => {
                    self.find(rule, &format!("the server chose {} with {}", version.as_str(), suites::name(suite)));
                }
                None if version == Version::Tls13 => {
                    let accepted = self.report.tls_versions.join(", ");
                    self.find(
                        rule,
                        &format!("accepted: {}", if accepted.is_empty() { "none asked for" } else { &accepted }),
                    );
                }
                Some(_) | None => {}
            }
        }
        replies
    }

    /// Asks for each kind of suites alone, as far as versions before 1.3 are taken at all.
    async fn tls_suites(&mut self) {
        let accepts = |version: &Version| self.report.tls_versions.contains(&version.as_str());
        let old = &Version::ALL[..4];
        // A server that has no usual suite may still have a faulty one.
        let lowest = old.iter().copied().find(accepts).unwrap_or(Version::Tls10);
        let highest = old.iter().copied().rfind(accepts).unwrap_or(Version::Tls12);
        let has_13 = accepts(&Version::Tls13);
        if has_13 && !old.iter().any(accepts) {
            return;
        }
        let faults = join_all(FAULTS.iter().map(async |(kind, _)| {
            let version = if matches!(kind, Kind::Export | Kind::Block64) { lowest } else { highest };
            self.hello(version, *kind).await
        }))
        .await;
        for ((kind, rule), reply) in FAULTS.iter().zip(faults) {
            if let Some((_, suite)) = reply.chosen.filter(|(_, suite)| kind.contains(*suite)) {
                self.find(rule, &format!("the server chose {}", suites::name(suite)));
            }
        }
        let (aead, secret, dhe) = tokio::join!(
            self.hello(highest, Kind::Aead),
            self.hello(highest, Kind::ForwardSecret),
            self.hello(highest, Kind::Dhe),
        );
        let has_usual = self.report.tls_versions.contains(&highest.as_str());
        // Only a refusal is an answer: silence may have other reasons.
        if highest == Version::Tls12 && has_usual && !has_13 && aead.is_refusal() {
            self.find(&rules::TLS_CBC_ONLY, "a handshake with authenticated encryption alone was refused");
        }
        if has_usual && !has_13 && secret.is_refusal() {
            self.find(&rules::TLS_NO_FORWARD_SECRECY, "a handshake with ECDHE and DHE suites alone was refused");
        }
        if let Some(bits) = dhe.dh_bits.filter(|bits| *bits < DH_BITS_MIN) {
            self.find(&rules::TLS_WEAK_DH, &format!("a group of {bits} bits"));
        }
    }
}
