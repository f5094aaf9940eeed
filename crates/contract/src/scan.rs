//! The scan on the wire.

use crate::consent::{Consent, GivenConsent};
use crate::finding::{Finding, Summary};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Gives an enum its words: `ALL`, `as_str`, `FromStr`, `Display` and serde, from one list.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// Every word, for messages: `a, b, c`.
            pub fn words() -> String {
                Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", ")
            }
        }

        // Derived, the schema would have the names of the variants: the derive does not see through `$word`.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .description(Some([$($doc),*].join("\n").trim()))
                    .enum_values(Some([$($word),+]))
                    .build()
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($word => Ok($name::$variant),)+ _ => Err(()) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// The engine that runs a scan.
    ScanType {
        Nmap = "nmap",
        Zap = "zap",
        Trivy = "trivy",
        Nuclei = "nuclei",
        Nikto = "nikto",
        Sqlmap = "sqlmap",
        Wapiti = "wapiti",
        Harvester = "harvester",
        Sublist3r = "sublist3r",
        Sentinel = "sentinel",
    }
}

words! {
    /// Which scan goes first, most urgent first.
    Priority {
        Critical = "critical",
        High = "high",
        Normal = "normal",
        Low = "low",
    }
}

words! {
    /// Where a scan stands: `queued → running → completed | failed | cancelled`.
    ScanStatus {
        /// Accepted; waits for capacity.
        Queued = "queued",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl ScanStatus {
    /// Whether the scan has ended for good.
    pub fn is_terminal(self) -> bool {
        match self {
            ScanStatus::Queued | ScanStatus::Running => false,
            ScanStatus::Completed | ScanStatus::Failed | ScanStatus::Cancelled => true,
        }
    }
}

words! {
    /// The form of a target.
    TargetType {
        /// A host name or an address.
        Host = "host",
        Url = "url",
        Domain = "domain",
        Ip = "ip",
        /// Addresses in CIDR notation.
        Network = "network",
        /// Files that were uploaded.
        Upload = "upload",
        /// A container image in a registry.
        Image = "image",
    }
}

words! {
    /// Where a scan's results come from.
    ScanSource {
        /// An engine that this server ran.
        Scan = "scan",
        /// A report that was made elsewhere and uploaded.
        Import = "import",
    }
}

/// Credentials for the target of a scan: at least one of the three.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScanAuth {
    /// Headers of every request, at most 20; cookies have a list of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, write_only)]
    pub headers: Vec<NamedSecret>,
    /// Cookies of every request, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, write_only)]
    pub cookies: Vec<NamedSecret>,
    /// User and password of HTTP's Basic authentication; not beside a header `Authorization`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(write_only)]
    pub basic: Option<BasicAuth>,
}

/// A header or a cookie whose value is a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedSecret {
    /// Letters, digits, `-` and `_`.
    #[schema(min_length = 1, max_length = 100, examples("Authorization"))]
    pub name: String,
    #[schema(min_length = 1, max_length = 4096, write_only)]
    pub value: String,
}

/// User and password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    #[schema(min_length = 1, max_length = 255)]
    pub username: String,
    #[schema(max_length = 255, write_only)]
    pub password: String,
}

impl std::fmt::Debug for ScanAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[credentials]")
    }
}

impl std::fmt::Debug for NamedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: [secret]", self.name)
    }
}

impl std::fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[user and password]")
    }
}

/// The label of workers and scans that are given none.
pub const DEFAULT_LABEL: &str = "default";

/// Servers before labels were known do not tell it.
pub(crate) fn default_label() -> String {
    DEFAULT_LABEL.to_string()
}

/// Whether a text can be a label of workers: 1 to 32 of `a` to `z`, `0` to `9` and `-`.
pub fn is_worker_label(text: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(is_one)
}

/// Body of `POST /scans`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateScan {
    /// Host name, domain, address, network in CIDR notation, URL, `upload:` and the id of an upload, or a container image;
    /// which of them depends on the engine.
    #[schema(max_length = 2048, examples("127.0.0.1"))]
    pub target: String,
    pub scan_type: ScanType,
    /// A label, at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// Checked against the target when given.
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
    /// The asset that the scan belongs to, in your own inventory; at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub asset_id: Option<String>,
    /// An `https` URL that is called once, when the scan is over; at most 2,048 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048, examples("https://hooks.example.test/scans"))]
    pub callback_url: Option<String>,
    /// Needed by engines that tell third parties of the target: `needsConsent` in `GET /engines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Which workers may run it: those that have this label; default `default`. The labels that there are stand in
    /// `GET /engines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9-]{1,32}$", examples("default"))]
    pub worker_label: Option<String>,
    /// What the engine shows the target to be let in. Write-only: no answer, template or report has it, and it is gone
    /// with the end of the scan. Which parts an engine takes is in `docs/ENGINES.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<ScanAuth>,
}

/// A scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scan {
    pub id: Uuid,
    pub scan_type: ScanType,
    pub source: ScanSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As it was understood: parsed and printed again.
    pub target: String,
    pub target_type: TargetType,
    pub status: ScanStatus,
    pub priority: Priority,
    /// Percent, 0 to 100.
    #[schema(maximum = 100)]
    pub progress: u8,
    pub tags: Vec<String>,
    #[schema(value_type = Object)]
    pub options: Map<String, Value>,
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// The longest run, in seconds.
    pub timeout: u32,
    /// Workers with this label run it.
    #[serde(default = "default_label")]
    #[schema(examples("default"))]
    pub worker_label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// The URL that is called once, when the scan is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// The consent that was given with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<GivenConsent>,
    /// On a queued scan that is read by itself: its place among your own tenant's queued scans, from 1. From 1,000 on it
    /// says 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u32>,
    /// The template that it was launched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
    /// How many times a worker has lost the scan or given it back.
    pub attempts: u32,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it reached its terminal status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// When the last result of a cancelled scan was stored and its processes were gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_at: Option<Timestamp>,
    /// Why the scan failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Number of findings by severity, once terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_summary: Option<Summary>,
    /// How much of the target answered, once terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What happened to the records of the engine's report, once terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Records>,
}

words! {
    /// What a live event tells.
    ScanEventKind {
        /// The scan has another status, or is back in the queue, or was sealed.
        Status = "status",
        /// The scan runs on.
        Progress = "progress",
    }
}

/// A live event of a scan: `data` of a server-sent event, whose `event` is the kind and whose `id` leads on from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanEvent {
    pub scan_id: Uuid,
    pub kind: ScanEventKind,
    pub status: ScanStatus,
    /// Percent, 0 to 100.
    #[schema(maximum = 100)]
    pub progress: u8,
    /// How many times a worker has lost the scan or given it back.
    pub attempts: u32,
    pub at: Timestamp,
    /// `true` on the last event of a scan: its results are all there. A scan that is cancelled while it runs has an event
    /// for the cancel, and this one when it is sealed.
    #[serde(rename = "final")]
    pub is_final: bool,
}

words! {
    /// Why a scan failed; stable.
    FailureReason {
        EngineMissing = "engine_missing",
        EngineFailed = "engine_failed",
        TargetUnreachable = "target_unreachable",
        TargetNotAllowed = "target_not_allowed",
        ResolutionFailed = "resolution_failed",
        TimedOut = "timed_out",
        Killed = "killed",
        OutputTooLarge = "output_too_large",
        ReportUnreadable = "report_unreadable",
        WorkerLost = "worker_lost",
    }
}

/// Why a scan failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub reason: FailureReason,
    /// For people: what happened and what to do.
    pub message: String,
    /// The engine's last lines, at most 20, without control characters.
    #[serde(default)]
    pub last_lines: Vec<String>,
}

/// How much of the target answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Coverage {
    /// Hosts that the target names.
    pub hosts: u64,
    /// Hosts that answered at least once.
    pub reached: u64,
}

/// What happened to the records of the engine's report: `read = kept + merged + dropped`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Records {
    /// Records that the report holds.
    pub read: u64,
    /// Those that became findings.
    pub kept: u64,
    /// Those that say again what another says.
    pub merged: u64,
    /// Those that are no finding, by the reason.
    #[serde(default)]
    pub dropped: BTreeMap<String, u64>,
}

impl Records {
    /// Whether every record is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.read == self.kept + self.merged + self.dropped.values().sum::<u64>()
    }
}

/// The results of a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    pub scan_id: Uuid,
    pub scan_type: ScanType,
    pub source: ScanSource,
    /// The version that the engine stated of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    pub target: String,
    pub status: ScanStatus,
    /// `true` when the scan did not run to its end and there may be more to find.
    pub partial: bool,
    pub summary: Summary,
    pub coverage: Coverage,
    pub records: Records,
    /// One page of the findings, worst first.
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Whole seconds from start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
}

/// One engine, as `GET /engines` lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngineInfo {
    pub scan_type: ScanType,
    /// The engine's own name.
    pub title: String,
    pub description: String,
    /// Whether a scan of this type is accepted now: some worker that lives can run it.
    pub available: bool,
    /// Labels of the workers that can run it: what `workerLabel` may be.
    #[serde(default)]
    pub worker_labels: Vec<String>,
    /// Version of the installed engine, where it is known; workers can have different ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it is not available and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable_reason: Option<String>,
    /// Whom a scan contacts.
    pub contacts: String,
    /// Whether a scan tells third parties of the target: it then needs `consent`, and an operator who switched such
    /// engines on.
    pub needs_consent: bool,
    /// Forms of target that it takes, each with an example.
    pub targets: Vec<TargetExample>,
    /// JSON Schema of `options`.
    #[schema(value_type = Object)]
    pub options: Value,
}

/// A form of target with an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetExample {
    pub target_type: TargetType,
    pub example: String,
}
