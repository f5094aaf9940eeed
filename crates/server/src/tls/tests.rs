//! Certificates and keys as an operator hands them over.

use super::*;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

struct Files {
    dir: tempfile::TempDir,
    settings: config::Tls,
}

/// A fit certificate with its key.
fn files() -> Files {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let (pem, private) = made(2020, 2120);
    std::fs::write(&cert, pem).unwrap();
    std::fs::write(&key, private).unwrap();
    let settings = config::Tls { cert: Some(cert), key: Some(key), ..config::Tls::default() };
    Files { dir, settings }
}

fn made(from: i32, until: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["scan.example.test".to_string()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn problems(settings: &config::Tls) -> Vec<String> {
    Tls::load(settings).unwrap_err().0
}

#[test]
fn a_certificate_with_its_key_is_taken_and_nothing_is_nothing() {
    assert!(Tls::load(&files().settings).unwrap().is_some());
    assert!(Tls::load(&config::Tls::default()).unwrap().is_none());
}

#[test]
fn files_that_are_missing_are_both_named() {
    let files = files();
    let gone = |name: &str| Some(files.dir.path().join(name));
    let found = problems(&config::Tls { cert: gone("a.pem"), key: gone("b.pem"), ..files.settings.clone() });
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("tls.cert: ") && found[0].contains("a.pem: No such file"), "{found:?}");
    assert!(found[1].starts_with("tls.key: ") && found[1].contains("b.pem: No such file"), "{found:?}");
}

#[test]
fn a_file_without_what_it_should_hold_is_named() {
    let files = files();
    let swapped =
        config::Tls { cert: files.settings.key.clone(), key: files.settings.cert.clone(), ..files.settings.clone() };
    let found = problems(&swapped);
    assert!(found[0].contains("holds no certificate in PEM"), "{found:?}");
    assert!(found[1].contains("holds no private key in PEM"), "{found:?}");
    let key = files.settings.key.clone().unwrap();
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(&key, locked).unwrap();
    assert!(problems(&files.settings)[0].contains("passphrase"));
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAA!A\n").unwrap();
    assert!(problems(&files.settings)[0].contains("is not PEM"), "{:?}", problems(&files.settings));
    std::fs::write(
        files.settings.cert.as_ref().unwrap(),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    std::fs::write(&key, made(2020, 2120).1).unwrap();
    assert!(problems(&files.settings)[0].contains("cert.pem"), "{:?}", problems(&files.settings));
}

#[test]
fn the_key_of_another_certificate_is_refused() {
    let files = files();
    std::fs::write(files.settings.key.as_ref().unwrap(), made(2020, 2120).1).unwrap();
    let found = problems(&files.settings);
    assert!(found[0].contains("key.pem is not the key of the first certificate in"), "{found:?}");
}

#[test]
fn what_clients_will_not_take_is_warned_of() {
    let at = |year: i64| UNIX_EPOCH + Duration::from_secs(((year - 1970) * 31_556_952 + 20 * 86_400) as u64);
    let warnings = |now| {
        let (pem, _) = made(2030, 2035);
        leaf_warnings(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap(), now).join("")
    };
    assert!(warnings(at(2029)).contains("not valid before"));
    assert_eq!(warnings(at(2031)), "");
    assert!(warnings(at(2035)).contains("has expired"));
    assert!(warnings(at(2035) - Duration::from_secs(25 * 86_400)).contains("expires soon"));
}

#[test]
fn a_key_that_everybody_can_read_is_warned_of() {
    let files = files();
    let key = files.settings.key.as_ref().unwrap();
    let warning = |mode| {
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(mode)).unwrap();
        open_key_warning(key)
    };
    assert!(warning(0o644).unwrap().contains("mode 644"));
    assert_eq!(warning(0o640), None);
}

#[test]
fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let files = files();
    let tls = Tls::load(&files.settings).unwrap().unwrap();
    let in_use = || Arc::as_ptr(&tls.current.read().unwrap());
    let first = in_use();
    tls.reload().unwrap();
    let second = in_use();
    assert_ne!(first, second);
    std::fs::write(files.settings.key.as_ref().unwrap(), "").unwrap();
    assert!(tls.reload().is_err());
    assert_eq!(in_use(), second);
}
