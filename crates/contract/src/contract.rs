//! The contracts and their services: which API answered.

use crate::scan::words;
use serde::{Deserialize, Serialize};
use std::time::Duration;

words! {
    /// An API, or a library around one, that says how it fails.
    Contract {
        /// Scanyard's own.
        ScanApi = "scan-api",
        /// Tenable Vulnerability Management.
        Tenable = "tenable",
        /// Zscaler OneAPI with its services.
        Zscaler = "zscaler",
        /// Arctic Wolf with its APIs.
        ArcticWolf = "arctic-wolf",
        /// The exception classes of the Python library pyTenable.
        Pytenable = "pytenable",
    }
}

words! {
    /// One of the APIs of a vendor that has several.
    Service {
        /// What all services of Zscaler OneAPI share: the gateway and the token endpoint.
        Common = "common",
        /// Zscaler Internet Access.
        Zia = "zia",
        /// Zscaler Private Access.
        Zpa = "zpa",
        /// Zscaler Client Connector.
        Zcc = "zcc",
        /// Zscaler Cloud & Branch Connector, in addresses `ztw`.
        Cbc = "cbc",
        Zidentity = "zidentity",
        /// Zscaler Digital Experience.
        Zdx = "zdx",
        /// Zscaler Business Insights.
        Bi = "bi",
        /// Zscaler Cellular.
        Zcell = "zcell",
        /// Zscaler External Attack Surface Management.
        Easm = "easm",
        /// Zscaler Workflow Automation.
        Zwa = "zwa",
        /// Zscaler's two GraphQL APIs, `zins` and `zms`.
        Graphql = "graphql",
        /// Arctic Wolf Aurora Endpoint Defense, formerly Cylance.
        Aurora = "aurora",
        Ticket = "ticket",
        Organizations = "organizations",
        DataRetrieval = "data-retrieval",
        Reports = "reports",
    }
}

impl Contract {
    /// The name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Contract::ScanApi => "Scan API",
            Contract::Tenable => "Tenable Vulnerability Management",
            Contract::Zscaler => "Zscaler OneAPI",
            Contract::ArcticWolf => "Arctic Wolf",
            Contract::Pytenable => "pyTenable's exceptions",
        }
    }

    /// Its services, in the order of its pages; empty when it has only itself.
    pub fn services(self) -> impl Iterator<Item = Service> {
        Service::ALL.iter().copied().filter(move |service| service.contract() == self)
    }

    /// How long to wait after a 429 that names no wait, where the vendor's own clients do so.
    pub fn assumed_wait(self) -> Option<Duration> {
        match self {
            Contract::ArcticWolf => Some(Duration::from_secs(60)),
            Contract::ScanApi | Contract::Tenable | Contract::Zscaler | Contract::Pytenable => None,
        }
    }
}

impl Service {
    /// The vendor whose service it is.
    pub fn contract(self) -> Contract {
        match self {
            Service::Common
            | Service::Zia
            | Service::Zpa
            | Service::Zcc
            | Service::Cbc
            | Service::Zidentity
            | Service::Zdx
            | Service::Bi
            | Service::Zcell
            | Service::Easm
            | Service::Zwa
            | Service::Graphql => Contract::Zscaler,
            Service::Aurora | Service::Ticket | Service::Organizations | Service::DataRetrieval | Service::Reports => {
                Contract::ArcticWolf
            }
        }
    }

    /// The service of this contract by its name or one of its other names; in any case of letters.
    pub fn named(contract: Contract, name: &str) -> Option<Service> {
        let name = name.to_ascii_lowercase();
        let service = match name.as_str() {
            "ztw" | "ztb" => Service::Cbc,
            "oneapi" => Service::Common,
            "zid" | "ziam" => Service::Zidentity,
            "zins" | "zms" => Service::Graphql,
            "cylance" => Service::Aurora,
            "tickets" => Service::Ticket,
            other => other.parse().ok()?,
        };
        (service.contract() == contract).then_some(service)
    }

    /// The service that a request went to, by the host and the path of its URL; `None` where they do not tell.
    pub fn of_url(contract: Contract, host: &str, path: &str) -> Option<Service> {
        match contract {
            Contract::Zscaler => zscaler_service(host, path),
            Contract::ArcticWolf => arctic_wolf_service(host, path),
            Contract::ScanApi | Contract::Tenable | Contract::Pytenable => None,
        }
    }
}

fn zscaler_service(host: &str, path: &str) -> Option<Service> {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "oauth2" => return Some(Service::Common),
        "zia" => return Some(Service::Zia),
        "zpa" | "mgmtconfig" | "userconfig" | "signin" => return Some(Service::Zpa),
        "zcc" | "papi" => return Some(Service::Zcc),
        "ztw" => return Some(Service::Cbc),
        "ziam" | "admin" => return Some(Service::Zidentity),
        "zdx" => return Some(Service::Zdx),
        "bi" => return Some(Service::Bi),
        "zcell" => return Some(Service::Zcell),
        "easm" => return Some(Service::Easm),
        "zwa" => return Some(Service::Zwa),
        "zins" | "zms" => return Some(Service::Graphql),
        _ => {}
    }
    let hosts = [
        ("connector.", Service::Cbc),
        ("zsapi.", Service::Zia),
        ("api-mobile.", Service::Zcc),
        ("config.", Service::Zpa),
    ];
    let by_host = hosts.into_iter().find(|(start, _)| host.starts_with(start)).map(|(_, service)| service);
    // The older addresses of ZIA and CBC have the same paths; at an address that is neither's it is most likely ZIA.
    by_host.or_else(|| (first == "api").then_some(Service::Zia))
}

fn arctic_wolf_service(host: &str, path: &str) -> Option<Service> {
    let hosts = [
        ("protectapi", Service::Aurora),
        ("ticket-api.", Service::Ticket),
        ("eloc.", Service::Organizations),
        ("data-retrieval", Service::DataRetrieval),
        ("msp-reporting.", Service::Reports),
    ];
    if let Some((_, service)) = hosts.into_iter().find(|(start, _)| host.starts_with(start)) {
        return Some(service);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["auth", "v2", ..] | [_, "v2", ..] => Some(Service::Aurora),
        ["api", "v1beta", ..] => Some(Service::DataRetrieval),
        ["api", "v1", "organizations"] => Some(Service::Organizations),
        ["api", "v1", "organizations", _, "tickets", ..] => Some(Service::Ticket),
        ["api", "v1", "organizations", _, "reports", ..] => Some(Service::Reports),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_found_by_any_of_its_names_within_its_contract() {
        assert_eq!(Service::named(Contract::Zscaler, "ZTW"), Some(Service::Cbc));
        assert_eq!(Service::named(Contract::Zscaler, "oneapi"), Some(Service::Common));
        assert_eq!(Service::named(Contract::Tenable, "zia"), None);
        for service in Service::ALL {
            assert_eq!(Service::named(service.contract(), service.as_str()), Some(*service));
        }
    }

    #[test]
    fn the_address_tells_the_service() {
        let zscaler = |host, path| Service::of_url(Contract::Zscaler, host, path);
        assert_eq!(zscaler("api.zsapi.net", "/zia/api/v1/urlCategories"), Some(Service::Zia));
        assert_eq!(zscaler("config.private.zscaler.com", "/mgmtconfig/v1/admin"), Some(Service::Zpa));
        assert_eq!(zscaler("connector.zscaler.net", "/api/v1/auth"), Some(Service::Cbc));
        assert_eq!(zscaler("x.zslogin.net", "/oauth2/v1/token"), Some(Service::Common));
        assert_eq!(zscaler("127.0.0.1", "/api/v1/urlCategories"), Some(Service::Zia));
        assert_eq!(zscaler("127.0.0.1", "/"), None);
        let wolf = |path| Service::of_url(Contract::ArcticWolf, "127.0.0.1", path);
        assert_eq!(wolf("/users/v2"), Some(Service::Aurora));
        assert_eq!(wolf("/api/v1/organizations"), Some(Service::Organizations));
        assert_eq!(wolf("/api/v1/organizations/x/tickets/1"), Some(Service::Ticket));
        assert_eq!(wolf("/api/v1/organizations/x/reports"), Some(Service::Reports));
        assert_eq!(wolf("/api/v1beta/organizations/x/data-sources"), Some(Service::DataRetrieval));
    }
}
