//! What a key may do.

/// A permission of a key. Wildcards do not exist: what a key may do stands there word by word.
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
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Scope::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or(())
    }
}
