//! Rules about DNS.

use super::Rule;
use scanyard_contract::finding::Severity;

/// Name server gives the whole zone away.
pub const DNS_OPEN_TRANSFER: Rule = Rule {
    id: "dns-open-zone-transfer",
    title: "Name server gives the whole zone away",
    severity: Severity::High,
    cwe: &["CWE-200"],
    about: "A name server of the domain answered a zone transfer (AXFR) from the scanning machine. The zone lists every host, the internal ones too. The names that are shown are the first few; the transfer is broken off after 512 kB.",
    remediation: "Allow transfers to the secondary servers alone, by address and with a TSIG key.",
    reference: "https://www.rfc-editor.org/rfc/rfc5936#section-6",
};

/// Domain has no usable SPF record.
pub const DNS_NO_SPF: Rule = Rule {
    id: "dns-missing-spf",
    title: "Domain has no usable SPF record",
    severity: Severity::Low,
    cwe: &["CWE-290"],
    about: "There is no TXT record that begins with `v=spf1`, or more than one, so receivers of mail cannot tell who may send as the domain. This holds for domains that never send mail as well. Only names with an SOA record of their own are asked.",
    remediation: "Publish one TXT record that lists the senders and ends with `-all`; `v=spf1 -all` for a domain that sends no mail.",
    reference: "https://www.rfc-editor.org/rfc/rfc7208",
};

/// SPF record lets everybody send.
pub const DNS_SPF_ALLOWS_ALL: Rule = Rule {
    id: "dns-spf-allows-all",
    title: "SPF record lets everybody send",
    severity: Severity::Medium,
    cwe: &["CWE-290"],
    about: "The SPF record ends with `+all` or `?all`, or says nothing of senders that it does not list. Mail from anywhere passes or is treated as if there were no record.",
    remediation: "End the record with `-all`, or with `~all` while it is being tried out.",
    reference: "https://www.rfc-editor.org/rfc/rfc7208#section-5.1",
};

/// Domain has no usable DMARC record.
pub const DNS_NO_DMARC: Rule = Rule {
    id: "dns-missing-dmarc",
    title: "Domain has no usable DMARC record",
    severity: Severity::Low,
    cwe: &["CWE-290"],
    about: "There is no TXT record at `_dmarc.` and the domain that begins with `v=DMARC1`, or more than one. Without it the address that people see in a mail is not tied to what SPF and DKIM have checked.",
    remediation: "Publish `v=DMARC1; p=none; rua=mailto:…`, read the reports, and move on to `p=quarantine` and `p=reject`.",
    reference: "https://www.rfc-editor.org/rfc/rfc7489",
};

/// DMARC record only watches.
pub const DNS_DMARC_NONE: Rule = Rule {
    id: "dns-dmarc-not-enforced",
    title: "DMARC record only watches",
    severity: Severity::Info,
    cwe: &["CWE-290"],
    about: "The policy is `p=none`, or there is none: receivers send reports and deliver forged mail all the same.",
    remediation: "Once the reports show no mail of your own failing, move on to `p=quarantine` and `p=reject`.",
    reference: "https://www.rfc-editor.org/rfc/rfc7489#section-6.3",
};

/// Domain takes mail without MTA-STS.
pub const DNS_NO_MTA_STS: Rule = Rule {
    id: "dns-missing-mta-sts",
    title: "Domain takes mail without MTA-STS",
    severity: Severity::Info,
    cwe: &["CWE-319"],
    about: "The domain has mail servers and no TXT record at `_mta-sts.` and the domain. Without such a policy somebody between two mail servers can have them talk in clear. A domain that uses DANE instead needs none.",
    remediation: "Publish an MTA-STS policy over HTTPS and its TXT record.",
    reference: "https://www.rfc-editor.org/rfc/rfc8461",
};

/// Any authority may issue certificates.
pub const DNS_NO_CAA: Rule = Rule {
    id: "dns-missing-caa",
    title: "Any authority may issue certificates",
    severity: Severity::Info,
    cwe: &["CWE-295"],
    about: "Neither the name nor a domain above it has a CAA record, so every certificate authority of the world may issue for it.",
    remediation: "Publish CAA records that name your authorities, such as `0 issue \"ca.example.test\"`, and one with `iodef` for reports.",
    reference: "https://www.rfc-editor.org/rfc/rfc8659",
};

/// DNS was not checked to the end.
pub const DNS_PARTLY_CHECKED: Rule = Rule {
    id: "dns-partly-checked",
    title: "DNS was not checked to the end",
    severity: Severity::Info,
    cwe: &[],
    about: "A look-up had no answer, or a name server of the domain was not asked for the zone, for the tenant's policy does not allow it. What was found is true, but nothing says that the rest is free of faults. The evidence names each.",
    remediation: "Scan again when DNS answers, or have the name servers allowed.",
    reference: "https://csrc.nist.gov/pubs/sp/800/115/final",
};

/// The rules of this file, in the order of the docs.
pub const DNS_RULES: &[&Rule] = &[
    &DNS_OPEN_TRANSFER,
    &DNS_NO_SPF,
    &DNS_SPF_ALLOWS_ALL,
    &DNS_NO_DMARC,
    &DNS_DMARC_NONE,
    &DNS_NO_MTA_STS,
    &DNS_NO_CAA,
    &DNS_PARTLY_CHECKED,
];
