//! What a key or a user may do.

use scanyard_contract::user::Role;

/// A permission of a key or a role. Wildcards do not exist: what a key may do stands there word by word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    ScansCreate,
    ScansRead,
    ScansList,
    ScansCancel,
    ResultsRead,
    TemplatesCreate,
    TemplatesRead,
    TemplatesUpdate,
    TemplatesDelete,
    WebhooksCreate,
    WebhooksRead,
    WebhooksUpdate,
    WebhooksDelete,
    UsageRead,
    ScansDelete,
    UploadsCreate,
    UploadsRead,
    UploadsDelete,
    TenantsCreate,
    TenantsRead,
    TenantsUpdate,
    AuditRead,
    ApiKeysCreate,
    ApiKeysRead,
    ApiKeysUpdate,
    ApiKeysDelete,
    UsersCreate,
    UsersRead,
    UsersUpdate,
    UsersDelete,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Scope] = &[
        Scope::ScansCreate,
        Scope::ScansRead,
        Scope::ScansList,
        Scope::ScansCancel,
        Scope::ResultsRead,
        Scope::TemplatesCreate,
        Scope::TemplatesRead,
        Scope::TemplatesUpdate,
        Scope::TemplatesDelete,
        Scope::WebhooksCreate,
        Scope::WebhooksRead,
        Scope::WebhooksUpdate,
        Scope::WebhooksDelete,
        Scope::UsageRead,
        Scope::ScansDelete,
        Scope::UploadsCreate,
        Scope::UploadsRead,
        Scope::UploadsDelete,
        Scope::TenantsCreate,
        Scope::TenantsRead,
        Scope::TenantsUpdate,
        Scope::AuditRead,
        Scope::ApiKeysCreate,
        Scope::ApiKeysRead,
        Scope::ApiKeysUpdate,
        Scope::ApiKeysDelete,
        Scope::UsersCreate,
        Scope::UsersRead,
        Scope::UsersUpdate,
        Scope::UsersDelete,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::ScansCreate => "scans:create",
            Scope::ScansRead => "scans:read",
            Scope::ScansList => "scans:list",
            Scope::ScansCancel => "scans:cancel",
            Scope::ResultsRead => "results:read",
            Scope::TemplatesCreate => "templates:create",
            Scope::TemplatesRead => "templates:read",
            Scope::TemplatesUpdate => "templates:update",
            Scope::TemplatesDelete => "templates:delete",
            Scope::WebhooksCreate => "webhooks:create",
            Scope::WebhooksRead => "webhooks:read",
            Scope::WebhooksUpdate => "webhooks:update",
            Scope::WebhooksDelete => "webhooks:delete",
            Scope::UsageRead => "usage:read",
            Scope::ScansDelete => "scans:delete",
            Scope::UploadsCreate => "uploads:create",
            Scope::UploadsRead => "uploads:read",
            Scope::UploadsDelete => "uploads:delete",
            Scope::TenantsCreate => "tenants:create",
            Scope::TenantsRead => "tenants:read",
            Scope::TenantsUpdate => "tenants:update",
            Scope::AuditRead => "audit:read",
            Scope::ApiKeysCreate => "api-keys:create",
            Scope::ApiKeysRead => "api-keys:read",
            Scope::ApiKeysUpdate => "api-keys:update",
            Scope::ApiKeysDelete => "api-keys:delete",
            Scope::UsersCreate => "users:create",
            Scope::UsersRead => "users:read",
            Scope::UsersUpdate => "users:update",
            Scope::UsersDelete => "users:delete",
        }
    }

    /// Whether only the operator's tenant has it, on its keys and for its users: it reaches beyond one tenant.
    pub fn is_operators(self) -> bool {
        match self {
            Scope::TenantsCreate | Scope::TenantsRead | Scope::TenantsUpdate => true,
            Scope::ScansCreate
            | Scope::ScansRead
            | Scope::ScansList
            | Scope::ScansCancel
            | Scope::ResultsRead
            | Scope::TemplatesCreate
            | Scope::TemplatesRead
            | Scope::TemplatesUpdate
            | Scope::TemplatesDelete
            | Scope::WebhooksCreate
            | Scope::WebhooksRead
            | Scope::WebhooksUpdate
            | Scope::WebhooksDelete
            | Scope::UsageRead
            | Scope::ScansDelete
            | Scope::UploadsCreate
            | Scope::UploadsRead
            | Scope::UploadsDelete
            | Scope::AuditRead
            | Scope::ApiKeysCreate
            | Scope::ApiKeysRead
            | Scope::ApiKeysUpdate
            | Scope::ApiKeysDelete
            | Scope::UsersCreate
            | Scope::UsersRead
            | Scope::UsersUpdate
            | Scope::UsersDelete => false,
        }
    }

    /// The least role whose users have it; below the owners' of the operator's tenant, nobody has the operator's.
    fn least_role(self) -> Role {
        match self {
            Scope::ScansRead
            | Scope::ScansList
            | Scope::ResultsRead
            | Scope::TemplatesRead
            | Scope::WebhooksRead
            | Scope::UploadsRead
            | Scope::UsageRead => Role::Viewer,
            Scope::ScansCreate
            | Scope::ScansCancel
            | Scope::ScansDelete
            | Scope::UploadsCreate
            | Scope::UploadsDelete
            | Scope::TemplatesCreate
            | Scope::TemplatesUpdate
            | Scope::TemplatesDelete => Role::Analyst,
            Scope::WebhooksCreate
            | Scope::WebhooksUpdate
            | Scope::WebhooksDelete
            | Scope::AuditRead
            | Scope::ApiKeysCreate
            | Scope::ApiKeysRead
            | Scope::ApiKeysUpdate
            | Scope::ApiKeysDelete
            | Scope::UsersCreate
            | Scope::UsersRead
            | Scope::UsersUpdate
            | Scope::UsersDelete => Role::Admin,
            Scope::TenantsCreate | Scope::TenantsRead | Scope::TenantsUpdate => Role::Owner,
        }
    }

    /// Whether users of a role have it.
    pub fn is_for_role(self, role: Role, of_operator: bool) -> bool {
        !self.least_role().is_above(role) && (of_operator || !self.is_operators())
    }

    /// Every scope that an API key of a tenant can have.
    pub fn for_keys(of_operator: bool) -> Vec<Scope> {
        Scope::ALL.iter().copied().filter(|scope| scope.is_for_keys(of_operator)).collect()
    }

    /// Whether an API key of a tenant can have it: no key makes keys, and outside the operator's tenant the audit log is for
    /// users.
    pub fn is_for_keys(self, of_operator: bool) -> bool {
        match self {
            Scope::ApiKeysCreate | Scope::ApiKeysRead | Scope::ApiKeysUpdate | Scope::ApiKeysDelete => false,
            Scope::AuditRead | Scope::UsersCreate | Scope::UsersRead | Scope::UsersUpdate | Scope::UsersDelete => {
                of_operator
            }
            scope => of_operator || !scope.is_operators(),
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Scope::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or(())
    }
}
