//! What a certificate says, and what is wrong with it. Nothing here decides trust.

use super::found::Part;
use super::port::Place;
use super::rules;
use crate::text;
use scanyard_contract::finding::Finding;
use serde::Serialize;
use std::net::IpAddr;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};
use x509_parser::public_key::PublicKey;

const DAY_S: i64 = 24 * 60 * 60;
const SOON_DAYS: i64 = 30;
const RSA_BITS_MIN: usize = 2048;
const EC_BITS_MIN: usize = 224;
/// Names that are kept of one certificate.
const MAX_NAMES: usize = 100;
/// Signature algorithms that rest on MD2, MD5 or SHA-1.
const WEAK_SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.10040.4.3", "dsa-with-sha1"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
];

/// The access method of an issuer's certificate.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// A certificate, as far as the rules need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    pub is_self_signed: bool,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    pub dns_names: Vec<String>,
    pub addresses: Vec<IpAddr>,
    /// Such as `RSA` and its bits.
    pub key: Option<(String, usize)>,
    /// Name of the signature algorithm when it is a weak one.
    pub weak_signature: Option<String>,
    /// Where the issuer's certificate can be had.
    pub issuer_at: Option<String>,
    /// The names as encoded, for chains.
    #[serde(skip)]
    pub subject_der: Vec<u8>,
    #[serde(skip)]
    pub issuer_der: Vec<u8>,
}

impl Certificate {
    /// Reads DER.
    pub fn parse(der: &[u8]) -> Option<Certificate> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut dns_names = Vec::new();
        let mut addresses = Vec::new();
        if let Ok(Some(extension)) = certificate.subject_alternative_name() {
            for name in extension.value.general_names.iter().take(MAX_NAMES) {
                match name {
                    GeneralName::DNSName(name) => dns_names.push(text::clean(name.as_bytes(), 253)),
                    GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        let key = match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => Some(("RSA".to_string(), key.key_size())),
            Ok(PublicKey::EC(key)) => Some(("EC".to_string(), key.key_size())),
            Ok(PublicKey::DSA(key)) => Some(("DSA".to_string(), key.len() * 8)),
            _ => None,
        };
        let signature = certificate.signature_algorithm.algorithm.to_id_string();
        Some(Certificate {
            subject: text::clean(certificate.subject().to_string().as_bytes(), 512),
            issuer: text::clean(certificate.issuer().to_string().as_bytes(), 512),
            is_self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            dns_names,
            addresses,
            key,
            weak_signature: WEAK_SIGNATURES.iter().find(|(oid, _)| *oid == signature).map(|(_, name)| name.to_string()),
            issuer_at: issuer_at(&certificate),
            subject_der: certificate.subject().as_raw().to_vec(),
            issuer_der: certificate.issuer().as_raw().to_vec(),
        })
    }

    /// Whether the certificate is made out to this host, a name or an address. A common name alone does not count, as
    /// it does not with clients.
    pub fn is_for(&self, host: &str) -> bool {
        match host.parse::<IpAddr>() {
            Ok(ip) => self.addresses.contains(&ip),
            Err(_) => self.dns_names.iter().any(|pattern| matches_name(pattern, host)),
        }
    }

    /// What is wrong with it, at a time in seconds since 1970.
    pub fn check(&self, place: &Place, now: i64) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |rule: &rules::Rule, evidence: String| {
            findings.push(rule.finding(place, Part::Whole, &evidence));
        };
        if self.not_after < now {
            add(&rules::CERTIFICATE_EXPIRED, format!("{}\nnot after: {}", self.subject, date(self.not_after)));
        } else if self.not_before > now {
            add(&rules::CERTIFICATE_NOT_YET_VALID, format!("{}\nnot before: {}", self.subject, date(self.not_before)));
        } else if self.not_after - now < SOON_DAYS * DAY_S {
            add(&rules::CERTIFICATE_EXPIRES_SOON, format!("{}\nnot after: {}", self.subject, date(self.not_after)));
        }
        if self.is_self_signed {
            add(&rules::CERTIFICATE_SELF_SIGNED, format!("subject and issuer: {}", self.subject));
        }
        if !self.is_for(&place.host) {
            let mut names = self.dns_names.clone();
            names.extend(self.addresses.iter().map(IpAddr::to_string));
            let names = if names.is_empty() { "no subject alternative name".to_string() } else { names.join(", ") };
            let evidence = format!("asked for {}, made out to: {names}; subject {}", place.host, self.subject);
            add(&rules::CERTIFICATE_NAME_MISMATCH, evidence);
        }
        if let Some((kind, bits)) = &self.key {
            let least = if kind == "EC" { EC_BITS_MIN } else { RSA_BITS_MIN };
            // No size of DSA is offered by clients any more.
            if *bits < least || kind == "DSA" {
                add(&rules::CERTIFICATE_WEAK_KEY, format!("{kind} key of {bits} bits"));
            }
        }
        if let Some(algorithm) = &self.weak_signature {
            add(&rules::CERTIFICATE_WEAK_SIGNATURE, algorithm.clone());
        }
        findings
    }
}

fn issuer_at(certificate: &X509Certificate<'_>) -> Option<String> {
    let access = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    })?;
    access.accessdescs.iter().find_map(|description| match &description.access_location {
        GeneralName::URI(uri) if description.access_method.to_id_string() == CA_ISSUERS => {
            Some(text::clean(uri.as_bytes(), 512))
        }
        _ => None,
    })
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4: Option<IpAddr> = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

/// A wildcard stands for exactly one label, the first.
fn matches_name(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// The day, as people write it.
pub fn date(seconds: i64) -> String {
    match time::OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(at) => at.date().to_string(),
        Err(_) => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_700_000_000;

    fn sound() -> Certificate {
        Certificate {
            subject: "CN=a.test".into(),
            issuer: "CN=An Authority".into(),
            is_self_signed: false,
            not_before: NOW - DAY_S,
            not_after: NOW + 90 * DAY_S,
            dns_names: vec!["a.test".into(), "*.b.test".into()],
            addresses: vec!["127.0.0.1".parse().unwrap()],
            key: Some(("RSA".into(), 2048)),
            weak_signature: None,
            issuer_at: None,
            subject_der: b"a".to_vec(),
            issuer_der: b"b".to_vec(),
        }
    }

    fn rules_of(certificate: &Certificate, host: &str) -> Vec<String> {
        let place = Place::new(host, "127.0.0.1:443".parse().unwrap());
        certificate.check(&place, NOW).into_iter().map(|finding| finding.rule_id).collect()
    }

    #[test]
    fn a_sound_certificate_has_no_finding() {
        for host in ["a.test", "x.b.test", "127.0.0.1"] {
            assert_eq!(rules_of(&sound(), host), Vec::<String>::new(), "{host}");
        }
    }

    #[test]
    fn each_fault_has_its_rule() {
        for (certificate, rule) in [
            (Certificate { not_after: NOW - 1, ..sound() }, "tls-certificate-expired"),
            (Certificate { not_before: NOW + 1, ..sound() }, "tls-certificate-not-yet-valid"),
            (Certificate { not_after: NOW + 29 * DAY_S, ..sound() }, "tls-certificate-expires-soon"),
            (Certificate { is_self_signed: true, ..sound() }, "tls-certificate-self-signed"),
            (Certificate { dns_names: vec!["b.test".into()], ..sound() }, "tls-certificate-name-mismatch"),
            (Certificate { key: Some(("RSA".into(), 1024)), ..sound() }, "tls-certificate-weak-key"),
            (Certificate { weak_signature: Some("sha1".into()), ..sound() }, "tls-certificate-weak-signature"),
        ] {
            assert_eq!(rules_of(&certificate, "a.test"), [rule]);
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        for (host, is_for) in [("x.b.test", true), ("b.test", false), ("y.x.b.test", false), ("127.0.0.2", false)] {
            assert_eq!(sound().is_for(host), is_for, "{host}");
        }
    }

    #[test]
    fn a_made_certificate_is_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["a.test".to_string(), "127.0.0.1".to_string()]).unwrap();
        let made = params.self_signed(&key).unwrap();
        let certificate = Certificate::parse(made.der()).unwrap();
        assert!(certificate.is_self_signed && certificate.is_for("a.test") && certificate.is_for("127.0.0.1"));
        assert_eq!(certificate.key, Some(("EC".to_string(), 256)));
    }

    proptest! {
        #[test]
        fn a_spoilt_certificate_never_panics(spoilt in proptest::collection::vec((0usize..400, any::<u8>()), 1..8)) {
            static DER: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
                rcgen::generate_simple_self_signed(vec!["a.test".to_string()]).unwrap().cert.der().to_vec()
            });
            let mut der = DER.clone();
            for (at, byte) in spoilt {
                let at = at % der.len();
                der[at] = byte;
            }
            if let Some(certificate) = Certificate::parse(&der) {
                let place = Place::new("a.test", "127.0.0.1:443".parse().unwrap());
                let _ = certificate.check(&place, NOW);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Certificate::parse(&bytes);
        }
    }
}
