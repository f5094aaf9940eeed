//! API keys as users manage them: which bodies are right, and what a key may be given.

use crate::key::NewKey;
use crate::limit::Limits;
use crate::net;
use crate::schema::{self, Fault, Found};
use crate::scope::Scope;
use crate::store::api_key::{ApiKeyChange, ApiKeyRecord, KeyStatus};
use crate::store::tenant::TenantRecord;
use crate::tenant::networks;
use scanyard_contract::api_key::{ApiKey, ApiKeyStatus, CreateApiKey, UpdateApiKey};
use scanyard_contract::{ScanType, Timestamp};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Why a key cannot be as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum BadKey {
    Fields(Vec<Found>),
    /// Scopes that no key of the tenant can have, each with its field.
    Scopes {
        unknown: Vec<(String, String)>,
        known: Vec<&'static str>,
    },
    /// A scope that its maker lacks.
    Lacking(Scope),
}

/// Who makes or changes a key: for which tenant, and what they may do themselves.
pub struct Maker<'a> {
    pub tenant: &'a TenantRecord,
    /// The server's limits of a key without its own.
    pub limits: Limits,
    pub has: &'a dyn Fn(Scope) -> bool,
}

impl std::fmt::Debug for Maker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maker").field("tenant", &self.tenant.id).finish_non_exhaustive()
    }
}

impl Maker<'_> {
    /// The scopes of a key, all of which its maker has too.
    fn scopes(&self, words: &[String]) -> Result<Vec<Scope>, BadKey> {
        let known = Scope::for_keys(self.tenant.is_operator);
        let (mut scopes, mut unknown) = (Vec::with_capacity(words.len()), Vec::new());
        for (i, word) in words.iter().enumerate() {
            match word.parse().ok().filter(|scope| known.contains(scope)) {
                Some(scope) if scopes.contains(&scope) => {}
                Some(scope) => scopes.push(scope),
                None => unknown.push((format!("scopes[{i}]"), word.clone())),
            }
        }
        if !unknown.is_empty() {
            return Err(BadKey::Scopes { unknown, known: known.iter().map(|scope| scope.as_str()).collect() });
        }
        match scopes.iter().find(|scope| !(self.has)(**scope)) {
            Some(lacking) => Err(BadKey::Lacking(*lacking)),
            None => Ok(scopes),
        }
    }

    /// Goes on only when whoever gets this key's secret gets no more than they may do already.
    pub fn check_holds(&self, key: &ApiKeyRecord) -> Result<(), BadKey> {
        let held = key.scopes.iter().filter_map(|word| word.parse().ok());
        held.into_iter().find(|scope| !(self.has)(*scope)).map_or(Ok(()), |scope| Err(BadKey::Lacking(scope)))
    }

    /// A new key.
    pub fn create(&self, body: CreateApiKey, now: i64) -> Result<NewKey, BadKey> {
        let mut faults = Vec::new();
        check_name(&body.name, &mut faults);
        let allowed_ips = body.allowed_ip_addresses.map(|texts| networks(&texts, IPS, &mut faults));
        refuse(faults)?;
        let limits = [body.rate_limit_per_minute, body.rate_limit_per_hour, body.rate_limit_per_day];
        Ok(NewKey {
            name: body.name,
            description: body.description.filter(|text| !text.is_empty()),
            scopes: self.scopes(&body.scopes)?,
            allowed_scan_types: body.allowed_scan_types.map(once_each),
            allowed_ips,
            limits: [0, 1, 2].map(|window| limits[window].unwrap_or(self.limits[window])),
            follows: limits.map(|own| own.is_none()),
            expires_at: body.expires_in_days.map(|days| now + i64::from(days) * DAY_MS),
        })
    }

    /// A change of a key.
    pub fn change(&self, body: UpdateApiKey) -> Result<ApiKeyChange, BadKey> {
        let mut faults = Vec::new();
        body.name.iter().for_each(|name| check_name(name, &mut faults));
        let allowed_ips = body.allowed_ip_addresses.map(|given| given.map(|texts| networks(&texts, IPS, &mut faults)));
        refuse(faults)?;
        let scopes = body.scopes.map(|words| self.scopes(&words)).transpose()?;
        Ok(ApiKeyChange {
            name: body.name,
            description: body.description.map(|given| given.filter(|text| !text.is_empty())),
            scopes: scopes.map(|scopes| scopes.iter().map(|scope| scope.as_str().to_string()).collect()),
            allowed_scan_types: body.allowed_scan_types.map(|given| given.map(once_each)),
            allowed_ips,
            limits: [body.rate_limit_per_minute, body.rate_limit_per_hour, body.rate_limit_per_day],
        })
    }
}

/// The field of the addresses.
const IPS: &str = "allowedIpAddresses";

fn check_name(name: &str, faults: &mut Vec<Found>) {
    if name.chars().any(char::is_control) || name.trim().is_empty() {
        let fault = Fault::Bounds("must hold more than blanks, and no control characters".to_string());
        faults.push(Found { field: "name".to_string(), fault });
    }
}

fn refuse(mut faults: Vec<Found>) -> Result<(), BadKey> {
    if faults.is_empty() {
        return Ok(());
    }
    schema::sort(&mut faults);
    Err(BadKey::Fields(faults))
}

fn once_each(mut scan_types: Vec<ScanType>) -> Vec<ScanType> {
    scan_types.sort_unstable();
    scan_types.dedup();
    scan_types
}

/// A key's state at `now`: revoked, suspended, expired, in this order.
pub fn status(key: &ApiKeyRecord, now: i64) -> ApiKeyStatus {
    match key.status {
        KeyStatus::Revoked => ApiKeyStatus::Revoked,
        KeyStatus::Suspended => ApiKeyStatus::Suspended,
        KeyStatus::Active if key.expires_at.is_some_and(|at| at <= now) => ApiKeyStatus::Expired,
        KeyStatus::Active => ApiKeyStatus::Active,
    }
}

/// The key as the API shows it at `now`, with the limits that hold.
pub fn to_wire(key: &ApiKeyRecord, limits: Limits, now: i64) -> ApiKey {
    let [rate_limit_per_minute, rate_limit_per_hour, rate_limit_per_day] = limits;
    ApiKey {
        id: key.id.clone(),
        name: key.name.clone(),
        description: key.description.clone(),
        key_prefix: key.prefix.clone(),
        scopes: key.scopes.clone(),
        allowed_scan_types: key.allowed_scan_types.clone(),
        allowed_ip_addresses: key.allowed_ips.as_ref().map(|nets| nets.iter().map(net::show).collect()),
        rate_limit_per_minute,
        rate_limit_per_hour,
        rate_limit_per_day,
        status: status(key, now),
        expires_at: key.expires_at.map(Timestamp),
        created_at: Timestamp(key.created_at),
        rotated_at: key.rotated_at.map(Timestamp),
        previous_key_expires_at: key.previous_until.filter(|until| *until > now).map(Timestamp),
        last_used_at: key.last_used_at.map(Timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanyard_contract::TenantStatus;
    use scanyard_engines::policy::Policy;
    use serde_json::json;

    fn tenant(is_operator: bool) -> TenantRecord {
        TenantRecord {
            id: "t".into(),
            name: "t".into(),
            status: TenantStatus::Active,
            is_operator,
            plan: None,
            monthly_quota: None,
            default_limits: [None, Some(7), None],
            policy: Policy::default(),
            created_at: 0,
        }
    }

    /// Makes a key with these scopes for a tenant, as somebody who has `has`.
    fn made(is_operator: bool, has: &[Scope], scopes: &[&str]) -> Result<NewKey, BadKey> {
        let tenant = tenant(is_operator);
        let maker = Maker { tenant: &tenant, limits: [1, 2, 3], has: &|scope| has.contains(&scope) };
        maker.create(serde_json::from_value(json!({"name": "x", "scopes": scopes})).unwrap(), 0)
    }

    #[test]
    fn nobody_gives_a_scope_that_they_lack() {
        let has = [Scope::ApiKeysCreate, Scope::ScansRead];
        assert_eq!(made(true, &has, &["scans:read", "scans:read"]).unwrap().scopes, [Scope::ScansRead]);
        assert_eq!(made(true, &has, &["scans:read", "scans:create"]), Err(BadKey::Lacking(Scope::ScansCreate)));
    }

    #[test]
    fn no_key_makes_keys_and_the_operators_scopes_stay_in_its_tenant() {
        let unknown = |made: Result<NewKey, BadKey>| match made {
            Err(BadKey::Scopes { unknown, .. }) => unknown.into_iter().map(|(field, _)| field).collect::<Vec<_>>(),
            made => panic!("{made:?}"),
        };
        assert_eq!(unknown(made(true, Scope::ALL, &["scans:read", "api-keys:read"])), ["scopes[1]"]);
        let operators = ["tenants:read", "audit:read", "scans:*"];
        assert_eq!(unknown(made(false, Scope::ALL, &operators)), ["scopes[0]", "scopes[1]", "scopes[2]"]);
        assert_eq!(made(true, Scope::ALL, &operators[..2]).unwrap().scopes.len(), 2);
    }

    #[test]
    fn whoever_rotates_a_key_has_what_it_may_do() {
        let (key, _) = made(true, Scope::ALL, &["scans:read", "scans:create"]).unwrap().make("t", 0).unwrap();
        let tenant = tenant(true);
        let check = |has: &dyn Fn(Scope) -> bool| Maker { tenant: &tenant, limits: [1, 2, 3], has }.check_holds(&key);
        assert_eq!(check(&|_| true), Ok(()));
        assert_eq!(check(&|scope| scope == Scope::ScansRead), Err(BadKey::Lacking(Scope::ScansCreate)));
    }

    #[test]
    fn limits_are_the_keys_own_or_follow_the_tenants_and_the_servers() {
        let tenant = tenant(true);
        let maker = Maker { tenant: &tenant, limits: [1, 2, 3], has: &|_| true };
        let body = json!({"name": "x", "scopes": ["scans:read"], "rateLimitPerMinute": 9});
        let (key, _) = maker.create(serde_json::from_value(body).unwrap(), 0).unwrap().make("t", 0).unwrap();
        assert_eq!(key.limits_in(&tenant, [1, 2, 3]), [9, 7, 3]);
        let other = TenantRecord { default_limits: [Some(5); 3], ..tenant.clone() };
        assert_eq!(key.limits_in(&other, [1, 2, 3]), [9, 5, 5]);
    }
}
