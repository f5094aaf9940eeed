//! Consent: whoever submits a scan says that others may learn of its target.

use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a request says of third parties; an engine that tells them of the target needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Consent {
    /// `true`: third parties may be told the target's name.
    pub third_party: bool,
    /// Who agreed to it, and why; at most 500 characters. It stays with the scan and in the audit log.
    #[schema(min_length = 1, max_length = 500, examples("agreed with the domain's owner"))]
    pub note: String,
}

/// A consent that was given with a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GivenConsent {
    /// Third parties may be told the target's name.
    pub third_party: bool,
    pub note: String,
    /// The key or user that submitted the scan.
    pub by: String,
    pub at: Timestamp,
}
