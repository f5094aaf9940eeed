//! API keys: how they are made, recognised and looked up. The key itself is never kept, only its SHA-256.

use crate::config;
use crate::limit::Limits;
use crate::scope::Scope;
use crate::store::api_key::{self, ApiKeyRecord, Holder, KeyStatus};
use crate::store::audit::{self, Actor, AuditRecord};
use crate::store::{Store, StoreError, tenant};
use ipnet::IpNet;
use ring::rand::{SecureRandom, SystemRandom};
use scanyard_contract::ScanType;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// What every key begins with.
pub const PREFIX: &str = "cix_sk_";
/// Random characters of a new key.
const RANDOM: usize = 40;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// How long a looked-up key is believed, in milliseconds: what is revoked stops within that time on every node.
const CACHE_MS: i64 = 1_000;
/// Looked-up keys that are kept at most; beyond it the old ones go.
const CACHE_SIZE: usize = 10_000;

/// A key in the clear: shown once, when it is made.
#[derive(Clone)]
pub struct RawKey(String);

impl std::fmt::Debug for RawKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawKey(…)")
    }
}

impl RawKey {
    /// Makes a new key.
    pub fn generate() -> Result<RawKey, ring::error::Unspecified> {
        let random = SystemRandom::new();
        let mut text = String::from(PREFIX);
        let mut bytes = [0u8; 64];
        while text.len() < PREFIX.len() + RANDOM {
            random.fill(&mut bytes)?;
            // Bytes from 248 on would make the first letters likelier.
            let fair = bytes.iter().filter(|byte| **byte < 248);
            let room = PREFIX.len() + RANDOM - text.len();
            text.extend(fair.take(room).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
        }
        Ok(RawKey(text))
    }

    /// The key itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// Its first characters, by which its owner knows it again.
    pub fn prefix(&self) -> &str {
        &self.0[..12]
    }
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewKey {
    /// 1 to 255 characters.
    pub name: String,
    pub description: Option<String>,
    pub scopes: Vec<Scope>,
    /// `None`: all.
    pub allowed_scan_types: Option<Vec<ScanType>>,
    /// `None`: any.
    pub allowed_ips: Option<Vec<IpNet>>,
    /// Requests a minute, an hour and a day.
    pub limits: Limits,
    /// Of which windows the limit is not its own: it follows the tenant's default, and the server's where that has none.
    pub follows: [bool; 3],
    /// Epoch milliseconds; `None`: never.
    pub expires_at: Option<i64>,
}

/// Why a key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NewKeyError {
    #[error("a key's name is 1 to 255 characters")]
    Name,
    #[error("a key needs at least one scope")]
    NoScope,
    #[error("a key's limits are at least 1")]
    Limit,
    #[error("the system gives no random numbers")]
    Random,
    #[error("only the operator's tenant has keys with the scope {0}")]
    Scope(&'static str),
    #[error("there is no tenant {0}")]
    NoTenant(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NewKey {
    /// A key without a name or scopes, with the configured limits.
    pub fn with_limits(limits: &config::Limits) -> NewKey {
        NewKey {
            name: String::new(),
            description: None,
            scopes: Vec::new(),
            allowed_scan_types: None,
            allowed_ips: None,
            limits: limits.of_keys(),
            follows: [false; 3],
            expires_at: None,
        }
    }

    /// Makes the key: what is stored of it, and the key itself.
    pub fn make(self, tenant_id: &str, now: i64) -> Result<(ApiKeyRecord, RawKey), NewKeyError> {
        let NewKey { name, description, scopes, allowed_scan_types, allowed_ips, limits, follows, expires_at } = self;
        if !(1..=255).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(NewKeyError::Name);
        }
        if scopes.is_empty() {
            return Err(NewKeyError::NoScope);
        }
        if limits.contains(&0) {
            return Err(NewKeyError::Limit);
        }
        let key = RawKey::generate().map_err(|_| NewKeyError::Random)?;
        let record = ApiKeyRecord {
            id: format!("key-{}", Uuid::now_v7()),
            tenant_id: tenant_id.to_string(),
            name,
            description,
            hash: key.hash().hex(),
            prefix: key.prefix().to_string(),
            scopes: scopes.iter().map(|scope| scope.as_str().to_string()).collect(),
            allowed_scan_types,
            allowed_ips,
            limits: [0, 1, 2].map(|window| (!follows[window]).then_some(limits[window])),
            status: KeyStatus::Active,
            expires_at,
            created_at: now,
            rotated_at: None,
            previous_until: None,
            last_used_at: None,
        };
        Ok((record, key))
    }
}

/// Makes and stores a key of the tenant of that name, as whoever runs commands on the server's machine.
pub async fn create_key(store: &Store, tenant: &str, new: NewKey) -> Result<(ApiKeyRecord, RawKey), NewKeyError> {
    let found = tenant::by_name(&mut *store.read().await?, tenant).await?;
    let found = found.ok_or_else(|| NewKeyError::NoTenant(tenant.to_string()))?;
    if let Some(scope) = new.scopes.iter().find(|scope| !scope.is_for_keys(found.is_operator)) {
        return Err(NewKeyError::Scope(scope.as_str()));
    }
    let now = store.now().await?;
    let (record, key) = new.make(&found.id, now)?;
    let stored = record.clone();
    let line = AuditRecord::new(now, &found.id, Actor::operator(), "api-key.created", &record.id)
        .with("name", &*record.name)
        .with("scopes", &*record.scopes);
    let written = store.write(move |conn| {
        Box::pin(async move {
            api_key::insert(conn, &stored).await?;
            audit::insert(conn, &line).await
        })
    });
    written.await?;
    Ok((record, key))
}

/// Whether a text looks like a key at all. The length is not judged: the contract's own page shows two.
pub fn is_well_formed(text: &str) -> bool {
    text.strip_prefix(PREFIX)
        .is_some_and(|rest| (1..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The SHA-256 of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    pub fn of(key: &str) -> KeyHash {
        let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        KeyHash(hash)
    }

    /// Lower-case hex, as it is stored.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was known of a key, and when.
#[derive(Debug)]
struct Known {
    at: i64,
    holder: Arc<Holder>,
}

impl Known {
    fn is_fresh(&self, now: i64) -> bool {
        (0..CACHE_MS).contains(&(now - self.at))
    }
}

/// Keys looked up a moment ago; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct KeyCache(Arc<Mutex<HashMap<KeyHash, Known>>>);

impl KeyCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<KeyHash, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was known of the key within the last second before `now`.
    pub fn get(&self, hash: &KeyHash, now: i64) -> Option<Arc<Holder>> {
        self.lock().get(hash).filter(|known| known.is_fresh(now)).map(|known| known.holder.clone())
    }

    /// Forgets a tenant's keys, so that what was changed of it holds here at once.
    pub fn forget_tenant(&self, tenant_id: &str) {
        self.lock().retain(|_, known| known.holder.tenant.id != tenant_id);
    }

    /// Forgets a key, so that what was changed of it holds here at once.
    pub fn forget_key(&self, key_id: &str) {
        self.lock().retain(|_, known| known.holder.key.id != key_id);
    }

    /// Keeps what was read at `now`.
    pub fn put(&self, hash: KeyHash, now: i64, holder: Holder) -> Arc<Holder> {
        let holder = Arc::new(holder);
        let mut cache = self.lock();
        if cache.len() >= CACHE_SIZE {
            cache.retain(|_, known| known.is_fresh(now));
        }
        cache.insert(hash, Known { at: now, holder: holder.clone() });
        holder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tenant::{TenantRecord, TenantStatus};

    #[test]
    fn a_new_key_is_well_formed_and_never_the_same() {
        let (one, other) = (RawKey::generate().unwrap(), RawKey::generate().unwrap());
        assert!(is_well_formed(one.reveal()));
        assert_eq!(one.reveal().len(), 47);
        assert_ne!(one.reveal(), other.reveal());
        assert!(!format!("{one:?}").contains(&one.reveal()[7..]));
    }

    #[test]
    fn what_is_no_key_is_seen() {
        for text in ["", "cix_sk_", "cix_pk_abc", "cix_sk_a-b", "cix_sk_ä", " cix_sk_abc", "cix_sk_abc "] {
            assert!(!is_well_formed(text), "{text:?}");
        }
    }

    #[test]
    fn the_hash_is_sha_256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(KeyHash::of("abc").hex(), abc);
    }

    #[test]
    fn a_key_is_believed_for_less_than_a_second() {
        let cache = KeyCache::default();
        let hash = KeyHash::of("abc");
        let new = NewKey {
            name: "test".into(),
            scopes: vec![Scope::ScansRead],
            ..NewKey::with_limits(&config::Limits::default())
        };
        let holder = Holder {
            key: new.make("tenant", 0).unwrap().0,
            tenant: TenantRecord {
                id: "tenant".into(),
                name: "tenant".into(),
                status: TenantStatus::Active,
                is_operator: false,
                plan: None,
                default_limits: [None; 3],
                monthly_quota: None,
                policy: scanyard_engines::policy::Policy::default(),
                created_at: 0,
            },
        };
        cache.put(hash, 5_000, holder);
        assert!(cache.get(&hash, 5_999).is_some());
        assert!(cache.get(&hash, 6_000).is_none());
        assert!(cache.get(&hash, 4_999).is_none(), "the clock went back");
    }
}
