//! What DNS says of a domain: who may issue certificates for it, who may send mail as it, and whether its name servers
//! give the whole zone away.

mod policy;
mod transfer;

use super::found::{Found, Part, lock};
use super::rules::{self, Rule};
use crate::job::{Dns, Job};
use crate::resolve::Record;
use crate::target::Target;
use policy::{Dmarc, Spf};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

/// How long one look-up may take.
const LOOKUP: Duration = Duration::from_secs(8);
/// How long all of DNS may take.
const ALL: Duration = Duration::from_secs(40);
const DNS_PORT: u16 = 53;
/// Name servers that are asked for the zone, and addresses of each.
const MAX_SERVERS: usize = 8;
const MAX_ADDRESSES: usize = 4;

/// What DNS said; a list that is absent was not asked for, or had no answer.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DnsReport {
    /// The name has an SOA record of its own: it is a domain and no mere host.
    pub is_zone: bool,
    pub caa: Option<Vec<String>>,
    pub txt: Option<Vec<String>>,
    pub dmarc: Option<Vec<String>>,
    pub mx: Option<Vec<String>>,
    pub mta_sts: Option<Vec<String>>,
    pub name_servers: Option<Vec<String>>,
    /// Look-ups without an answer, and name servers that were not asked, with the reason.
    pub troubles: Vec<String>,
}

/// Asks DNS about the target, when it is a name.
pub async fn inspect(job: &Job, found: &Mutex<Found>) {
    let (Target::Host(name), Some(dns)) = (&job.target, &job.dns) else { return };
    lock(found).dns = Some(DnsReport::default());
    let inspection = Inspection { job, dns, name, found };
    if tokio::time::timeout(ALL, inspection.run()).await.is_err() {
        inspection.trouble(format!("no end within {} s", ALL.as_secs()));
    }
    let mut found = lock(found);
    let troubles = found.dns.as_ref().map(|report| report.troubles.join("\n")).filter(|troubles| !troubles.is_empty());
    if let Some(troubles) = troubles {
        found.collected.add(rules::DNS_PARTLY_CHECKED.of_domain(name, None, Part::Whole, &troubles));
    }
}

struct Inspection<'a> {
    job: &'a Job,
    dns: &'a Dns,
    name: &'a str,
    found: &'a Mutex<Found>,
}

impl Inspection<'_> {
    async fn run(&self) {
        self.caa().await;
        let is_zone = self.records(self.name, Record::Soa).await.is_some_and(|found| !found.is_empty());
        self.note(|report| report.is_zone = is_zone);
        // A host of a domain has neither mail nor servers of its own; most names of the world are such hosts.
        if is_zone {
            tokio::join!(self.spf(), self.dmarc(), self.mta_sts(), self.transfers());
        }
    }

    fn note(&self, note: impl FnOnce(&mut DnsReport)) {
        note(lock(self.found).dns.get_or_insert_default());
    }

    fn trouble(&self, trouble: String) {
        self.note(|report| report.troubles.push(trouble));
    }

    fn find(&self, rule: &Rule, record: &str, evidence: &str) {
        lock(self.found).collected.add(rule.of_domain(self.name, None, Part::Record(record), evidence));
    }

    /// The records of a name; `None` when there was no answer, which is no finding.
    async fn records(&self, name: &str, record: Record) -> Option<Vec<String>> {
        match self.dns.resolver.records(name, record, LOOKUP).await {
            Ok(records) => Some(records),
            Err(fault) => {
                self.trouble(format!("{record:?}: {fault}"));
                None
            }
        }
    }

    /// The nearest CAA records, of the name or of one above it, count.
    async fn caa(&self) {
        let mut name = self.name;
        let mut records = Vec::new();
        while records.is_empty() {
            let Some(found) = self.records(name, Record::Caa).await else { return };
            records = found;
            match name.split_once('.') {
                Some((_, above)) if above.contains('.') => name = above,
                Some(_) | None => break,
            }
        }
        if records.is_empty() {
            self.find(&rules::DNS_NO_CAA, self.name, "no CAA record of the name or of a domain above it");
        }
        self.note(|report| report.caa = Some(records));
    }

    async fn spf(&self) {
        let Some(records) = self.records(self.name, Record::Txt).await else { return };
        match policy::spf(&records) {
            Spf::None => self.find(&rules::DNS_NO_SPF, self.name, "no TXT record begins with v=spf1"),
            Spf::Several => self.find(&rules::DNS_NO_SPF, self.name, "several SPF records, so receivers use none"),
            Spf::AllowsAll(record) => self.find(&rules::DNS_SPF_ALLOWS_ALL, self.name, record),
            Spf::Limits => {}
        }
        // Other texts are proofs of ownership for third parties and stay out of the report.
        let own = records.into_iter().filter(|text| policy::is_spf(text)).collect();
        self.note(|report| report.txt = Some(own));
    }

    async fn dmarc(&self) {
        let name = format!("_dmarc.{}", self.name);
        let Some(records) = self.records(&name, Record::Txt).await else { return };
        match policy::dmarc(&records) {
            Dmarc::None => self.find(&rules::DNS_NO_DMARC, &name, "no TXT record begins with v=DMARC1"),
            Dmarc::Several => self.find(&rules::DNS_NO_DMARC, &name, "several DMARC records, so receivers use none"),
            Dmarc::WatchesOnly(record) => self.find(&rules::DNS_DMARC_NONE, &name, record),
            Dmarc::Enforced => {}
        }
        self.note(|report| report.dmarc = Some(records));
    }

    async fn mta_sts(&self) {
        let Some(servers) = self.records(self.name, Record::Mx).await else { return };
        // A null MX (RFC 7505) takes no mail.
        let takes_mail = servers.iter().any(|server| !server.is_empty());
        self.note(|report| report.mx = Some(servers));
        let name = format!("_mta-sts.{}", self.name);
        if !takes_mail {
            return;
        }
        let Some(records) = self.records(&name, Record::Txt).await else { return };
        if !records.iter().any(|text| text.starts_with("v=STSv1")) {
            self.find(&rules::DNS_NO_MTA_STS, &name, "the domain takes mail; no TXT record begins with v=STSv1");
        }
        self.note(|report| report.mta_sts = Some(records));
    }

    async fn transfers(&self) {
        let Some(servers) = self.records(self.name, Record::Ns).await else { return };
        for server in servers.iter().take(MAX_SERVERS) {
            for address in self.addresses_of(server).await {
                if let Some(zone) = transfer::ask(address, self.name).await {
                    let rule = &rules::DNS_OPEN_TRANSFER;
                    let finding = rule.of_domain(self.name, Some(address), Part::Record(server), &zone.evidence());
                    lock(self.found).collected.add(finding);
                }
            }
        }
        self.note(|report| report.name_servers = Some(servers));
    }

    /// Where a name server may be asked: what is in its records is the domain owner's word, and no leave to connect.
    async fn addresses_of(&self, server: &str) -> Vec<SocketAddr> {
        let addresses = match self.dns.resolver.lookup(server, LOOKUP).await {
            Ok(addresses) => addresses,
            Err(fault) => {
                self.trouble(fault.to_string());
                return Vec::new();
            }
        };
        let mut allowed = Vec::new();
        for ip in addresses.into_iter().take(MAX_ADDRESSES) {
            match self.dns.policy.check_addresses(&self.job.target, &[ip]) {
                Ok(()) => {
                    // A server of the operator's own list may listen elsewhere.
                    let listed = self.dns.resolver.servers().iter().find(|listed| listed.ip() == ip);
                    allowed.push(listed.copied().unwrap_or(SocketAddr::new(ip, DNS_PORT)));
                }
                Err(refusal) => self.trouble(format!("{server} was not asked for the zone: {refusal}")),
            }
        }
        allowed
    }
}
