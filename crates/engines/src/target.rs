//! Targets: parsed into types, printed again, never passed on as the user wrote them.

use crate::files::FilesName;
use crate::image::ImageRef;
use crate::site;
use crate::upload::UploadId;
use ipnet::IpNet;
use scanyard_contract::{ScanType, TargetType};
use std::fmt;
use std::net::IpAddr;
use url::Url;

/// The longest target text, in bytes.
pub const MAX_BYTES: usize = 2048;

/// The most addresses that a network target holds by default.
pub const MAX_NETWORK_ADDRESSES: u128 = 256;

/// What a scan is pointed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Ip(IpAddr),
    Network(IpNet),
    /// A DNS name: lower case, A-labels, no trailing dot.
    Host(String),
    /// `http` or `https`, with a host.
    Url(Url),
    /// Files that were uploaded: `upload:` and their id.
    Upload(UploadId),
    /// A container image in a registry.
    Image(ImageRef),
    /// Files of somewhere else, as whoever scanned them calls them. No engine scans them; a report can be of them.
    Files(FilesName),
}

/// Why a text is no target; for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetFault(pub String);

pub(crate) fn fault<T>(reason: impl Into<String>) -> Result<T, TargetFault> {
    Err(TargetFault(reason.into()))
}

/// What the target begins with that is an upload.
const UPLOAD: &str = "upload:";

impl Target {
    /// Reads a target of an engine: what one word means depends on who scans.
    pub fn parse_for(scan_type: ScanType, text: &str) -> Result<Target, TargetFault> {
        match scan_type {
            ScanType::Trivy => Target::artifact(text),
            ScanType::Nmap
            | ScanType::Zap
            | ScanType::Nuclei
            | ScanType::Nikto
            | ScanType::Sqlmap
            | ScanType::Wapiti
            | ScanType::Harvester
            | ScanType::Sublist3r
            | ScanType::Sentinel => Target::parse(text),
        }
    }

    /// Reads what a report of an engine is of: a target of the engine, or for one that scans files also a path such as
    /// `./project`, which names files and is opened nowhere.
    pub fn parse_imported(scan_type: ScanType, text: &str) -> Result<Target, TargetFault> {
        if scan_type == ScanType::Trivy && text.starts_with(['/', '.', '~']) {
            return Ok(Target::Files(FilesName::parse(text)?));
        }
        Target::parse_for(scan_type, text)
    }

    /// Reads a target that is no host: an upload or an image.
    pub fn artifact(text: &str) -> Result<Target, TargetFault> {
        if text.len() > MAX_BYTES {
            return fault(format!("is longer than {MAX_BYTES} bytes"));
        }
        match text.strip_prefix(UPLOAD) {
            Some(id) => match id.parse() {
                Ok(id) => Ok(Target::Upload(id)),
                Err(()) => fault("is not an upload: `upload:` and the id that `POST /uploads` gave, `upl-` and a UUID"),
            },
            None => Ok(Target::Image(ImageRef::parse(text)?)),
        }
    }

    /// Reads a target: an address, a network in CIDR notation, a host name or an http(s) URL.
    pub fn parse(text: &str) -> Result<Target, TargetFault> {
        if text.is_empty() {
            return fault("is empty");
        }
        if text.len() > MAX_BYTES {
            return fault(format!("is longer than {MAX_BYTES} bytes"));
        }
        if let Some(c) = text.chars().find(|c| c.is_control() || c.is_whitespace() || ",\\\"'`<>{}|^$;".contains(*c)) {
            return fault(format!("holds the character {c:?}, which no target has"));
        }
        if text.starts_with(['-', '@', '+']) {
            return fault(format!("begins with `{}`", &text[..1]));
        }
        if text.contains("://") {
            return url_target(text);
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Target::Ip(ip));
        }
        if let Some(ip) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).and_then(|t| t.parse().ok()) {
            return Ok(Target::Ip(IpAddr::V6(ip)));
        }
        if text.contains('/') {
            let Ok(network) = text.parse::<IpNet>() else {
                return fault("is neither a URL (http:// or https://) nor a network such as 127.0.0.0/29");
            };
            return network_target(network.trunc());
        }
        Ok(Target::Host(host_name(text)?))
    }

    /// The most specific type that the target is of. Files by a name are called what they would be to be scanned: an upload.
    pub fn target_type(&self) -> TargetType {
        match self {
            Target::Ip(_) => TargetType::Ip,
            Target::Network(_) => TargetType::Network,
            Target::Host(_) => TargetType::Host,
            Target::Url(_) => TargetType::Url,
            Target::Upload(_) | Target::Files(_) => TargetType::Upload,
            Target::Image(_) => TargetType::Image,
        }
    }

    /// Whether the target may be called that: an address and a name are both a host, a name is also a domain.
    pub fn is_a(&self, target_type: TargetType) -> bool {
        match target_type {
            TargetType::Host => matches!(self, Target::Host(_) | Target::Ip(_)),
            TargetType::Domain => matches!(self, Target::Host(_)),
            TargetType::Upload => matches!(self, Target::Upload(_)),
            TargetType::Ip | TargetType::Network | TargetType::Url | TargetType::Image => {
                self.target_type() == target_type
            }
        }
    }

    /// Whether what a report names is the target or a part of it: the same site, the same host, an address of the network.
    pub fn covers(&self, named: &Target) -> bool {
        match (self, named) {
            (Target::Url(url), Target::Url(named)) => site::is_same_site(url, named),
            (Target::Network(network), Target::Network(named)) => network.contains(named),
            (Target::Network(network), Target::Ip(named)) => network.contains(named),
            (Target::Image(image), Target::Image(named)) => image.is_same(named),
            // Each machine and each run calls the same files otherwise.
            (Target::Upload(_) | Target::Files(_), Target::Files(_)) => true,
            (Target::Ip(_) | Target::Host(_), Target::Ip(_) | Target::Host(_) | Target::Url(_))
            | (Target::Url(_), Target::Ip(_) | Target::Host(_)) => self.host() == named.host(),
            (
                Target::Ip(_)
                | Target::Network(_)
                | Target::Host(_)
                | Target::Url(_)
                | Target::Upload(_)
                | Target::Image(_)
                | Target::Files(_),
                _,
            ) => false,
        }
    }

    /// The host as findings and name lists call it: a name, or an address without brackets; a network as CIDR. Of what is
    /// no host, what two scans of it have in common: an upload's id, an image's name without tag and digest, the last part
    /// of a path.
    pub fn host(&self) -> String {
        match self {
            Target::Ip(ip) => ip.to_string(),
            Target::Network(network) => network.to_string(),
            Target::Host(name) => name.clone(),
            Target::Url(url) => url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_string(),
            Target::Upload(id) => id.to_string(),
            Target::Image(image) => image.name(),
            Target::Files(files) => files.last().to_string(),
        }
    }

    /// The name to look up, when the target is not an address already. An image's registry is none: which of them are
    /// asked, the operator says.
    pub fn name(&self) -> Option<&str> {
        match self {
            Target::Ip(_) | Target::Network(_) | Target::Upload(_) | Target::Image(_) | Target::Files(_) => None,
            Target::Host(name) => Some(name),
            Target::Url(url) => match url.host() {
                Some(url::Host::Domain(name)) => Some(name),
                Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | None => None,
            },
        }
    }

    /// The addresses that the target states itself, without a look-up.
    pub fn literals(&self) -> Vec<IpAddr> {
        match self {
            Target::Ip(ip) => vec![*ip],
            Target::Network(network) => network.hosts().collect(),
            Target::Host(_) | Target::Upload(_) | Target::Image(_) | Target::Files(_) => Vec::new(),
            Target::Url(url) => match url.host() {
                Some(url::Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
                Some(url::Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
                Some(url::Host::Domain(_)) | None => Vec::new(),
            },
        }
    }

    /// The port that a URL names or implies.
    pub fn port(&self) -> Option<u16> {
        self.url()?.port_or_known_default()
    }

    /// The URL of a target that is one.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Target::Url(url) => Some(url),
            Target::Ip(_)
            | Target::Network(_)
            | Target::Host(_)
            | Target::Upload(_)
            | Target::Image(_)
            | Target::Files(_) => None,
        }
    }

    /// The host name of a target that is one.
    pub fn into_host_name(self) -> Option<String> {
        match self {
            Target::Host(name) => Some(name),
            Target::Ip(_)
            | Target::Network(_)
            | Target::Url(_)
            | Target::Upload(_)
            | Target::Image(_)
            | Target::Files(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Ip(ip) => ip.fmt(f),
            Target::Network(network) => network.fmt(f),
            Target::Host(name) => name.fmt(f),
            Target::Url(url) => url.fmt(f),
            Target::Upload(id) => write!(f, "{UPLOAD}{id}"),
            Target::Image(image) => image.fmt(f),
            Target::Files(files) => files.fmt(f),
        }
    }
}

fn url_target(text: &str) -> Result<Target, TargetFault> {
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return fault(format!("is not a URL: {error}")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return fault(format!("has the scheme {}; use http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fault("carries credentials in the URL");
    }
    url.set_fragment(None);
    match url.host() {
        Some(url::Host::Domain(name)) => {
            let name = host_name(name)?;
            if url.set_host(Some(&name)).is_err() {
                return fault("has no usable host");
            }
        }
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => {}
        None => return fault("has no host"),
    }
    Ok(Target::Url(url))
}

fn network_target(network: IpNet) -> Result<Target, TargetFault> {
    let bits = u32::from(network.max_prefix_len() - network.prefix_len());
    let addresses = 1u128.checked_shl(bits).unwrap_or(u128::MAX);
    if addresses > MAX_NETWORK_ADDRESSES {
        return fault(format!("is a network of more than {MAX_NETWORK_ADDRESSES} addresses; split it"));
    }
    if bits == 0 {
        return Ok(Target::Ip(network.addr()));
    }
    Ok(Target::Network(network))
}

/// Reads a DNS name into lower-case A-labels; refuses what looks like an address range, an option or a file.
pub(crate) fn host_name(text: &str) -> Result<String, TargetFault> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let Ok(name) = idna::domain_to_ascii_strict(text) else {
        return fault("is not a host name, an address, a network or a URL");
    };
    if name.is_empty() || name.len() > 253 {
        return fault("is not a host name: 1 to 253 characters");
    }
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
            return fault("is not a host name: labels are 1 to 63 letters, digits and inner hyphens");
        }
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        return fault("looks like an address, but is not one: write IPv4 as four decimal numbers");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_parses_and_prints_normalised() {
        for (text, printed, target_type) in [
            ("127.0.0.1", "127.0.0.1", TargetType::Ip),
            ("::1", "::1", TargetType::Ip),
            ("[::1]", "::1", TargetType::Ip),
            ("127.0.0.9/29", "127.0.0.8/29", TargetType::Network),
            ("127.0.0.1/32", "127.0.0.1", TargetType::Ip),
            ("App.Example.TEST.", "app.example.test", TargetType::Host),
            ("bücher.example.test", "xn--bcher-kva.example.test", TargetType::Host),
            ("HTTPS://App.Example.test:443/a?b=c#d", "https://app.example.test/a?b=c", TargetType::Url),
            ("http://[::1]:8080", "http://[::1]:8080/", TargetType::Url),
        ] {
            let target = Target::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(target.to_string(), printed);
            assert_eq!(target.target_type(), target_type, "{text}");
        }
    }

    #[test]
    fn what_an_engine_could_take_for_something_else_is_refused() {
        for text in [
            "",
            "-oN",
            "-iL",
            "@file",
            "a\nb",
            "a b",
            "a,b",
            "127.0.0.1-2",
            "127.0.0.*",
            "localhost/30",
            "/etc/passwd",
            "../x",
            "file:///etc/passwd",
            "ftp://a.test/",
            "http://user:pw@a.test/",
            "127.0.0.256",
            "0x7f.1",
            "127.1",
            "2130706433",
            "a..b",
            "a_b..",
            "-a.test",
            "127.0.0.0/8",
            "::/0",
            "${HOME}",
            "http://",
            "a:80",
            "x'y",
        ] {
            assert!(Target::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn one_word_means_to_each_engine_what_it_scans() {
        let id = "upload:upl-019a0000-0000-7000-8000-000000000001";
        assert_eq!(Target::parse_for(ScanType::Trivy, id).unwrap().target_type(), TargetType::Upload);
        assert_eq!(Target::parse_for(ScanType::Trivy, id).unwrap().to_string(), id);
        assert_eq!(Target::parse_for(ScanType::Trivy, "app").unwrap().target_type(), TargetType::Image);
        assert_eq!(Target::parse_for(ScanType::Nmap, "app").unwrap().target_type(), TargetType::Host);
        for text in ["upload:", "upload:x", "upload:upl-../../etc", "http://127.0.0.1/"] {
            assert!(Target::parse_for(ScanType::Trivy, text).is_err(), "{text}");
        }
        assert!(Target::parse_for(ScanType::Nmap, id).is_err());
    }

    #[test]
    fn the_url_of_an_address_in_disguise_shows_its_address() {
        assert_eq!(Target::parse("http://0x7f.1/").unwrap().to_string(), "http://127.0.0.1/");
        assert_eq!(Target::parse("http://2130706433/").unwrap().literals(), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    }

    proptest! {
        #[test]
        fn a_printed_target_reads_back(text in "\\PC{0,40}") {
            if let Ok(target) = Target::parse(&text) {
                let printed = target.to_string();
                prop_assert!(!printed.starts_with('-'));
                prop_assert_eq!(Target::parse(&printed).unwrap(), target);
            }
        }

        #[test]
        fn names_read_back(text in "[a-z0-9-]{1,20}(\\.[a-z0-9-]{1,20}){0,3}") {
            if let Ok(target) = Target::parse(&text) {
                prop_assert_eq!(Target::parse(&target.to_string()).unwrap(), target);
            }
        }
    }
}
