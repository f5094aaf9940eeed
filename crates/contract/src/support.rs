//! Where the operator of an instance sends people.

use serde::{Deserialize, Serialize};

/// Places to turn to, as the operator configured them. What is absent gets a neutral wording.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Support {
    /// An address or a page for help, such as `security@example.com`.
    pub contact: Option<String>,
    /// Page that shows known outages.
    pub status_url: Option<String>,
    /// Page where a tenant gets a larger quota.
    pub upgrade_url: Option<String>,
}

impl Support {
    /// The value of a `{support.…}` in a resolution, or `None` when that is not one.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let (configured, neutral) = match name {
            "support.contact" => (&self.contact, "your operator"),
            "support.status_url" => (&self.status_url, "your operator's status page"),
            "support.upgrade_url" => (&self.upgrade_url, "your operator"),
            _ => return None,
        };
        Some(match configured.as_deref().map(str::trim) {
            Some(value) if !value.is_empty() => value.to_string(),
            Some(_) | None => neutral.to_string(),
        })
    }
}
