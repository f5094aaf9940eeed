//! Rules about TLS and certificates.

use super::Rule;
use scanyard_contract::finding::Severity;

/// TLS certificate has expired.
pub const CERTIFICATE_EXPIRED: Rule = Rule {
    id: "tls-certificate-expired",
    title: "TLS certificate has expired",
    severity: Severity::High,
    cwe: &["CWE-298"],
    about: "The last day of the server's certificate is over. Clients that check refuse the connection, and users who learn to click the warning away will do the same when somebody is in the middle.",
    remediation: "Install a renewed certificate and automate the renewal.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
};

/// TLS certificate is not valid yet.
pub const CERTIFICATE_NOT_YET_VALID: Rule = Rule {
    id: "tls-certificate-not-yet-valid",
    title: "TLS certificate is not valid yet",
    severity: Severity::High,
    cwe: &["CWE-295"],
    about: "The first day of the server's certificate lies ahead, by the clock of the scanning machine. Clients that check refuse the connection.",
    remediation: "Install a certificate that is valid now, and check the clock of the machine that issued it.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
};

/// TLS certificate expires in less than 30 days.
pub const CERTIFICATE_EXPIRES_SOON: Rule = Rule {
    id: "tls-certificate-expires-soon",
    title: "TLS certificate expires in less than 30 days",
    severity: Severity::Low,
    cwe: &["CWE-298"],
    about: "Fewer than 30 days are left. Nothing is broken yet, but a renewal that has not happened by now tends not to happen by itself.",
    remediation: "Renew the certificate now and automate the renewal.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
};

/// TLS certificate is self-signed.
pub const CERTIFICATE_SELF_SIGNED: Rule = Rule {
    id: "tls-certificate-self-signed",
    title: "TLS certificate is self-signed",
    severity: Severity::Medium,
    cwe: &["CWE-295"],
    about: "Subject and issuer of the server's certificate are the same, so nobody vouches for it. Clients cannot tell it from one that a man in the middle made a moment ago.",
    remediation: "Install a certificate from an authority that the clients trust.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-6.1",
};

/// TLS certificate is made out to another name.
pub const CERTIFICATE_NAME_MISMATCH: Rule = Rule {
    id: "tls-certificate-name-mismatch",
    title: "TLS certificate is made out to another name",
    severity: Severity::Medium,
    cwe: &["CWE-297"],
    about: "None of the subject alternative names is the name or the address that was asked for. The common name is not looked at, as clients do not. A wildcard stands for one label.",
    remediation: "Install a certificate whose subject alternative names hold the name that clients use.",
    reference: "https://www.rfc-editor.org/rfc/rfc9525",
};

/// Key of the TLS certificate is too short.
pub const CERTIFICATE_WEAK_KEY: Rule = Rule {
    id: "tls-certificate-weak-key",
    title: "Key of the TLS certificate is too short",
    severity: Severity::Medium,
    cwe: &["CWE-326"],
    about: "The key in the certificate is an RSA key of fewer than 2048 bits, an elliptic-curve key of fewer than 224 bits, or a DSA key. Such keys can be computed from the certificate with enough machines, or soon will be.",
    remediation: "Make a new key, RSA of at least 2048 bits or P-256, and have the certificate issued again.",
    reference: "https://csrc.nist.gov/pubs/sp/800/131/a/r2/final",
};

/// TLS certificate is signed with MD5 or SHA-1.
pub const CERTIFICATE_WEAK_SIGNATURE: Rule = Rule {
    id: "tls-certificate-weak-signature",
    title: "TLS certificate is signed with MD5 or SHA-1",
    severity: Severity::Medium,
    cwe: &["CWE-328"],
    about: "The certificate's signature rests on MD2, MD5 or SHA-1. For these, two different certificates with the same signature have been made, so the signature proves little.",
    remediation: "Have the certificate issued again with a SHA-256 signature or better.",
    reference: "https://www.rfc-editor.org/rfc/rfc9155",
};

/// Server accepts SSL 3.0.
pub const TLS_SSL_3: Rule = Rule {
    id: "tls-version-ssl-3.0",
    title: "Server accepts SSL 3.0",
    severity: Severity::High,
    cwe: &["CWE-327"],
    about: "A handshake that offered SSL 3.0 as its best version was accepted. Its padding is not authenticated, which lets an attacker in the middle read cookies byte by byte (POODLE).",
    remediation: "Switch SSL 3.0 off; allow TLS 1.2 and 1.3 only.",
    reference: "https://www.rfc-editor.org/rfc/rfc7568",
};

/// Server accepts TLS 1.0.
pub const TLS_1_0: Rule = Rule {
    id: "tls-version-1.0",
    title: "Server accepts TLS 1.0",
    severity: Severity::Medium,
    cwe: &["CWE-327"],
    about: "A handshake that offered TLS 1.0 as its best version was accepted. The version rests on MD5 and SHA-1 and has no modern cipher; standards have withdrawn it.",
    remediation: "Switch TLS 1.0 off; allow TLS 1.2 and 1.3 only.",
    reference: "https://www.rfc-editor.org/rfc/rfc8996",
};

/// Server accepts TLS 1.1.
pub const TLS_1_1: Rule = Rule {
    id: "tls-version-1.1",
    title: "Server accepts TLS 1.1",
    severity: Severity::Medium,
    cwe: &["CWE-327"],
    about: "A handshake that offered TLS 1.1 as its best version was accepted. The version rests on MD5 and SHA-1 and has no modern cipher; standards have withdrawn it.",
    remediation: "Switch TLS 1.1 off; allow TLS 1.2 and 1.3 only.",
    reference: "https://www.rfc-editor.org/rfc/rfc8996",
};

/// Server does not offer TLS 1.3.
pub const TLS_NO_1_3: Rule = Rule {
    id: "tls-no-1.3",
    title: "Server does not offer TLS 1.3",
    severity: Severity::Info,
    cwe: &["CWE-327"],
    about: "A handshake that offered TLS 1.3 alone was refused. Version 1.2 is still sound when it is set up well; 1.3 leaves nothing to set up badly, hides the certificate and needs a round trip less.",
    remediation: "Switch TLS 1.3 on beside TLS 1.2.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325",
};

/// Server accepts cipher suites without encryption.
pub const TLS_NULL: Rule = Rule {
    id: "tls-cipher-null",
    title: "Server accepts cipher suites without encryption",
    severity: Severity::High,
    cwe: &["CWE-319"],
    about: "A handshake that offered NULL suites alone was accepted. What is sent over such a connection can be read by everybody on the way, although it looks like TLS.",
    remediation: "Remove every NULL suite from the server's list.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325#section-4.1",
};

/// Server accepts cipher suites without a certificate.
pub const TLS_ANONYMOUS: Rule = Rule {
    id: "tls-cipher-anonymous",
    title: "Server accepts cipher suites without a certificate",
    severity: Severity::High,
    cwe: &["CWE-295"],
    about: "A handshake that offered anonymous Diffie-Hellman suites alone was accepted. Nobody proves who they are in it, so a man in the middle is not noticed.",
    remediation: "Remove every anonymous suite (`aNULL`) from the server's list.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325#section-4.1",
};

/// Server accepts export-grade cipher suites.
pub const TLS_EXPORT: Rule = Rule {
    id: "tls-cipher-export",
    title: "Server accepts export-grade cipher suites",
    severity: Severity::High,
    cwe: &["CWE-326"],
    about: "A handshake that offered export suites alone was accepted. Their keys of 40 to 56 bits are found in minutes, and an attacker in the middle can force better clients down to them (FREAK, Logjam).",
    remediation: "Remove every EXPORT suite from the server's list.",
    reference: "https://www.rfc-editor.org/rfc/rfc7457#section-2.2",
};

/// Server accepts RC4 cipher suites.
pub const TLS_RC4: Rule = Rule {
    id: "tls-cipher-rc4",
    title: "Server accepts RC4 cipher suites",
    severity: Severity::Medium,
    cwe: &["CWE-327"],
    about: "A handshake that offered RC4 suites alone was accepted. RC4's key stream is biased enough to bring out a cookie that is sent often.",
    remediation: "Remove every RC4 suite from the server's list.",
    reference: "https://www.rfc-editor.org/rfc/rfc7465",
};

/// Server accepts cipher suites with 64-bit blocks.
pub const TLS_3DES: Rule = Rule {
    id: "tls-cipher-3des",
    title: "Server accepts cipher suites with 64-bit blocks",
    severity: Severity::Medium,
    cwe: &["CWE-327"],
    about: "A handshake that offered DES, 3DES and IDEA suites alone was accepted. With blocks of 64 bits two equal ones come up within a long connection, which gives away what was encrypted (Sweet32).",
    remediation: "Remove the DES, 3DES and IDEA suites from the server's list.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325#section-4.1",
};

/// TLS 1.2 is offered with CBC suites alone.
pub const TLS_CBC_ONLY: Rule = Rule {
    id: "tls-cbc-only",
    title: "TLS 1.2 is offered with CBC suites alone",
    severity: Severity::Info,
    cwe: &["CWE-327"],
    about: "The server takes TLS 1.2 but no suite with authenticated encryption (GCM, CCM, ChaCha20-Poly1305), and no TLS 1.3. CBC suites have had one padding attack after another.",
    remediation: "Offer AES-GCM or ChaCha20-Poly1305 suites, and put them first.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325#section-4.2",
};

/// Server offers no forward secrecy.
pub const TLS_NO_FORWARD_SECRECY: Rule = Rule {
    id: "tls-no-forward-secrecy",
    title: "Server offers no forward secrecy",
    severity: Severity::Low,
    cwe: &["CWE-326"],
    about: "A handshake that offered ECDHE and DHE suites alone was refused, and so was TLS 1.3. Whoever records the traffic and gets hold of the server's key later can read all of it.",
    remediation: "Offer ECDHE suites and put them first; better, switch TLS 1.3 on.",
    reference: "https://www.rfc-editor.org/rfc/rfc9325#section-7.3",
};

/// Diffie-Hellman group is too small.
pub const TLS_WEAK_DH: Rule = Rule {
    id: "tls-weak-dh",
    title: "Diffie-Hellman group is too small",
    severity: Severity::Medium,
    cwe: &["CWE-326"],
    about: "The server chose a DHE suite and sent a group of fewer than 2048 bits. Groups of 1024 bits are within the reach of states, and many servers share the same few.",
    remediation: "Use ECDHE suites, or a Diffie-Hellman group of at least 2048 bits (`ffdhe2048`).",
    reference: "https://www.rfc-editor.org/rfc/rfc7919",
};

/// Certificates of the chain are out of order.
pub const CHAIN_ORDER: Rule = Rule {
    id: "tls-chain-order",
    title: "Certificates of the chain are out of order",
    severity: Severity::Info,
    cwe: &["CWE-295"],
    about: "The server sends its certificates in another order than each followed by its issuer, or sends some that belong to no chain of its own. Many clients sort them out; old and small ones do not.",
    remediation: "Put the server's certificate first, each issuer after what it issued, and nothing else into the file.",
    reference: "https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2",
};

/// An intermediate certificate is missing.
pub const CHAIN_INCOMPLETE: Rule = Rule {
    id: "tls-chain-incomplete",
    title: "An intermediate certificate is missing",
    severity: Severity::Low,
    cwe: &["CWE-295"],
    about: "The last certificate that the server sends says where its issuer's certificate can be had, but the issuer's is neither sent nor a root of the scanning machine. Browsers may fetch it; other clients fail.",
    remediation: "Send the intermediate certificates with the server's own (the `fullchain` file of most authorities).",
    reference: "https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2",
};

/// Certificate leads to no trusted root.
pub const CHAIN_UNTRUSTED: Rule = Rule {
    id: "tls-chain-untrusted",
    title: "Certificate leads to no trusted root",
    severity: Severity::Info,
    cwe: &["CWE-295"],
    about: "The chain that the server sends does not end at a root that the scanning machine trusts. That is as it should be for a private authority, and wrong for a public service. Machines without any root certificates do not judge.",
    remediation: "For a public service, use an authority that clients trust; for a private one, see to it that its root is on every client.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-6.1",
};

/// A certificate above the server's own has expired.
pub const CHAIN_EXPIRED: Rule = Rule {
    id: "tls-chain-expired",
    title: "A certificate above the server's own has expired",
    severity: Severity::Medium,
    cwe: &["CWE-298"],
    about: "An intermediate or root certificate that the server sends is past its last day. Clients that build the chain through it refuse the connection.",
    remediation: "Replace the expired certificate in the server's chain with the authority's current one.",
    reference: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
};

/// The rules of this file, in the order of the docs.
pub const TLS_RULES: &[&Rule] = &[
    &CERTIFICATE_EXPIRED,
    &CERTIFICATE_NOT_YET_VALID,
    &CERTIFICATE_EXPIRES_SOON,
    &CERTIFICATE_SELF_SIGNED,
    &CERTIFICATE_NAME_MISMATCH,
    &CERTIFICATE_WEAK_KEY,
    &CERTIFICATE_WEAK_SIGNATURE,
    &TLS_SSL_3,
    &TLS_1_0,
    &TLS_1_1,
    &TLS_NO_1_3,
    &TLS_NULL,
    &TLS_ANONYMOUS,
    &TLS_EXPORT,
    &TLS_RC4,
    &TLS_3DES,
    &TLS_CBC_ONLY,
    &TLS_NO_FORWARD_SECRECY,
    &TLS_WEAK_DH,
    &CHAIN_ORDER,
    &CHAIN_INCOMPLETE,
    &CHAIN_UNTRUSTED,
    &CHAIN_EXPIRED,
];
