//! Sessions as requests meet them: who is behind a session, believed for a second.

use crate::store::session::{self, SessionRecord};
use crate::store::tenant::{self, TenantRecord};
use crate::store::user::{self, UserRecord};
use crate::store::{Store, StoreError};
use crate::token::REFRESH_S;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// How long what was looked up is believed, in milliseconds: what is ended or suspended stops within that time on every
/// node.
const CACHE_MS: i64 = 1_000;
/// Sessions and users that are kept at most; beyond it the old ones go.
const CACHE_SIZE: usize = 10_000;

/// A new session of a user, not stored yet.
pub fn begin(user_id: &str, now: i64) -> SessionRecord {
    SessionRecord {
        id: Uuid::now_v7().to_string(),
        user_id: user_id.to_string(),
        generation: 0,
        created_at: now,
        expires_at: expires_at(now),
        ended_at: None,
    }
}

/// When a session ends that is not refreshed after `now`.
pub fn expires_at(now: i64) -> i64 {
    now + REFRESH_S * 1000
}

/// Who is behind a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Visitor {
    /// Id of the session.
    pub session_id: String,
    pub user: UserRecord,
    pub tenant: TenantRecord,
}

#[derive(Debug)]
struct Known {
    at: i64,
    visitor: Arc<Visitor>,
}

impl Known {
    fn is_fresh(&self, now: i64) -> bool {
        (0..CACHE_MS).contains(&(now - self.at))
    }
}

/// Sessions looked up a moment ago; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SessionCache(Arc<Mutex<HashMap<String, Known>>>);

impl SessionCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is behind a live session; `None` when it has ended, or its user is gone.
    pub async fn find(&self, store: &Store, session_id: &str, now: i64) -> Result<Option<Arc<Visitor>>, StoreError> {
        if let Some(known) = self.lock().get(session_id).filter(|known| known.is_fresh(now)) {
            return Ok(Some(known.visitor.clone()));
        }
        let mut conn = store.read().await?;
        let Some(SessionRecord { id, user_id, .. }) = session::live(&mut conn, session_id, now).await? else {
            return Ok(None);
        };
        let Some(user) = user::get(&mut conn, &user_id).await? else { return Ok(None) };
        let Some(tenant) = tenant::get(&mut conn, &user.tenant_id).await? else { return Ok(None) };
        let visitor = Arc::new(Visitor { session_id: id.clone(), user, tenant });
        let mut cache = self.lock();
        if cache.len() >= CACHE_SIZE {
            cache.retain(|_, known| known.is_fresh(now));
        }
        cache.insert(id, Known { at: now, visitor: visitor.clone() });
        Ok(Some(visitor))
    }

    /// Looks everybody up again: a user, a session or a tenant was changed here.
    pub fn forget(&self) {
        self.lock().clear();
    }
}
