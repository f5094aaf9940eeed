//! Which receivers may be called. A caller of the API chooses the URL, so it must not lead into the operator's network:
//! the addresses are checked where the connection is made, after the last look-up.

use crate::config::Allow;
use scanyard_engines::address::{AddressClass, classify};
use scanyard_engines::resolve::{ResolveFault, Resolver};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// How long a name is looked up.
const LOOKUP_BUDGET: Duration = Duration::from_secs(4);

/// Decides about addresses; cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard {
    resolver: Resolver,
    allow: Arc<[Allow]>,
}

/// Why a receiver is not called. The address that a name has is not told: it could be one of the operator's network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("is not an address that this server calls: it is not public")]
    Address,
    #[error("{0} resolves to an address that this server does not call: it is not public")]
    Name(String),
    #[error("{0} does not resolve to any address")]
    NotFound(String),
    #[error("{0} could not be looked up")]
    Trouble(String),
}

/// Reads the URL of a receiver; says what is wrong with it.
pub fn parse_url(text: &str) -> Result<Url, &'static str> {
    // The parser would repair what stands around and between.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("must not hold blanks or control characters");
    }
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if url.scheme() != "https" {
        return Err("must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password");
    }
    if url.host().is_none() || url.port() == Some(0) {
        return Err("must name a host and, if any, a port from 1");
    }
    Ok(url)
}

impl Guard {
    pub fn new(resolver: Resolver, allow: &[Allow]) -> Guard {
        Guard { resolver, allow: allow.into() }
    }

    /// Where a URL leads: every address of its host, each of them allowed.
    pub async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Refusal> {
        let port = url.port_or_known_default().unwrap_or(443);
        let ips = match url.host() {
            Some(Host::Domain(name)) => self.lookup(name).await?,
            Some(Host::Ipv4(ip)) => vec![self.check_literal(ip.into())?],
            Some(Host::Ipv6(ip)) => vec![self.check_literal(ip.into())?],
            None => Vec::new(),
        };
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// Checks a URL whose host is an address: no look-up will see it.
    pub fn check_literals(&self, url: &Url) -> Result<(), Refusal> {
        match url.host() {
            Some(Host::Ipv4(ip)) => self.check_literal(ip.into()).map(drop),
            Some(Host::Ipv6(ip)) => self.check_literal(ip.into()).map(drop),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    fn check_literal(&self, ip: IpAddr) -> Result<IpAddr, Refusal> {
        if self.allows(ip, None) { Ok(ip) } else { Err(Refusal::Address) }
    }

    /// The addresses of a name; one that is refused refuses all.
    async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, Refusal> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let addresses = self.resolver.lookup(&name, LOOKUP_BUDGET).await.map_err(|fault| match fault {
            ResolveFault::NotFound(name) => Refusal::NotFound(name),
            ResolveFault::Trouble { name, .. } => Refusal::Trouble(name),
        })?;
        if addresses.is_empty() {
            return Err(Refusal::NotFound(name));
        }
        if addresses.iter().all(|ip| self.allows(*ip, Some(&name))) { Ok(addresses) } else { Err(Refusal::Name(name)) }
    }

    fn allows(&self, ip: IpAddr, name: Option<&str>) -> bool {
        match classify(ip) {
            AddressClass::Public => true,
            AddressClass::Forbidden => false,
            AddressClass::Loopback | AddressClass::Private => {
                let ip = scanyard_engines::address::canonical(ip);
                self.allow.iter().any(|entry| match entry {
                    Allow::Net(net) => net.contains(&ip),
                    Allow::Host(host) => name == Some(host),
                })
            }
        }
    }
}

impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let ips = guard.lookup(name.as_str()).await?;
            let addresses: reqwest::dns::Addrs = Box::new(ips.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &[Allow]) -> Guard {
        // Port 9 on loopback: nothing answers, and no literal asks.
        Guard::new(Resolver::new(&["127.0.0.1:9".parse().unwrap()]).unwrap(), allow)
    }

    fn literal(guard: &Guard, host: &str) -> Result<(), Refusal> {
        guard.check_literals(&parse_url(&format!("https://{host}/")).unwrap())
    }

    #[test]
    fn no_spelling_of_an_inner_address_gets_through() {
        let guard = guard(&[]);
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fd00::1]",
            "[fe80::1]",
            "１２７.0.0.1",
            "224.0.0.1",
        ] {
            assert_eq!(literal(&guard, host), Err(Refusal::Address), "{host}");
        }
        assert_eq!(literal(&guard, "1.1.1.1"), Ok(()));
    }

    #[test]
    fn the_operators_list_opens_what_is_private_and_never_what_is_forbidden() {
        let guard = guard(&["127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/0"].map(|net| Allow::Net(net.parse().unwrap())));
        assert_eq!(literal(&guard, "127.0.0.1"), Ok(()));
        assert_eq!(literal(&guard, "[::ffff:127.0.0.1]"), Ok(()));
        assert_eq!(literal(&guard, "10.1.2.3"), Ok(()));
        assert_eq!(literal(&guard, "169.254.169.254"), Err(Refusal::Address));
        assert_eq!(literal(&guard, "[::1]"), Err(Refusal::Address));
    }

    #[test]
    fn a_url_is_https_and_holds_no_credentials() {
        for text in [
            "http://example.test/",
            "ftp://example.test",
            "example.test",
            "",
            "https://",
            "//example.test",
            "https://user@example.test/",
            "https://user:pass@example.test/",
            "https://:pass@example.test/",
            "https://example.test:0/",
            "https://example.test:70000/",
            " https://example.test/",
            "https://exa\nmple.test/",
            "https://[::1/",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ] {
            assert!(parse_url(text).is_err(), "{text}");
        }
        for text in ["https://example.test", "https://example.test:8443/a?b=c", "HTTPS://Example.Test/"] {
            assert!(parse_url(text).is_ok(), "{text}");
        }
    }
}
