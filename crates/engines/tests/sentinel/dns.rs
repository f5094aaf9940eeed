//! DNS policies of a domain, against a DNS server of our own on loopback.

use crate::common::{LOOPBACK, job, run};
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CAA, MX, NS, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use scanyard_contract::Finding;
use scanyard_engines::job::{Dns, Outcome, Report};
use scanyard_engines::policy::Policy;
use scanyard_engines::resolve::Resolver;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// A zone and whether it is given to everybody.
struct Zone {
    records: Vec<Record>,
    is_open: bool,
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 60, data)
}

fn txt(owner: &str, text: &str) -> Record {
    record(owner, RData::TXT(TXT::new(vec![text.to_string()])))
}

/// SOA, name server and its address: what every zone has.
fn zone(domain: &str) -> Vec<Record> {
    let soa = SOA::new(name("ns1.example.test"), name("admin.example.test"), 1, 60, 60, 60, 60);
    vec![
        record(domain, RData::SOA(soa)),
        record(domain, RData::NS(NS(name("ns1.example.test")))),
        record("ns1.example.test", RData::A(A(Ipv4Addr::LOCALHOST))),
    ]
}

impl Zone {
    fn answer(&self, bytes: &[u8], is_tcp: bool) -> Vec<u8> {
        let query = Message::from_vec(bytes).unwrap();
        let question = query.queries[0].clone();
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_available = true;
        answer.add_query(question.clone());
        if question.query_type == RecordType::AXFR {
            if self.is_open && is_tcp {
                answer.add_answers(self.records.clone());
                answer.add_answer(self.records[0].clone());
            } else {
                answer.metadata.response_code = ResponseCode::Refused;
            }
        } else {
            let is_asked =
                |record: &&Record| record.name == question.name && record.data.record_type() == question.query_type;
            answer.add_answers(self.records.iter().filter(is_asked).cloned());
            if !self.records.iter().any(|record| record.name == question.name) {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
        }
        answer.to_vec().unwrap()
    }

    /// Answers over UDP and TCP on one port of loopback.
    async fn serve(self) -> SocketAddr {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(address).await.unwrap();
        let zone = Arc::new(self);
        let of_tcp = zone.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(over_tcp(of_tcp.clone(), stream));
            }
        });
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((n, peer)) = socket.recv_from(&mut buffer).await {
                let _ = socket.send_to(&zone.answer(&buffer[..n], false), peer).await;
            }
        });
        address
    }
}

async fn over_tcp(zone: Arc<Zone>, mut stream: TcpStream) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let answer = zone.answer(&query, true);
        let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

/// A port that is bound and does not listen: the host is reached, and nothing is open there.
fn closed_port() -> (u16, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(LOOPBACK, 0).into()).unwrap();
    (socket.local_addr().unwrap().as_socket().unwrap().port(), socket)
}

async fn scan(target: &str, server: SocketAddr, policy: Policy) -> Report {
    let (port, _bound) = closed_port();
    let mut job = job(target, json!({"ports": port.to_string()}));
    job.dns = Some(Dns { resolver: Resolver::new(&[server]).unwrap(), policy });
    run(job).await
}

/// Rules, each with the record that it is about.
fn found(findings: &[Finding]) -> Vec<String> {
    let mut rules: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {}", finding.rule_id, finding.location.parameter.as_deref().unwrap_or_default()))
        .collect();
    rules.sort();
    rules
}

fn dns_of(report: &Report) -> Value {
    let raw: Value = serde_json::from_slice(&report.raw.as_ref().unwrap().bytes).unwrap();
    raw["dns"].clone()
}

#[tokio::test]
async fn a_careless_domain_has_every_fault() {
    let mut records = zone("example.test");
    records.push(record("example.test", RData::MX(MX::new(10, name("mail.example.test")))));
    records.push(txt("example.test", "a-proof-of-ownership=abc"));
    let server = Zone { records, is_open: true }.serve().await;
    let report = scan("example.test", server, Policy::operator()).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(
        found(&report.findings),
        [
            "dns-missing-caa example.test",
            "dns-missing-dmarc _dmarc.example.test",
            "dns-missing-mta-sts _mta-sts.example.test",
            "dns-missing-spf example.test",
            "dns-open-zone-transfer ns1.example.test"
        ]
    );
    let transfer = report.findings.iter().find(|finding| finding.rule_id == "dns-open-zone-transfer").unwrap();
    assert!(transfer.evidence.as_deref().unwrap().starts_with("AXFR gave 6 records, among them:\nexample.test"));
    assert_eq!(transfer.location.port, Some(server.port()));
    assert!(!dns_of(&report).to_string().contains("a-proof-of-ownership"));
}

#[tokio::test]
async fn a_careful_domain_has_none() {
    let mut records = zone("example.test");
    records.extend([
        record("example.test", RData::MX(MX::new(10, name("mail.example.test")))),
        record("example.test", RData::CAA(CAA::new_issue(false, Some(name("ca.example.test")), vec![]))),
        txt("example.test", "v=spf1 mx -all"),
        txt("_dmarc.example.test", "v=DMARC1; p=reject"),
        txt("_mta-sts.example.test", "v=STSv1; id=1"),
    ]);
    let server = Zone { records, is_open: false }.serve().await;
    let report = scan("example.test", server, Policy::operator()).await;
    assert_eq!(found(&report.findings), Vec::<String>::new());
    let dns = dns_of(&report);
    assert_eq!((&dns["isZone"], &dns["txt"]), (&json!(true), &json!(["v=spf1 mx -all"])));
    assert_eq!(dns["troubles"], json!([]));
}

#[tokio::test]
async fn half_measures_have_rules_of_their_own() {
    let mut records = zone("example.test");
    records.extend([txt("example.test", "v=spf1 mx ?all"), txt("_dmarc.example.test", "v=DMARC1; p=none")]);
    let server = Zone { records, is_open: false }.serve().await;
    let report = scan("example.test", server, Policy::operator()).await;
    let expected = [
        "dns-dmarc-not-enforced _dmarc.example.test",
        "dns-missing-caa example.test",
        "dns-spf-allows-all example.test",
    ];
    assert_eq!(found(&report.findings), expected);
}

#[tokio::test]
async fn a_host_of_a_domain_is_not_asked_for_mail_and_inherits_caa() {
    let mut records = zone("example.test");
    records.push(record("example.test", RData::CAA(CAA::new_issue(false, None, vec![]))));
    records.push(record("app.example.test", RData::A(A(Ipv4Addr::LOCALHOST))));
    let server = Zone { records, is_open: true }.serve().await;
    let report = scan("app.example.test", server, Policy::operator()).await;
    assert_eq!(found(&report.findings), Vec::<String>::new());
    assert_eq!(dns_of(&report)["isZone"], json!(false));
}

#[tokio::test]
async fn a_name_server_that_the_policy_forbids_is_not_asked() {
    let server = Zone { records: zone("example.test"), is_open: true }.serve().await;
    let report = scan("example.test", server, Policy::default()).await;
    assert!(!found(&report.findings).iter().any(|rule| rule.starts_with("dns-open")), "{:?}", report.findings);
    let troubles = dns_of(&report)["troubles"].to_string();
    assert!(troubles.contains("ns1.example.test was not asked"), "{troubles}");
    let told = report.findings.iter().find(|finding| finding.rule_id == "dns-partly-checked").unwrap();
    assert!(told.evidence.as_deref().unwrap().contains("ns1.example.test was not asked"), "{told:?}");
}

#[tokio::test]
async fn dns_that_does_not_answer_is_told_of_and_no_more_is_said() {
    // Bound, so that nobody else takes the port, and never read.
    let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let report = scan("example.test", socket.local_addr().unwrap(), Policy::operator()).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(found(&report.findings), ["dns-partly-checked "]);
    assert!(report.findings[0].evidence.as_deref().unwrap().contains("timed out"), "{:?}", report.findings);
    assert_ne!(dns_of(&report)["troubles"], json!([]));
}

#[tokio::test]
async fn an_address_has_no_dns_and_the_check_can_be_left_out() {
    let server = Zone { records: zone("example.test"), is_open: true }.serve().await;
    let (port, _bound) = closed_port();
    let mut job = job("example.test", json!({"ports": port.to_string(), "checks": ["tls"]}));
    job.dns = Some(Dns { resolver: Resolver::new(&[server]).unwrap(), policy: Policy::operator() });
    assert_eq!(dns_of(&run(job).await), Value::Null);
    let report = scan(&IpAddr::V4(Ipv4Addr::LOCALHOST).to_string(), server, Policy::operator()).await;
    assert_eq!(dns_of(&report), Value::Null);
}
