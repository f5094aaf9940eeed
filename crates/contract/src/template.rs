//! The scan template on the wire: named settings from which scans are launched.

use crate::consent::Consent;
use crate::scan::{Priority, ScanAuth, ScanType, TargetType, default_label};
use crate::timestamp::Timestamp;
use crate::wire::given;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `POST /scan-templates`. A template holds no target, and no credentials for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTemplate {
    /// At most 255 characters, not only blanks; no other template of the tenant has it.
    #[schema(max_length = 255, examples("nightly"))]
    pub name: String,
    /// At most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    pub scan_type: ScanType,
    /// What a launch's target has to be, unless the launch says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,
    /// Default `normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Options of the engine; its schema is in `GET /engines`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub options: Map<String, Value>,
    /// Overrides `options` key by key; the same schema.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// At most 50 labels of at most 64 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub tags: Vec<String>,
    /// The longest run in seconds, 1 to 86,400; default 3,600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub timeout: Option<u32>,
    /// Which workers may run its scans: those that have this label; default `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9-]{1,32}$", examples("default"))]
    pub worker_label: Option<String>,
}

/// Body of `PATCH /scan-templates/{id}`: what is absent stays, `null` clears what can be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateTemplate {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, max_length = 255, examples("nightly"))]
    pub name: Option<String>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub description: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ScanType)]
    pub scan_type: Option<ScanType>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TargetType>)]
    pub target_type: Option<Option<TargetType>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Priority>)]
    pub priority: Option<Option<Priority>>,
    /// Replaces all options.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub options: Option<Option<Map<String, Value>>>,
    /// Replaces the whole `config`.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Option<Map<String, Value>>>,
    /// Replaces all tags.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    pub tags: Option<Option<Vec<String>>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    pub timeout: Option<Option<u32>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 32, pattern = "^[a-z0-9-]{1,32}$")]
    pub worker_label: Option<Option<String>>,
}

/// Body of `POST /scan-templates/{id}/launch`: a target, and what shall differ from the template this time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchTemplate {
    /// Host name, domain, address, network in CIDR notation, or URL; which of them depends on the engine.
    #[schema(max_length = 2048, examples("127.0.0.1"))]
    pub target: String,
    /// The scan's label; default the template's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// Instead of the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,
    /// Instead of the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Over the template's `options` and `config`, key by key.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub options: Map<String, Value>,
    /// Over all of these, key by key.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Instead of the template's: at most 50 labels of at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// Instead of the template's: the longest run in seconds, 1 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub timeout: Option<u32>,
    /// Instead of the template's: workers with this label run the scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9-]{1,32}$", examples("default"))]
    pub worker_label: Option<String>,
    /// The asset that the scan belongs to, in your own inventory; at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub asset_id: Option<String>,
    /// An `https` URL that is called once, when the scan is over; at most 2,048 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048, examples("https://hooks.example.test/scans"))]
    pub callback_url: Option<String>,
    /// Of this launch: a template never holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Credentials for the target, of this launch: a template never holds any. Write-only, sealed, gone with the scan's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<ScanAuth>,
}

/// A scan template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// `tmpl-` and a UUID.
    #[schema(examples("tmpl-019bc000-0000-7000-8000-000000000000"))]
    pub id: String,
    pub tenant_id: Uuid,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub scan_type: ScanType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,
    /// Of its scans; `normal` when it was not given.
    pub priority: Priority,
    #[schema(value_type = Object)]
    pub options: Map<String, Value>,
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    pub tags: Vec<String>,
    /// The longest run of its scans, in seconds; 3,600 when it was not given.
    pub timeout: u32,
    /// Workers with this label run its scans.
    #[serde(default = "default_label")]
    #[schema(examples("default"))]
    pub worker_label: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
