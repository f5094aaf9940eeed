//! Whether an e-mail address and a password belong together. Whether anybody has the address cannot be told from the
//! answer, its time, or what gets locked.

use crate::App;
use crate::password::HashFault;
use crate::store::StoreError;
use crate::store::audit::{self, Actor, AuditRecord};
use crate::store::login_failure::{self, ALLOWED, Attempt};
use crate::store::user::{self, UserRecord};
use crate::user::email_hash;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Addresses are looked at in this many queues.
const QUEUES: usize = 64;

/// Logins of one address, one after the other: an attempt counts as a failure until it is known to be right, and several
/// right ones at once must not lock each other out. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Logins(Arc<[Mutex<()>; QUEUES]>);

impl Default for Logins {
    fn default() -> Logins {
        Logins(Arc::new(std::array::from_fn(|_| Mutex::new(()))))
    }
}

impl Logins {
    fn queue(&self, email_hash: &str) -> &Mutex<()> {
        let place = usize::from_str_radix(&email_hash[..4], 16).unwrap_or_default();
        &self.0[place % QUEUES]
    }
}

/// Why somebody is not who they say.
#[derive(Debug, thiserror::Error)]
pub enum LoginFault {
    /// This many more may be wrong before the address is locked.
    #[error("a wrong address or password, {left} more")]
    Wrong { left: i64 },
    #[error("locked until {until}")]
    Locked { until: i64 },
    #[error(transparent)]
    Hash(#[from] HashFault),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The user with this address, in lower case, when the password is theirs.
pub async fn authenticate(
    app: &App,
    email: &str,
    password: &str,
    source: IpAddr,
    now: i64,
) -> Result<UserRecord, LoginFault> {
    let hash = email_hash(email);
    let _turn = app.logins.queue(&hash).lock().await;
    let counted = {
        let hash = hash.clone();
        app.store.write(move |conn| Box::pin(async move { login_failure::attempt(conn, &hash, now).await })).await?
    };
    let failures = match counted {
        Attempt::Counted(failures) => failures,
        Attempt::LockedUntil(until) => return Err(LoginFault::Locked { until }),
    };
    let user = user::by_email(&mut *app.store.read().await?, email).await?;
    let is_right = app.passwords.is(password, user.as_ref().map(|user| user.password_hash.as_str())).await?;
    let (user, right) = match user {
        Some(user) if is_right => (Some(user), true),
        user => (user, false),
    };
    let locked = (!right && failures >= ALLOWED).then(|| user.as_ref().map(|user| locked_record(user, source, now)));
    // Written either way, so that it takes as long.
    let noted = app.store.write(move |conn| {
        Box::pin(async move {
            if right {
                login_failure::clear(conn, &hash).await?;
            }
            if let Some(Some(record)) = locked {
                audit::insert(conn, &record).await?;
            }
            Ok(())
        })
    });
    noted.await?;
    match user {
        Some(user) if right => Ok(user),
        Some(_) | None => Err(LoginFault::Wrong { left: ALLOWED - failures }),
    }
}

fn locked_record(user: &UserRecord, source: IpAddr, now: i64) -> AuditRecord {
    let actor = Actor { source: Some(source), ..Actor::system() };
    AuditRecord::new(now, &user.tenant_id, actor, "user.locked", &*user.id)
}
