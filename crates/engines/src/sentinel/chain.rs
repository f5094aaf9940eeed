//! The chain of certificates that a server sends: order, gaps, and whether it ends at a root that this machine trusts.

use super::certificate::{Certificate, date};
use super::found::Part;
use super::port::Place;
use super::rules;
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use scanyard_contract::finding::Finding;
use std::sync::LazyLock;
use std::time::Duration;

/// The roots that this machine trusts; a machine without any judges nobody.
static ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
});

/// What is wrong with the certificates above the server's own, against the roots of this machine.
pub fn check(place: &Place, chain: &[Vec<u8>], now: i64) -> Vec<Finding> {
    check_against(place, chain, now, &ROOTS)
}

fn check_against(place: &Place, chain: &[Vec<u8>], now: i64, roots: &RootCertStore) -> Vec<Finding> {
    let Some(certificates) = chain.iter().map(|der| Certificate::parse(der)).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let Some(leaf) = certificates.first() else { return Vec::new() };
    let mut findings = Vec::new();
    let mut add = |rule: &rules::Rule, evidence: String| findings.push(rule.finding(place, Part::Whole, &evidence));
    let path = path_of(&certificates);
    if path.iter().enumerate().any(|(at, index)| at != *index) || path.len() < certificates.len() {
        let subjects: Vec<_> = certificates.iter().map(|certificate| certificate.subject.as_str()).collect();
        add(&rules::CHAIN_ORDER, format!("sent in this order:\n{}", subjects.join("\n")));
    }
    for index in path.iter().skip(1) {
        let above = &certificates[*index];
        if above.not_after < now {
            add(&rules::CHAIN_EXPIRED, format!("{}\nnot after: {}", above.subject, date(above.not_after)));
        }
    }
    let top = path.last().map_or(leaf, |index| &certificates[*index]);
    if leaf.is_self_signed || roots.is_empty() {
        return findings;
    }
    let Err(reason) = trust(chain, leaf, now, roots) else { return findings };
    match &top.issuer_at {
        Some(at) if !top.is_self_signed && !is_root(&top.issuer_der, roots) => {
            add(&rules::CHAIN_INCOMPLETE, format!("not sent: {}\nto be had at {at}", top.issuer));
        }
        Some(_) | None => add(&rules::CHAIN_UNTRUSTED, format!("the chain ends at {}: {reason}", top.issuer)),
    }
    findings
}

/// The way from the server's certificate upwards, as indices; no certificate is used twice.
fn path_of(certificates: &[Certificate]) -> Vec<usize> {
    let mut path = vec![0];
    while let Some(last) = path.last().map(|index| &certificates[*index]) {
        let is_above = |index: &usize| !path.contains(index) && certificates[*index].subject_der == last.issuer_der;
        match (0..certificates.len()).find(is_above).filter(|_| !last.is_self_signed) {
            Some(index) => path.push(index),
            None => break,
        }
    }
    path
}

/// Whether the chain holds up to a root. Its dates have rules of their own: it is judged on a day on which the
/// server's certificate is valid.
fn trust(chain: &[Vec<u8>], leaf: &Certificate, now: i64, roots: &RootCertStore) -> Result<(), rustls::Error> {
    let at = now.min(leaf.not_after).max(leaf.not_before);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or_default()));
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let Some((first, rest)) = chain.split_first() else { return Ok(()) };
    let first = ParsedCertificate::try_from(first)?;
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(&first, roots, rest, at, algorithms.all)
}

/// Whether a name is that of a root. `name` is encoded with its outer frame, which the store leaves out.
fn is_root(name: &[u8], roots: &RootCertStore) -> bool {
    roots.roots.iter().any(|root| name.ends_with(&root.subject) && name.len() <= root.subject.len() + 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

    const NOW: i64 = 1_800_000_000;

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    fn authority(name: &str) -> CertificateParams {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    struct Made {
        root: Vec<u8>,
        middle: Vec<u8>,
        leaf: Vec<u8>,
    }

    fn made(spoil: impl Fn(&mut CertificateParams, &mut CertificateParams)) -> Made {
        let root = CertifiedIssuer::self_signed(authority("A Root"), KeyPair::generate().unwrap()).unwrap();
        let (mut middle, mut leaf) = (authority("In Between"), params("a.test"));
        leaf.subject_alt_names.push(rcgen::SanType::DnsName("a.test".try_into().unwrap()));
        spoil(&mut middle, &mut leaf);
        let middle = CertifiedIssuer::signed_by(middle, KeyPair::generate().unwrap(), &root).unwrap();
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &middle).unwrap();
        Made { root: root.der().to_vec(), middle: middle.der().to_vec(), leaf: leaf.der().to_vec() }
    }

    fn rules_of(chain: &[&Vec<u8>], root: &Vec<u8>) -> Vec<String> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(root.as_slice())).unwrap();
        let chain: Vec<Vec<u8>> = chain.iter().map(|der| der.to_vec()).collect();
        let place = Place::new("a.test", "127.0.0.1:443".parse().unwrap());
        check_against(&place, &chain, NOW, &roots).into_iter().map(|finding| finding.rule_id).collect()
    }

    #[test]
    fn a_whole_chain_in_order_has_no_finding() {
        let made = made(|_, _| {});
        assert_eq!(rules_of(&[&made.leaf, &made.middle], &made.root), Vec::<String>::new());
        assert_eq!(rules_of(&[&made.leaf, &made.middle, &made.root], &made.root), Vec::<String>::new());
    }

    #[test]
    fn each_fault_of_a_chain_has_its_rule() {
        let sound = made(|_, _| {});
        let other = made(|_, _| {});
        assert_eq!(rules_of(&[&sound.leaf, &sound.root, &sound.middle], &sound.root), ["tls-chain-order"]);
        assert_eq!(rules_of(&[&sound.leaf, &sound.middle], &other.root), ["tls-chain-untrusted"]);
        assert_eq!(rules_of(&[&sound.leaf], &sound.root), ["tls-chain-untrusted"], "a private authority");
        let old = made(|middle, _| middle.not_after = date_time_ymd(2026, 12, 31));
        assert_eq!(rules_of(&[&old.leaf, &old.middle], &old.root), ["tls-chain-expired", "tls-chain-untrusted"]);
    }

    #[test]
    fn a_gap_that_could_be_filled_is_an_incomplete_chain() {
        let made = made(|_, leaf| {
            // AuthorityInfoAccess with one caIssuers of the URI "http://a.test/i".
            let value = b"\x30\x1d\x30\x1b\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x0fhttp://a.test/i".to_vec();
            let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
            leaf.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&oid, value));
        });
        assert_eq!(rules_of(&[&made.leaf], &made.root), ["tls-chain-incomplete"]);
        assert_eq!(rules_of(&[&made.leaf, &made.middle], &made.root), Vec::<String>::new());
    }

    #[test]
    fn a_chain_in_a_circle_ends() {
        let made = made(|middle, _| middle.distinguished_name.push(DnType::CommonName, "A Root"));
        let _ = rules_of(&[&made.leaf, &made.middle, &made.middle], &made.root);
    }
}
