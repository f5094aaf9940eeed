//! Users and their sessions on the wire.

use crate::hidden::Hidden;
use crate::scan::words;
use crate::timestamp::Timestamp;
use crate::wire::given;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What a user is in its tenant, most powerful first.
    Role {
        /// Everything, and the other owners. A tenant that has an owner keeps one.
        Owner = "owner",
        /// Everything but owners and other admins.
        Admin = "admin",
        /// Runs scans and reads what they found.
        Analyst = "analyst",
        /// Reads.
        Viewer = "viewer",
    }
}

impl Role {
    /// Whether the role is above the other one.
    pub fn is_above(self, other: Role) -> bool {
        self < other
    }
}

words! {
    /// Whether a user may work.
    UserStatus {
        Active = "active",
        Suspended = "suspended",
    }
}

words! {
    /// Where a refresh token goes.
    RefreshIn {
        /// In the answer's body, for programs.
        Body = "body",
        /// In a cookie that no script can read, for browsers.
        Cookie = "cookie",
    }
}

/// A person who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// `usr-` and a UUID.
    pub id: String,
    /// A UUID.
    pub tenant_id: String,
    /// In lower case; unique on the server.
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub role: Role,
    pub status: UserStatus,
    /// Logins are refused until then, after too many wrong passwords; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_login_at: Option<Timestamp>,
    pub password_changed_at: Timestamp,
    pub created_at: Timestamp,
}

/// Body of `POST /users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateUser {
    /// Kept in lower case; unique on the server.
    #[schema(min_length = 3, max_length = 254, examples("ada@example.test"))]
    pub email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    pub role: Role,
    /// At least 12 characters with an upper-case and a lower-case letter, a digit and a special character; without it one
    /// is generated and answered once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 1024)]
    pub password: Option<Hidden>,
    /// The user's tenant, by default the caller's own; another one is for keys of the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// A user that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedUser {
    #[serde(flatten)]
    pub user: User,
    /// The generated password, shown once; absent when the request brought one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<Hidden>,
}

/// Body of `PATCH /users/{id}`: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateUser {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 3, max_length = 254, nullable = false)]
    pub email: Option<String>,
    /// `null` clears it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<Role>,
    /// Suspending ends the user's sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<UserStatus>,
    /// A new password for a user who lost theirs; ends the user's sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 1024, nullable = false)]
    pub password: Option<Hidden>,
}

/// Body of `POST /auth/login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    #[schema(max_length = 254, examples("ada@example.test"))]
    pub email: String,
    #[schema(value_type = String, max_length = 1024)]
    pub password: Hidden,
    /// Default `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refresh_in: Option<RefreshIn>,
}

/// Body of `POST /auth/refresh` and of `POST /auth/logout`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// By default the one of the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 4096, nullable = false)]
    pub refresh_token: Option<Hidden>,
}

/// Body of `POST /auth/change-password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(value_type = String, max_length = 1024)]
    pub current_password: Hidden,
    /// At least 12 characters with an upper-case and a lower-case letter, a digit and a special character; none of the
    /// last five.
    #[schema(value_type = String, max_length = 1024)]
    pub new_password: Hidden,
}

/// The tokens of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    #[schema(value_type = String)]
    pub access_token: Hidden,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// Good for one refresh; absent when it is in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub refresh_token: Option<Hidden>,
    /// When the session ends unless it is refreshed.
    pub session_expires_at: Timestamp,
    pub user: User,
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    pub user: User,
    /// Id of the session.
    pub session_id: String,
    /// What the role opens.
    pub scopes: Vec<String>,
    /// The user behind an impersonation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonated_by: Option<String>,
}

/// How many sessions ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsEnded {
    pub sessions_ended: u64,
}
