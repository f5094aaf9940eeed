//! The ten engines as a table: what each is called and what it takes.

use crate::{Target, harvester, nikto, nmap, nuclei, sentinel, sqlmap, sublist3r, trivy, wapiti, zap};
use scanyard_contract::ScanType;
use scanyard_contract::scan::TargetType;
use scanyard_contract::wire::Detail;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::LazyLock;

/// One engine, as data.
#[derive(Debug)]
pub struct Engine {
    pub scan_type: ScanType,
    /// The engine's own name.
    pub title: &'static str,
    pub description: &'static str,
    /// Forms of target that it takes, each with an example.
    pub targets: &'static [(TargetType, &'static str)],
    /// File name of its program; empty for the native engine.
    pub program: &'static str,
    /// How an operator installs it.
    pub install: &'static str,
    /// Whom a scan contacts.
    pub contacts: &'static str,
    /// Whether a scan tells third parties of the target, which needs a consent and an operator who switched it on.
    pub needs_consent: bool,
}

/// Whether an engine can run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// Inside this binary.
    Native,
    /// This program.
    Program(PathBuf),
    /// Not installed; where it was looked for.
    Missing { searched: Vec<PathBuf> },
    /// Installed, but not to be run as things are: what to do about it.
    NotReady(String),
    /// This version of Scanyard cannot drive it.
    NoAdapter,
}

const NETWORK: &[(TargetType, &str)] = &[
    (TargetType::Ip, "127.0.0.1"),
    (TargetType::Host, "app.example.test"),
    (TargetType::Domain, "example.test"),
    (TargetType::Network, "127.0.0.0/29"),
];
const NATIVE: &[(TargetType, &str)] = &[
    (TargetType::Ip, "127.0.0.1"),
    (TargetType::Host, "app.example.test"),
    (TargetType::Domain, "example.test"),
    (TargetType::Url, "https://app.example.test/"),
];
const WEB: &[(TargetType, &str)] = &[(TargetType::Url, "https://app.example.test/")];
const ARTIFACTS: &[(TargetType, &str)] = &[
    (TargetType::Upload, "upload:upl-019a0000-0000-7000-8000-000000000001"),
    (TargetType::Image, "registry.example.test/app:1.0"),
];
const DOMAIN: &[(TargetType, &str)] = &[(TargetType::Domain, "example.test")];

/// Engines that contact nobody else.
const TARGET_ONLY: &str = "the target's addresses, and nothing else";

/// The ten engines, in the order of the contract.
pub const ENGINES: &[Engine] = &[
    Engine {
        scan_type: ScanType::Nmap,
        title: "Nmap",
        description: "Network discovery, port scan and service detection",
        targets: NETWORK,
        program: "nmap",
        install: "scripts/install-engines --only nmap, or apt-get install nmap",
        contacts: TARGET_ONLY,
        needs_consent: false,
    },
    Engine {
        scan_type: ScanType::Zap,
        title: "OWASP ZAP",
        description: "Dynamic test of web applications",
        targets: WEB,
        program: "zap.sh",
        install: "OWASP's own package from its site; it needs Java 17 or newer",
        contacts: TARGET_ONLY,
        needs_consent: false,
    },
    Engine {
        scan_type: ScanType::Trivy,
        title: "Trivy",
        description: "Vulnerabilities, misconfigurations, secrets and licences in uploaded files and images",
        targets: ARTIFACTS,
        program: "trivy",
        install: "Aqua's own package; for tests, scripts/install-engines --only trivy",
        contacts: "for an image its registry; else nobody",
        needs_consent: false,
    },
    Engine {
        scan_type: ScanType::Nuclei,
        title: "Nuclei",
        description: "Template-based detection of known faults",
        targets: WEB,
        program: "nuclei",
        install: "ProjectDiscovery's own binary and a folder of templates",
        contacts: TARGET_ONLY,
        needs_consent: false,
    },
    Engine {
        scan_type: ScanType::Nikto,
        title: "Nikto",
        description: "Checks of web servers: dangerous files, old software, misconfiguration",
        targets: WEB,
        program: "nikto",
        install: "scripts/install-engines --only nikto, or apt-get install nikto, of the section non-free",
        contacts: TARGET_ONLY,
        needs_consent: false,
    },
    Engine {
        scan_type: ScanType::Sqlmap,
        title: "sqlmap",
        description: "Detection of SQL injection",
        targets: WEB,
        program: "sqlmap",
        install: "scripts/install-engines --only sqlmap, or apt-get install sqlmap",
        contacts: TARGET_ONLY,
        needs_consent: false,
    },
    Engine {
        scan_type: ScanType::Wapiti,
        title: "Wapiti",
        description: "Black-box scan of web applications",
        targets: WEB,
        program: "wapiti",
        install: "scripts/install-engines --only wapiti, or pip install wapiti3 in an environment of its own",
        contacts: TARGET_ONLY,
        needs_consent: false,
    },
    Engine {
        scan_type: ScanType::Harvester,
        title: "theHarvester",
        description: "Names and addresses of a domain from public sources",
        targets: DOMAIN,
        program: "theHarvester",
        install: "the project's own source, in a virtual environment of its own",
        contacts: "the sources that the scan asks, such as crt.sh and certspotter.com; never the target",
        needs_consent: true,
    },
    Engine {
        scan_type: ScanType::Sublist3r,
        title: "Sublist3r",
        description: "Subdomains of a domain from public sources",
        targets: DOMAIN,
        program: "sublist3r",
        install: "scripts/install-engines --only sublist3r, or apt-get install sublist3r",
        contacts: "the sources that the scan asks, such as crt.sh and api.sublist3r.com; never the target",
        needs_consent: true,
    },
    Engine {
        scan_type: ScanType::Sentinel,
        title: "Sentinel",
        description: "Built in: open ports, services without a login, TLS, web servers and DNS policies",
        targets: NATIVE,
        program: "",
        install: "",
        contacts: TARGET_ONLY,
        needs_consent: false,
    },
];

/// The engine of a scan type.
pub fn engine(scan_type: ScanType) -> &'static Engine {
    &ENGINES[scan_type as usize]
}

/// The schemas of the engines' options, made once: every submission is held against one.
static SCHEMAS: LazyLock<Vec<Value>> =
    LazyLock::new(|| ENGINES.iter().map(|engine| schema(engine.scan_type)).collect());

impl Engine {
    /// Reads a target of the engine; the first of the faults says what is wrong, the others what the engine takes.
    pub fn target(&self, text: &str) -> Result<Target, Vec<Detail>> {
        let target = Target::parse_for(self.scan_type, text).map_err(|fault| self.refused(fault.0))?;
        if self.takes(&target) { Ok(target) } else { Err(self.not_taken(&target)) }
    }

    /// Reads what a report of the engine is of: a target of the engine, or files by their path where it scans files.
    pub fn imported_target(&self, text: &str) -> Result<Target, Vec<Detail>> {
        let target = Target::parse_imported(self.scan_type, text).map_err(|fault| self.refused(fault.0))?;
        if self.takes_import_of(&target) { Ok(target) } else { Err(self.not_taken(&target)) }
    }

    /// Whether a report of the engine can be of it.
    pub fn takes_import_of(&self, target: &Target) -> bool {
        matches!(target, Target::Files(_)) || self.takes(target)
    }

    /// Why a target is refused, and what the engine takes.
    pub fn refused(&self, reason: String) -> Vec<Detail> {
        let takes = self.targets.iter().map(|(target_type, example)| {
            Detail::field("target", format!("{} takes {target_type}, such as {example}", self.scan_type))
        });
        std::iter::once(Detail::field("target", reason)).chain(takes).collect()
    }

    fn takes(&self, target: &Target) -> bool {
        self.targets.iter().any(|(target_type, _)| target.is_a(*target_type))
    }

    fn not_taken(&self, target: &Target) -> Vec<Detail> {
        self.refused(format!("is of type {}, which {} does not take", target.target_type(), self.scan_type))
    }

    /// JSON Schema of the options; an engine without an adapter takes none.
    pub fn options_schema(&self) -> &'static Value {
        &SCHEMAS[self.scan_type as usize]
    }
}

fn schema(scan_type: ScanType) -> Value {
    match scan_type {
        ScanType::Nmap => nmap::Options::schema(),
        ScanType::Trivy => trivy::Options::schema(),
        ScanType::Nikto => nikto::Options::schema(),
        ScanType::Sqlmap => sqlmap::Options::schema(),
        ScanType::Wapiti => wapiti::Options::schema(),
        ScanType::Zap => zap::Options::schema(),
        ScanType::Sentinel => sentinel::Options::schema(),
        ScanType::Nuclei => nuclei::Options::schema(),
        ScanType::Harvester => harvester::Options::schema(),
        ScanType::Sublist3r => sublist3r::Options::schema(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_takes_the_forms_of_target_that_it_lists_and_no_other() {
        use TargetType::{Domain, Host, Image, Ip, Network, Upload, Url};
        // What each text is, to an engine of hosts and to one of files.
        let texts: &[(&str, &[TargetType])] = &[
            ("127.0.0.1", &[Ip, Host]),
            ("::1", &[Ip, Host]),
            ("127.0.0.0/30", &[Network]),
            ("app.example.test", &[Host, Domain]),
            ("http://127.0.0.1:1/", &[Url]),
            ("upload:upl-019a0000-0000-7000-8000-000000000001", &[Upload]),
            ("registry.example.test/app:1.0", &[Image]),
        ];
        for engine in ENGINES {
            for (text, forms) in texts {
                // Nearly every word is the name of an image, too.
                let is_image = engine.scan_type == ScanType::Trivy && Target::artifact(text).is_ok();
                let is_listed = engine.targets.iter().any(|(listed, _)| forms.contains(listed));
                let place = format!("{} {text}", engine.scan_type);
                let taken = engine.target(text);
                assert_eq!(taken.is_ok(), is_listed || is_image, "{place}: {taken:?}");
                assert_eq!(engine.imported_target(text).is_ok(), taken.is_ok(), "{place}");
            }
            for (_, example) in engine.targets {
                engine.target(example).unwrap_or_else(|details| panic!("{example}: {details:?}"));
            }
        }
    }

    #[test]
    fn a_refusal_says_what_the_engine_takes() {
        let reasons: Vec<String> =
            engine(ScanType::Nmap).target("http://127.0.0.1:1/").unwrap_err().into_iter().map(|d| d.reason).collect();
        assert_eq!(reasons[0], "is of type url, which nmap does not take");
        assert!(reasons.contains(&"nmap takes network, such as 127.0.0.0/29".to_string()), "{reasons:?}");
    }

    #[test]
    fn files_by_their_path_are_what_a_report_is_of_and_no_scan() {
        let trivy = engine(ScanType::Trivy);
        for text in ["./project", "/srv/project", "~/project", "../project"] {
            let target = trivy.imported_target(text).unwrap();
            assert_eq!((target.to_string().as_str(), target.host().as_str()), (text, "project"));
            assert!(trivy.target(text).is_err() && engine(ScanType::Nmap).imported_target(text).is_err());
            assert_eq!(target.target_type(), TargetType::Upload);
            assert!(!target.is_a(TargetType::Upload), "no engine is given it");
        }
        assert!(trivy.imported_target(".").is_err());
    }

    #[test]
    fn every_scan_type_finds_its_own_row() {
        for scan_type in ScanType::ALL {
            assert_eq!(engine(*scan_type).scan_type, *scan_type);
        }
    }
}
