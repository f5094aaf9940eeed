//! The ten engines as a table: what each is called, what it takes, and where it is found on this machine.

use crate::{harvester, nikto, nmap, nuclei, sentinel, sqlmap, sublist3r, trivy, wapiti, zap};
use scanyard_contract::ScanType;
use scanyard_contract::scan::TargetType;
use serde_json::Value;
use std::path::{Path, PathBuf};
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

/// Looks for an engine: the configured path alone when there is one, else in `installed`, the folder that
/// `scripts/install-engines` fills, then in `/usr/bin` and `/usr/local/bin`; never by `PATH`.
pub fn locate(scan_type: ScanType, configured: Option<&Path>, installed: Option<&Path>) -> Availability {
    match scan_type {
        ScanType::Sentinel => Availability::Native,
        ScanType::Nmap
        | ScanType::Trivy
        | ScanType::Nikto
        | ScanType::Sqlmap
        | ScanType::Wapiti
        | ScanType::Zap
        | ScanType::Nuclei
        | ScanType::Harvester
        | ScanType::Sublist3r => {
            let searched = match configured {
                Some(path) => vec![path.to_path_buf()],
                None => places(scan_type, installed),
            };
            match searched.iter().find(|path| path.is_file()) {
                Some(path) => Availability::Program(path.clone()),
                None => Availability::Missing { searched },
            }
        }
    }
}

/// Where an engine can be: a virtual environment has its programs in `bin`, a vendor's archive in its top folder.
fn places(scan_type: ScanType, installed: Option<&Path>) -> Vec<PathBuf> {
    let program = engine(scan_type).program;
    let own = installed.map(|dir| dir.join(scan_type.as_str()));
    let own = own.into_iter().flat_map(|dir| [dir.join("bin"), dir]);
    own.chain(["/usr/bin", "/usr/local/bin"].map(PathBuf::from)).map(|dir| dir.join(program)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_of_the_install_script_comes_before_the_system_s() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("nmap/bin/nmap");
        let find = || locate(ScanType::Nmap, None, Some(dir.path()));
        assert_ne!(find(), Availability::Program(own.clone()));
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "").unwrap();
        assert_eq!(find(), Availability::Program(own));
    }

    #[test]
    fn a_configured_path_is_the_only_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nmap");
        let searched = vec![path.clone()];
        assert_eq!(locate(ScanType::Nmap, Some(&path), None), Availability::Missing { searched });
        std::fs::write(&path, "").unwrap();
        assert_eq!(locate(ScanType::Nmap, Some(&path), None), Availability::Program(path));
    }

    #[test]
    fn every_scan_type_finds_its_own_row() {
        for scan_type in ScanType::ALL {
            assert_eq!(engine(*scan_type).scan_type, *scan_type);
        }
    }
}
