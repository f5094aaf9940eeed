//! Users: what makes one, and who may change whom.

use crate::password::{self, HashFault, Passwords};
use crate::schema::{self, Fault, Found};
use crate::store::audit::{self, Actor, AuditRecord};
use crate::store::user::{self, UserRecord};
use crate::store::{Store, StoreError, tenant};
use scanyard_contract::Timestamp;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::user::{Role, UpdateUser, User, UserStatus};
use uuid::Uuid;

/// Id of a new user.
pub fn new_id() -> String {
    format!("usr-{}", Uuid::now_v7())
}

/// The user as the API shows it at `now`.
pub fn to_wire(user: &UserRecord, now: i64) -> User {
    User {
        id: user.id.clone(),
        tenant_id: user.tenant_id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
        role: user.role,
        status: user.status,
        locked_until: user.locked_until.filter(|until| *until > now).map(Timestamp),
        last_login_at: user.last_login_at.map(Timestamp),
        password_changed_at: Timestamp(user.password_changed_at),
        created_at: Timestamp(user.created_at),
    }
}

/// An e-mail address as it is kept: whoever it belongs to writes it in upper or lower case.
pub fn email(text: &str) -> String {
    text.to_lowercase()
}

/// What failures to log in are counted by: the address may be anybody's, and may be a mistyped password.
pub fn email_hash(email: &str) -> String {
    crate::key::hex(ring::digest::digest(&ring::digest::SHA256, email.as_bytes()).as_ref())
}

/// Every fault of an address and a name that the schema lets through.
pub fn faults(email: Option<&str>, name: Option<&str>) -> Vec<Found> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, reason: &str| {
        faults.push(Found { field: field.to_string(), fault: Fault::Bounds(reason.to_string()) });
    };
    if email.is_some_and(|email| !is_email(email)) {
        fault("email", "must be an e-mail address such as ada@example.test");
    }
    if name.is_some_and(|name| name.trim() != name || name.chars().any(char::is_control)) {
        fault("name", "must not begin or end in a blank or hold control characters");
    }
    schema::sort(&mut faults);
    faults
}

/// Whether a text can be an e-mail address; whether it is one, only a message to it could tell.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_plain = |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@');
    let labels_are_right = domain.split('.').all(|label| !label.is_empty());
    !local.is_empty() && is_plain(local) && is_plain(domain) && labels_are_right
}

/// A user that the command line makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    pub email: String,
    pub name: Option<String>,
    pub role: Role,
    pub password: Hidden,
}

/// Why the command line makes no user.
#[derive(Debug, thiserror::Error)]
pub enum NewUserError {
    #[error("{0}")]
    Fields(String),
    #[error("there is no tenant {0:?}")]
    NoTenant(String),
    #[error("the e-mail address is in use")]
    Duplicate,
    #[error(transparent)]
    Hash(#[from] HashFault),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NewUser {
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<(), NewUserError> {
        let lengths = [
            ("email", self.email.chars().count(), 3..=254),
            ("name", self.name.as_ref().map_or(1, |name| name.chars().count()), 1..=255),
            ("password", self.password.reveal().chars().count(), 0..=1024),
        ];
        let wrong = lengths.into_iter().filter(|(_, length, right)| !right.contains(length));
        let lengths =
            wrong.map(|(field, _, right)| format!("{field} must have {} to {} characters", right.start(), right.end()));
        let faults = faults(Some(&self.email), self.name.as_deref());
        let faults = faults.into_iter().map(|found| format!("{} {}", found.field, found.fault));
        let rules = password::broken_rules(self.password.reveal());
        let all: Vec<String> =
            lengths.chain(faults).chain(rules.into_iter().map(|rule| format!("password {rule}"))).collect();
        if all.is_empty() { Ok(()) } else { Err(NewUserError::Fields(all.join("; "))) }
    }
}

/// Makes and stores a user of the tenant of that name.
pub async fn create_user(store: &Store, tenant: &str, new: NewUser) -> Result<UserRecord, NewUserError> {
    new.check()?;
    let NewUser { email, name, role, password } = new;
    let found = tenant::by_name(&mut *store.read().await?, tenant).await?;
    let found = found.ok_or_else(|| NewUserError::NoTenant(tenant.to_string()))?;
    let now = store.now().await?;
    let user = UserRecord {
        id: new_id(),
        tenant_id: found.id,
        email: self::email(&email),
        name,
        role,
        status: UserStatus::Active,
        password_hash: Passwords::default().hash(password.reveal()).await?,
        password_changed_at: now,
        last_login_at: None,
        locked_until: None,
        created_at: now,
    };
    let record = AuditRecord::new(now, &user.tenant_id, Actor::operator(), "user.created", &*user.id)
        .with("role", role.as_str());
    let stored = user.clone();
    let written = store.write(move |conn| {
        Box::pin(async move {
            let is_new = user::insert_new(conn, &stored).await?;
            if is_new {
                audit::insert(conn, &record).await?;
            }
            Ok(is_new)
        })
    });
    if written.await? { Ok(user) } else { Err(NewUserError::Duplicate) }
}

/// Who manages users.
#[derive(Debug, Clone, Copy)]
pub struct Manager<'a> {
    /// Id of the user; empty for a key of the operator.
    pub id: &'a str,
    pub role: Role,
}

/// Why a user is not made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It takes this role.
    Role(Role),
    /// Nobody gives themselves a password without the present one.
    OwnPassword,
    /// The organization would be without an owner.
    LastOwner,
}

impl Manager<'_> {
    /// Whether users of this role may be made.
    pub fn may_give(&self, role: Role) -> Result<(), Refusal> {
        if role.is_above(self.role) { Err(Refusal::Role(role)) } else { Ok(()) }
    }

    /// Whether this user may be changed, unlocked or deleted: only owners manage their like and above.
    pub fn may_manage(&self, user: &UserRecord) -> Result<(), Refusal> {
        let is_below = self.role.is_above(user.role);
        if self.role == Role::Owner || is_below || self.id == user.id {
            Ok(())
        } else {
            Err(Refusal::Role(Role::Owner))
        }
    }

    /// The user as a PATCH makes it. `owners` are the ids of the organization's active owners.
    pub fn change(&self, user: &UserRecord, body: &UpdateUser, owners: &[String]) -> Result<UserRecord, Refusal> {
        self.may_manage(user)?;
        let UpdateUser { email, name, role, status, password } = body;
        if password.is_some() && self.id == user.id {
            return Err(Refusal::OwnPassword);
        }
        if let Some(role) = role {
            self.may_give(*role)?;
        }
        let changed = UserRecord {
            email: email.as_deref().map_or_else(|| user.email.clone(), self::email),
            name: name.clone().unwrap_or_else(|| user.name.clone()),
            role: role.unwrap_or(user.role),
            status: status.unwrap_or(user.status),
            ..user.clone()
        };
        if (changed.role, changed.status) != (Role::Owner, UserStatus::Active) {
            check_not_last(user, owners)?;
        }
        Ok(changed)
    }

    /// Whether this user may be deleted.
    pub fn may_delete(&self, user: &UserRecord, owners: &[String]) -> Result<(), Refusal> {
        self.may_manage(user)?;
        check_not_last(user, owners)
    }
}

fn check_not_last(user: &UserRecord, owners: &[String]) -> Result<(), Refusal> {
    match owners {
        [last] if *last == user.id => Err(Refusal::LastOwner),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, role: Role) -> UserRecord {
        UserRecord {
            id: id.into(),
            tenant_id: "t".into(),
            email: format!("{id}@example.test"),
            name: None,
            role,
            status: UserStatus::Active,
            password_hash: String::new(),
            password_changed_at: 0,
            last_login_at: None,
            locked_until: None,
            created_at: 0,
        }
    }

    #[test]
    fn what_is_no_address_is_seen() {
        for text in ["a@b", "ada@example.test", "a.b+c@x.example.test", "ü@example.test"] {
            assert!(is_email(text), "{text}");
        }
        for text in ["", "a", "@", "a@", "@b", "a b@c", "a@b@c", "a@b..c", "a@.b", "a@b c", "a@b\n"] {
            assert!(!is_email(text), "{text:?}");
        }
    }

    #[test]
    fn nobody_raises_anybody_above_themselves_and_only_owners_manage_their_like() {
        let roles = Role::ALL.iter().copied();
        for (mine, theirs) in roles.clone().flat_map(|mine| roles.clone().map(move |theirs| (mine, theirs))) {
            let me = Manager { id: "me", role: mine };
            assert_eq!(me.may_give(theirs).is_ok(), mine <= theirs, "{mine} {theirs}");
            let manages = mine == Role::Owner || mine < theirs;
            assert_eq!(me.may_manage(&user("other", theirs)).is_ok(), manages, "{mine} {theirs}");
            assert!(me.may_manage(&user("me", mine)).is_ok());
        }
    }

    #[test]
    fn the_last_owner_stays_an_active_owner() {
        let (me, last) = (Manager { id: "", role: Role::Owner }, user("o", Role::Owner));
        let both = ["o".to_string(), "p".to_string()];
        let to_admin = UpdateUser { role: Some(Role::Admin), ..UpdateUser::default() };
        let suspended = UpdateUser { status: Some(UserStatus::Suspended), ..UpdateUser::default() };
        let renamed = UpdateUser { name: Some(Some("O".into())), ..UpdateUser::default() };
        for change in [&to_admin, &suspended] {
            assert_eq!(me.change(&last, change, &both[..1]), Err(Refusal::LastOwner));
            assert!(me.change(&last, change, &both).is_ok());
        }
        assert_eq!(me.change(&last, &renamed, &both[..1]).unwrap().name.as_deref(), Some("O"));
        assert_eq!(me.may_delete(&last, &both[..1]), Err(Refusal::LastOwner));
        assert_eq!(me.may_delete(&last, &both), Ok(()));
    }
}
