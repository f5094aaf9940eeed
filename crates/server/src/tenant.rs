//! Tenants: what makes one, and how its policy is written.

use crate::net;
use crate::schema::{self, Fault, Found};
use crate::store::tenant::{TenantChange, TenantRecord};
use ipnet::IpNet;
use scanyard_contract::tenant::{CreateTenant, DefaultLimits, TargetList, TargetPolicy, UpdateTenant};
use scanyard_contract::{Tenant, TenantStatus, Timestamp};
use scanyard_engines::Target;
use scanyard_engines::policy::{Policy, Rule};
use uuid::Uuid;

/// A new tenant; every fault of the body when there is one.
pub fn create(body: CreateTenant, now: i64) -> Result<TenantRecord, Vec<Found>> {
    let CreateTenant { name, plan, monthly_quota, default_limits, policy } = body;
    let mut faults = Vec::new();
    check_text(&name, "name", &mut faults);
    plan.iter().for_each(|plan| check_text(plan, "plan", &mut faults));
    let policy = self::policy(&policy.unwrap_or_default(), &mut faults);
    if !faults.is_empty() {
        schema::sort(&mut faults);
        return Err(faults);
    }
    Ok(TenantRecord {
        id: Uuid::now_v7().to_string(),
        name,
        status: TenantStatus::Active,
        is_operator: false,
        plan,
        monthly_quota,
        default_limits: limits(&default_limits.unwrap_or_default()),
        policy,
        created_at: now,
    })
}

/// What a PATCH changes; every fault of the body when there is one.
pub fn change(body: UpdateTenant) -> Result<TenantChange, Vec<Found>> {
    let UpdateTenant { plan, monthly_quota, default_limits, policy } = body;
    let mut faults = Vec::new();
    plan.iter().flatten().for_each(|plan| check_text(plan, "plan", &mut faults));
    let policy = policy.map(|policy| self::policy(&policy.unwrap_or_default(), &mut faults));
    if !faults.is_empty() {
        schema::sort(&mut faults);
        return Err(faults);
    }
    let default_limits = default_limits.map(|given| limits(&given.unwrap_or_default()));
    Ok(TenantChange { plan, monthly_quota, default_limits, policy })
}

/// The tenant as the API shows it.
pub fn to_wire(tenant: &TenantRecord) -> Tenant {
    let [rate_limit_per_minute, rate_limit_per_hour, rate_limit_per_day] = tenant.default_limits;
    Tenant {
        id: tenant.id.parse().unwrap_or_default(),
        name: tenant.name.clone(),
        status: tenant.status,
        is_operator: tenant.is_operator,
        plan: tenant.plan.clone(),
        monthly_quota: tenant.monthly_quota,
        default_limits: DefaultLimits { rate_limit_per_minute, rate_limit_per_hour, rate_limit_per_day },
        policy: TargetPolicy {
            granted: tenant.policy.granted.iter().map(net::show).collect(),
            allow: list_to_wire(&tenant.policy.allow),
            deny: list_to_wire(&tenant.policy.deny),
        },
        created_at: Timestamp(tenant.created_at),
    }
}

fn check_text(text: &str, field: &str, faults: &mut Vec<Found>) {
    if text.trim() != text || text.chars().any(char::is_control) {
        let reason = "must not begin or end in a blank or hold control characters".to_string();
        faults.push(Found { field: field.to_string(), fault: Fault::Bounds(reason) });
    }
}

fn limits(limits: &DefaultLimits) -> [Option<u64>; 3] {
    let DefaultLimits { rate_limit_per_minute, rate_limit_per_hour, rate_limit_per_day } = limits;
    [*rate_limit_per_minute, *rate_limit_per_hour, *rate_limit_per_day]
}

fn policy(wire: &TargetPolicy, faults: &mut Vec<Found>) -> Policy {
    let TargetPolicy { granted, allow, deny } = wire;
    Policy {
        granted: networks(granted, "policy.granted", faults),
        allow: rules(allow, "policy.allow", faults),
        deny: rules(deny, "policy.deny", faults),
    }
}

/// The networks of a list; what is none is a fault.
pub fn networks(texts: &[String], field: &str, faults: &mut Vec<Found>) -> Vec<IpNet> {
    let mut found = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        match net::parse(text) {
            Ok(net) => found.push(net),
            Err(reason) => faults.push(Found { field: format!("{field}[{i}]"), fault: Fault::Bounds(reason) }),
        }
    }
    found
}

fn rules(list: &TargetList, field: &str, faults: &mut Vec<Found>) -> Vec<Rule> {
    let TargetList { networks: texts, domains, ports } = list;
    let networks = networks(texts, &format!("{field}.networks"), faults);
    let mut rules: Vec<Rule> = networks.into_iter().map(Rule::Network).collect();
    for (i, text) in domains.iter().enumerate() {
        match Target::parse(text).ok().and_then(Target::into_host_name) {
            Some(name) => rules.push(Rule::Domain(name)),
            None => {
                let reason = "must be a domain such as example.test".to_string();
                faults.push(Found { field: format!("{field}.domains[{i}]"), fault: Fault::Bounds(reason) });
            }
        }
    }
    for (i, port) in ports.iter().enumerate() {
        if *port == 0 {
            let fault = Fault::Bounds("must be 1 to 65535".to_string());
            faults.push(Found { field: format!("{field}.ports[{i}]"), fault });
        }
        rules.push(Rule::Port(*port));
    }
    rules
}

fn list_to_wire(rules: &[Rule]) -> TargetList {
    let mut list = TargetList::default();
    for rule in rules {
        match rule {
            Rule::Network(net) => list.networks.push(net::show(net)),
            Rule::Domain(domain) => list.domains.push(domain.clone()),
            Rule::Port(port) => list.ports.push(*port),
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_reads_back_as_it_was_written() {
        let policy = json!({
            "granted": ["10.0.0.0/8", "127.0.0.1", "fd00::/8"],
            "allow": {"networks": ["10.1.0.0/16"], "domains": ["example.test"], "ports": [443]},
            "deny": {"networks": [], "domains": ["no.example.test"], "ports": []},
        });
        let body = json!({"name": "Example Org", "policy": policy});
        let tenant = create(serde_json::from_value(body).unwrap(), 0).unwrap();
        assert_eq!(serde_json::to_value(to_wire(&tenant)).unwrap()["policy"], policy);
    }

    #[test]
    fn every_fault_has_its_field() {
        let body = json!({"name": " x", "plan": "a\nb", "policy": {
            "granted": ["10.0.0.1/8"],
            "allow": {"networks": ["x"], "domains": ["127.0.0.1", "http://example.test/"], "ports": [0]},
        }});
        let faults = create(serde_json::from_value(body).unwrap(), 0).unwrap_err();
        let fields: Vec<&str> = faults.iter().map(|found| found.field.as_str()).collect();
        let list = "policy.allow.domains[0] policy.allow.domains[1] policy.allow.networks[0] policy.allow.ports[0]";
        assert_eq!(fields.join(" "), format!("name plan {list} policy.granted[0]"));
    }
}
