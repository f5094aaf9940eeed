//! Cipher suites by IANA's numbers and names. What a suite is worth is read from its name.

/// Suites that are asked for. Those of TLS 1.3 come last.
const SUITES: &[(u16, &str)] = &[
    (0x0001, "TLS_RSA_WITH_NULL_MD5"),
    (0x0002, "TLS_RSA_WITH_NULL_SHA"),
    (0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"),
    (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0x0006, "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5"),
    (0x0007, "TLS_RSA_WITH_IDEA_CBC_SHA"),
    (0x0008, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA"),
    (0x0009, "TLS_RSA_WITH_DES_CBC_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x000e, "TLS_DH_RSA_EXPORT_WITH_DES40_CBC_SHA"),
    (0x0011, "TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA"),
    (0x0012, "TLS_DHE_DSS_WITH_DES_CBC_SHA"),
    (0x0013, "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA"),
    (0x0014, "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA"),
    (0x0015, "TLS_DHE_RSA_WITH_DES_CBC_SHA"),
    (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0017, "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5"),
    (0x0018, "TLS_DH_anon_WITH_RC4_128_MD5"),
    (0x0019, "TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA"),
    (0x001a, "TLS_DH_anon_WITH_DES_CBC_SHA"),
    (0x001b, "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA"),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x003a, "TLS_DH_anon_WITH_AES_256_CBC_SHA"),
    (0x003b, "TLS_RSA_WITH_NULL_SHA256"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x0041, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"),
    (0x0045, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA"),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (0x006c, "TLS_DH_anon_WITH_AES_128_CBC_SHA256"),
    (0x006d, "TLS_DH_anon_WITH_AES_256_CBC_SHA256"),
    (0x0084, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA"),
    (0x0088, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA"),
    (0x0096, "TLS_RSA_WITH_SEED_CBC_SHA"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0x00a2, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256"),
    (0x00a3, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384"),
    (0x00a6, "TLS_DH_anon_WITH_AES_128_GCM_SHA256"),
    (0x00a7, "TLS_DH_anon_WITH_AES_256_GCM_SHA384"),
    (0xc006, "TLS_ECDHE_ECDSA_WITH_NULL_SHA"),
    (0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"),
    (0xc008, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc010, "TLS_ECDHE_RSA_WITH_NULL_SHA"),
    (0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
    (0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0xc015, "TLS_ECDH_anon_WITH_NULL_SHA"),
    (0xc016, "TLS_ECDH_anon_WITH_RC4_128_SHA"),
    (0xc017, "TLS_ECDH_anon_WITH_3DES_EDE_CBC_SHA"),
    (0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"),
    (0xc019, "TLS_ECDH_anon_WITH_AES_256_CBC_SHA"),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xc09c, "TLS_RSA_WITH_AES_128_CCM"),
    (0xc09d, "TLS_RSA_WITH_AES_256_CCM"),
    (0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1304, "TLS_AES_128_CCM_SHA256"),
    (0x1305, "TLS_AES_128_CCM_8_SHA256"),
];

/// A kind of suites that a server is asked for alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No encryption.
    Null,
    /// No certificate.
    Anonymous,
    /// Keys of 40 to 56 bits, by law of the last century.
    Export,
    Rc4,
    /// DES, 3DES and IDEA.
    Block64,
    /// Authenticated encryption.
    Aead,
    /// A key exchange that the server's key does not give away later.
    ForwardSecret,
    /// Diffie-Hellman over a group that the server sends.
    Dhe,
    /// Every suite before TLS 1.3 that has a certificate and encrypts.
    Usual,
    Tls13,
}

impl Kind {
    /// Whether a suite is of this kind. A suite without certificate or encryption is that before all else.
    fn holds(self, name: &str) -> bool {
        let has = |word: &str| name.contains(word);
        let is_tls13 = !has("_WITH_");
        let is_open = has("_NULL_") || has("_anon_") || has("_EXPORT_");
        match self {
            Kind::Null => has("_NULL_"),
            Kind::Anonymous => has("_anon_") && !has("_NULL_") && !has("_EXPORT_"),
            Kind::Export => has("_EXPORT_"),
            Kind::Rc4 => has("_RC4_") && !is_open,
            Kind::Block64 => (has("DES_") || has("_IDEA_")) && !is_open,
            Kind::Aead => (has("_GCM_") || has("_CCM") || has("_POLY1305_")) && !is_tls13 && !is_open,
            Kind::ForwardSecret => (has("_ECDHE_") || has("_DHE_")) && !is_open,
            Kind::Dhe => has("_DHE_") && !is_open,
            Kind::Usual => !is_tls13 && !is_open,
            Kind::Tls13 => is_tls13,
        }
    }

    /// The suites of this kind, newest numbers first: a server that lets its client choose shows its better side.
    pub fn suites(self) -> Vec<u16> {
        SUITES.iter().rev().filter(|(_, name)| self.holds(name)).map(|(suite, _)| *suite).collect()
    }

    /// Whether the suite is one of this kind.
    pub fn contains(self, suite: u16) -> bool {
        SUITES.iter().any(|(number, name)| *number == suite && self.holds(name))
    }
}

/// IANA's name of a suite, or its number.
pub fn name(suite: u16) -> String {
    match SUITES.iter().find(|(number, _)| *number == suite) {
        Some((_, name)) => name.to_string(),
        None => format!("{suite:#06x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_there_once_and_of_one_kind_of_fault_at_most() {
        use Kind::*;
        for (suite, name) in SUITES {
            assert_eq!(SUITES.iter().filter(|(number, _)| number == suite).count(), 1, "{name}");
            let faults = [Null, Anonymous, Export, Rc4, Block64].iter().filter(|kind| kind.holds(name)).count();
            assert!(faults <= 1, "{name}");
            assert!(!Aead.holds(name) || faults == 0, "{name}");
            assert_eq!(
                [Null, Anonymous, Export, Usual, Tls13].iter().filter(|kind| kind.holds(name)).count(),
                1,
                "{name}"
            );
        }
    }

    #[test]
    fn kinds_are_read_from_names() {
        assert_eq!(Kind::Rc4.suites(), [0xc011, 0xc007, 0x0005, 0x0004]);
        assert_eq!(Kind::Null.suites(), [0xc015, 0xc010, 0xc006, 0x003b, 0x0002, 0x0001]);
        assert!(Kind::Block64.contains(0x000a) && Kind::Block64.contains(0x0009) && !Kind::Block64.contains(0x0008));
        assert!(Kind::Dhe.contains(0x0033) && !Kind::Dhe.contains(0xc013) && Kind::ForwardSecret.contains(0xc013));
        assert_eq!(Kind::Tls13.suites().len(), 5);
        assert_eq!(name(0x0005), "TLS_RSA_WITH_RC4_128_SHA");
        assert_eq!(name(0xfefe), "0xfefe");
    }
}
