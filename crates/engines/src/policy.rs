//! Which targets a tenant may scan.

use crate::Target;
use crate::address::{AddressClass, canonical, classify};
use crate::image::ImageRef;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A tenant's target policy. The operator grants; the tenant's own lists only narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Policy {
    /// Loopback, private and other non-public ranges that the operator grants.
    pub granted: Vec<IpNet>,
    /// When not empty, targets must match one of these.
    pub allow: Vec<Rule>,
    /// Targets must match none of these.
    pub deny: Vec<Rule>,
}

/// One entry of a tenant's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// Addresses.
    Network(IpNet),
    /// A domain and everything below it.
    Domain(String),
    /// TCP ports; only narrows what is scanned of a URL.
    Port(u16),
}

/// Why a target is refused; for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Policy {
    /// The operator's own policy: every address that is not forbidden to all.
    pub fn operator() -> Policy {
        let all = ["0.0.0.0/0", "::/0"];
        Policy { granted: all.iter().filter_map(|net| net.parse().ok()).collect(), ..Policy::default() }
    }

    /// Checks what can be known without a look-up: the name, the port and the literal addresses.
    pub fn check_literal(&self, target: &Target) -> Result<(), Refusal> {
        if let (Some(name), true) = (target.name(), self.deny.iter().any(|rule| rule.names(target.name()))) {
            return Err(Refusal(format!("{name} is on the tenant's deny list")));
        }
        if let Some(port) = target.port() {
            self.check_port(port)?;
        }
        if let Target::Image(image) = target {
            return self.check_registry(image);
        }
        match target.literals().as_slice() {
            [] => Ok(()),
            literals => self.check_addresses(target, literals),
        }
    }

    /// Checks a target whose addresses nobody looks up, because only others are asked about it: its name decides alone.
    pub fn check_name(&self, target: &Target) -> Result<(), Refusal> {
        self.check_literal(target)?;
        let mut limited =
            self.allow.iter().filter(|rule| matches!(rule, Rule::Network(_) | Rule::Domain(_))).peekable();
        if limited.peek().is_some() && !limited.any(|rule| rule.names(target.name())) {
            return Err(Refusal(format!("{target} is not on the tenant's allow list")));
        }
        Ok(())
    }

    /// Checks every address that the target stands for. This check decides; it runs at the start of each run.
    pub fn check_addresses(&self, target: &Target, addresses: &[IpAddr]) -> Result<(), Refusal> {
        for ip in addresses {
            self.check_address(target, *ip)?;
        }
        Ok(())
    }

    fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), Refusal> {
        let ip = canonical(address);
        match classify(address) {
            AddressClass::Forbidden => {
                return Err(Refusal(format!(
                    "{address} is link-local, multicast or a metadata service, refused always"
                )));
            }
            class @ (AddressClass::Loopback | AddressClass::Private)
                if !self.granted.iter().any(|net| net.contains(&ip)) =>
            {
                let what = if class == AddressClass::Loopback { "a loopback" } else { "a private" };
                return Err(Refusal(format!(
                    "{address} is {what} address; the operator grants such ranges per tenant"
                )));
            }
            AddressClass::Public | AddressClass::Loopback | AddressClass::Private => {}
        }
        if self.deny.iter().any(|rule| rule.covers(ip)) {
            return Err(Refusal(format!("{address} is on the tenant's deny list")));
        }
        let limits = |rule: &&Rule| matches!(rule, Rule::Network(_) | Rule::Domain(_));
        let mut limited = self.allow.iter().filter(limits).peekable();
        if limited.peek().is_some() && !limited.any(|rule| rule.covers(ip) || rule.names(target.name())) {
            return Err(Refusal(format!("{address} is not on the tenant's allow list")));
        }
        Ok(())
    }

    /// The tenant's own lists about the registry of an image; that it is asked at all, the operator's list decides.
    fn check_registry(&self, image: &ImageRef) -> Result<(), Refusal> {
        let host = image.registry_host();
        let ip: Option<IpAddr> = host.parse().ok();
        let is_named = |rule: &Rule| rule.names(Some(host)) || ip.is_some_and(|ip| rule.covers(ip));
        if self.deny.iter().any(is_named) {
            return Err(Refusal(format!("{host} is on the tenant's deny list")));
        }
        let is_limited = self.allow.iter().any(|rule| matches!(rule, Rule::Network(_) | Rule::Domain(_)));
        if is_limited && !self.allow.iter().any(is_named) {
            return Err(Refusal(format!("{host} is not on the tenant's allow list")));
        }
        Ok(())
    }

    fn check_port(&self, port: u16) -> Result<(), Refusal> {
        let is = |rule: &Rule| *rule == Rule::Port(port);
        let ports_listed = self.allow.iter().any(|rule| matches!(rule, Rule::Port(_)));
        if self.deny.iter().any(is) || (ports_listed && !self.allow.iter().any(is)) {
            return Err(Refusal(format!("port {port} is outside the tenant's lists")));
        }
        Ok(())
    }
}

impl Rule {
    fn covers(&self, ip: IpAddr) -> bool {
        matches!(self, Rule::Network(net) if net.contains(&ip))
    }

    fn names(&self, name: Option<&str>) -> bool {
        let (Rule::Domain(domain), Some(name)) = (self, name) else { return false };
        name == domain || name.strip_suffix(domain.as_str()).is_some_and(|head| head.ends_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &Policy, target: &str) -> Result<(), Refusal> {
        policy.check_literal(&Target::parse(target).unwrap())
    }

    #[test]
    fn a_new_tenant_scans_public_addresses_only() {
        let policy = Policy::default();
        assert!(check(&policy, "1.1.1.1").is_ok());
        for refused in
            ["127.0.0.1", "10.0.0.1", "http://[::1]/", "127.0.0.0/30", "http://127.0.0.1:80/", "169.254.169.254"]
        {
            assert!(check(&policy, refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_operator_scans_all_but_what_is_refused_always() {
        let policy = Policy::operator();
        assert!(check(&policy, "127.0.0.1").is_ok());
        assert!(check(&policy, "::ffff:10.0.0.1").is_ok());
        for refused in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "http://100.100.100.200/"]
        {
            assert!(check(&policy, refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn lists_only_narrow() {
        let network = |text: &str| Rule::Network(text.parse().unwrap());
        let policy = Policy {
            allow: vec![network("127.0.0.0/8"), Rule::Domain("example.test".into()), Rule::Port(443)],
            deny: vec![network("1.0.0.0/8"), Rule::Domain("no.example.test".into())],
            ..Policy::default()
        };
        assert!(check(&policy, "127.0.0.1").is_err(), "an allow list grants nothing");
        assert!(check(&policy, "8.8.8.8").is_err(), "not on the allow list");
        assert!(check(&policy, "a.no.example.test").is_err());
        assert!(check(&policy, "https://a.example.test/").is_ok());
        assert!(check(&policy, "http://a.example.test/").is_err(), "port 80");
        let named = Target::parse("a.example.test").unwrap();
        assert!(policy.check_addresses(&named, &["8.8.8.8".parse().unwrap()]).is_ok());
        assert!(policy.check_addresses(&named, &["1.1.1.1".parse().unwrap()]).is_err());
        assert!(policy.check_name(&named).is_ok());
        for refused in ["notexample.test", "a.no.example.test"] {
            assert!(policy.check_name(&Target::parse(refused).unwrap()).is_err(), "{refused}");
        }
        let image = |text: &str| policy.check_literal(&Target::artifact(text).unwrap());
        assert!(image("registry.example.test:5000/app").is_ok());
        assert!(image("no.example.test/app").is_err());
        assert!(image("other.test/app").is_err(), "not on the allow list");
        assert!(image("1.1.1.1/app").is_err());
        let other = Target::parse("notexample.test").unwrap();
        assert!(policy.check_addresses(&other, &["8.8.8.8".parse().unwrap()]).is_err());
    }
}
