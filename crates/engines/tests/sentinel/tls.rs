//! What TLS servers of all ages offer: toys of our own, and OpenSSL's held against the ground truth of the samples.

use crate::common::{answering, job, ports, rules_of, run};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A toy that speaks TLS up to `best`, takes the first suite of its list that is offered, and shows a certificate.
async fn toy(worst: u8, best: u8, suites: &'static [u16]) -> SocketAddr {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap().self_signed(&key).unwrap();
    let der = certificate.der().to_vec();
    answering(move |request| {
        let refusal = vec![21, 3, 1, 0, 2, 2, 40];
        if request.first() != Some(&22) {
            return refusal;
        }
        let version = request[10].min(best);
        let suites_at = 44 + usize::from(request[43]);
        let length = usize::from(u16::from_be_bytes([request[suites_at], request[suites_at + 1]]));
        let offered: Vec<u16> = request[suites_at + 2..suites_at + 2 + length]
            .chunks(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        let Some(suite) = suites.iter().find(|suite| offered.contains(suite)).filter(|_| version >= worst) else {
            return refusal;
        };
        server_flight(version, *suite, &der)
    })
    .await
}

/// ServerHello, Certificate, for DHE suites a group of 1024 bits, ServerHelloDone.
fn server_flight(version: u8, suite: u16, der: &[u8]) -> Vec<u8> {
    let length = |n: usize| [(n >> 16) as u8, (n >> 8) as u8, n as u8];
    let hello = [&[3, version][..], &[7; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
    let chain = [&length(der.len() + 3)[..], &length(der.len()), der].concat();
    let group = [&[0, 128, 0xff][..], &[1; 127], &[0, 1, 2, 0, 1, 3, 0, 0]].concat();
    let mut messages = Vec::new();
    for (kind, body) in [(2, hello), (11, chain), (12, group), (14, Vec::new())] {
        if kind == 12 && suite != 0x0033 {
            continue;
        }
        messages.push(kind);
        messages.extend(length(body.len()));
        messages.extend(body);
    }
    [&[22, 3, version.min(1)][..], &length(messages.len())[1..], &messages].concat()
}

/// Rules of the port that are about TLS.
async fn tls_rules(address: SocketAddr) -> Vec<String> {
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    rules_of(&report.findings, address).into_iter().filter(|rule| rule.starts_with("tls-")).collect()
}

#[tokio::test]
async fn a_server_that_knows_tls_1_0_only_shows_its_version_and_certificate() {
    let address = toy(1, 1, &[0xc014]).await;
    assert_eq!(tls_rules(address).await, ["tls-certificate-self-signed", "tls-no-1.3", "tls-version-1.0"]);
}

#[tokio::test]
async fn ssl_3_and_its_suites_are_found_where_openssl_cannot_go() {
    let address = toy(0, 0, &[0x0001, 0x0003, 0x0018, 0x0005, 0x000a]).await;
    assert_eq!(
        tls_rules(address).await,
        [
            "tls-certificate-self-signed",
            "tls-cipher-3des",
            "tls-cipher-anonymous",
            "tls-cipher-export",
            "tls-cipher-null",
            "tls-cipher-rc4",
            "tls-no-1.3",
            "tls-no-forward-secrecy",
            "tls-version-ssl-3.0"
        ]
    );
}

#[tokio::test]
async fn cbc_alone_and_a_small_group_are_found() {
    let address = toy(3, 3, &[0x0033, 0x002f]).await;
    assert_eq!(tls_rules(address).await, ["tls-cbc-only", "tls-certificate-self-signed", "tls-no-1.3", "tls-weak-dh"]);
    let address = toy(3, 3, &[0x009c]).await;
    assert_eq!(tls_rules(address).await, ["tls-certificate-self-signed", "tls-no-1.3", "tls-no-forward-secrecy"]);
}

/// OpenSSL's own server; it ends with this value.
struct OpenSsl {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl OpenSsl {
    fn start(certificate: &[&str], server: &[&str]) -> OpenSsl {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let made = openssl()
            .args(["req", "-x509", "-nodes", "-keyout", &path("key"), "-out", &path("certificate")])
            .args(certificate)
            .output()
            .expect("openssl is missing: apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = openssl()
            .args(["s_server", "-www", "-accept", &address.to_string()])
            .args(["-key", &path("key"), "-cert", &path("certificate")])
            .args(server)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is missing: apt-get install openssl");
        let server = OpenSsl { child, address, _dir: dir };
        server.wait();
        server
    }

    /// Waits until it listens, by asking for a connection again and again.
    fn wait(&self) {
        for _ in 0..500 {
            if std::net::TcpStream::connect(self.address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("openssl s_server does not listen");
    }
}

fn openssl() -> Command {
    let mut command = Command::new("openssl");
    command.env("OPENSSL_CONF", "/dev/null");
    command
}

/// Versions that a server of the samples accepted, by OpenSSL's client: a line without a suite is a refusal.
fn truth(port: &str) -> Vec<&'static str> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/sentinel/tls-truth.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let names = [("tls1", "TLS 1.0"), ("tls1_1", "TLS 1.1"), ("tls1_2", "TLS 1.2"), ("tls1_3", "TLS 1.3")];
    let mut accepted = Vec::new();
    for line in text.lines().filter(|line| line.starts_with(port)) {
        let asked = line.split([' ', ':']).nth(1).unwrap();
        let (_, name) = names.iter().find(|(word, _)| *word == asked).unwrap();
        if !line.contains("(NONE)") {
            accepted.push(*name);
        }
    }
    accepted
}

async fn held_against_the_truth(port: &str, server: &OpenSsl) -> Vec<String> {
    let report = run(job("127.0.0.1", json!({"ports": ports(&[server.address])}))).await;
    let raw: Value = serde_json::from_slice(&report.raw.unwrap().bytes).unwrap();
    assert_eq!(raw["ports"][0]["tlsVersions"], json!(truth(port)), "{raw:#}");
    rules_of(&report.findings, server.address).into_iter().filter(|rule| rule.starts_with("tls-")).collect()
}

const EVERYTHING: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

#[tokio::test(flavor = "multi_thread")]
async fn the_server_at_8443_of_the_samples_is_seen_as_it_is() {
    let certificate = ["-newkey", "rsa:2048", "-subj", "/CN=localhost", "-days", "1"];
    let names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    let range = ["-min_protocol", "TLSv1", "-max_protocol", "TLSv1.2", "-cipher", EVERYTHING];
    let server = OpenSsl::start(&[&certificate[..], &names].concat(), &range);
    assert_eq!(
        held_against_the_truth("8443", &server).await,
        [
            "tls-certificate-expires-soon",
            "tls-certificate-self-signed",
            "tls-cipher-anonymous",
            "tls-cipher-null",
            "tls-no-1.3",
            "tls-version-1.0",
            "tls-version-1.1"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_at_8444_of_the_samples_is_seen_as_it_is() {
    let certificate = ["-newkey", "rsa:2048", "-subj", "/CN=localhost", "-days", "90"];
    let names = ["-addext", "subjectAltName=IP:127.0.0.1"];
    let server = OpenSsl::start(&[&certificate[..], &names].concat(), &["-min_protocol", "TLSv1.2"]);
    assert_eq!(held_against_the_truth("8444", &server).await, ["tls-certificate-self-signed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_at_8445_of_the_samples_is_seen_as_it_is() {
    let certificate = ["-newkey", "rsa:1024", "-sha1", "-subj", "/CN=wrong.example.test", "-days", "90"];
    let only = ["-min_protocol", "TLSv1.2", "-max_protocol", "TLSv1.2", "-cipher", EVERYTHING];
    let server = OpenSsl::start(&certificate, &only);
    assert_eq!(
        held_against_the_truth("8445", &server).await,
        [
            "tls-certificate-name-mismatch",
            "tls-certificate-self-signed",
            "tls-certificate-weak-key",
            "tls-certificate-weak-signature",
            "tls-cipher-anonymous",
            "tls-cipher-null",
            "tls-no-1.3",
            "tls-weak-dh"
        ]
    );
}
