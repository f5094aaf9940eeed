//! The command line and a server with a certificate of a private authority.

use crate::support::{Server, fail, run, wait_until};
use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::path::Path;

/// Writes a certificate for 127.0.0.1 and its key; gives the file with the authority's own.
fn certify(dir: &Path, authority: &str) -> String {
    let issuer = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, authority);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = dir.join(authority);
    std::fs::write(&ca, params.self_signed(&issuer).unwrap().pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap();
    let cert = leaf.signed_by(&key, &Issuer::new(params, issuer)).unwrap();
    std::fs::write(dir.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    ca.to_str().unwrap().to_string()
}

#[test]
fn a_server_with_tls_is_asked_with_its_authority_and_renews_its_certificate() {
    let files = tempfile::tempdir().unwrap();
    let ca = certify(files.path(), "first");
    let path = |name: &str| files.path().join(name).to_str().unwrap().to_string();
    let tls = ["--tls-cert", &path("cert.pem"), "--tls-key", &path("key.pem")];
    let server = Server::start_with(tempfile::tempdir().unwrap(), &tls);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let ask = |ca: &str| {
        run(&["engines", "--server", &server.url, "--key", &server.key, "--ca-file", ca, "--retries", "0"]).1
    };
    assert_eq!(ask(&ca), 0);
    let strange = fail(&["engines", "--server", &server.url, "--key", &server.key, "--retries", "0"]);
    assert_eq!(strange.1, 5, "{}", strange.0);

    let renewed = certify(files.path(), "second");
    assert_eq!(ask(&renewed), 5);
    server.signal(Signal::SIGHUP);
    wait_until("the certificate is not renewed", || ask(&renewed) == 0);
    // A broken one is not taken, and the server goes on.
    std::fs::write(files.path().join("key.pem"), "").unwrap();
    server.signal(Signal::SIGHUP);
    assert_eq!(ask(&renewed), 0);
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_server_without_a_certificate_outlives_a_sighup() {
    let server = Server::start();
    server.signal(Signal::SIGHUP);
    let (text, code) = run(&["engines", "--server", &server.url, "--key", &server.key, "--retries", "0"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_file_that_holds_no_authority_is_a_usage_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    let (text, code) = fail(&["engines", "--server", "https://127.0.0.1:1", "--ca-file", file]);
    assert_eq!(code, 2);
    assert!(text.contains("holds none in PEM"), "{text}");
}
