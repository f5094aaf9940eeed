//! Scans as one column of JSON, an array for each: what a page of a list is read as.

use super::StoreError;
use super::scan::{ScanRecord, priority_of};
use scanyard_contract::finding::Summary;
use scanyard_contract::scan::{Coverage, Failure, Records, ScanSource};
use scanyard_contract::{ScanStatus, ScanType, TargetType};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

macro_rules! page {
    ($begin:literal, $end:literal, $json:literal, $closed:literal) => {
        concat!(
            $begin,
            "id, api_key_id, scan_type, source, name, target, target_type, status, priority, progress, ",
            $json,
            "tags",
            $closed,
            ", ",
            $json,
            "options",
            $closed,
            ", ",
            $json,
            "config",
            $closed,
            ", ",
            "timeout_s, asset_id, callback_url, template_id, attempts, created_at, started_at, completed_at, sealed_at, ",
            $json,
            "failure",
            $closed,
            ", ",
            $json,
            "summary",
            $closed,
            ", ",
            $json,
            "coverage",
            $closed,
            ", ",
            $json,
            "records",
            $closed,
            ", engine_version",
            $end,
            " FROM scan WHERE id IN ("
        )
    };
}

/// The column and where it comes from, up to the query of the ids.
pub(super) const PAGE_SQLITE: &str = page!("json_group_array(json_array(", "))", "json(", ")");
pub(super) const PAGE_POSTGRES: &str = page!("CAST(json_agg(json_build_array(", ")) AS text)", "CAST(", " AS json)");

/// A scan as the page's JSON has it: an array in the order of `page!`.
#[derive(Deserialize)]
pub(super) struct Row {
    id: Uuid,
    api_key_id: String,
    scan_type: ScanType,
    source: ScanSource,
    name: Option<String>,
    target: String,
    target_type: TargetType,
    status: ScanStatus,
    priority: i64,
    progress: u8,
    tags: Vec<String>,
    options: Map<String, Value>,
    config: Map<String, Value>,
    timeout: u32,
    asset_id: Option<String>,
    callback_url: Option<String>,
    template_id: Option<String>,
    attempts: u32,
    created_at: i64,
    started_at: Option<i64>,
    completed_at: Option<i64>,
    sealed_at: Option<i64>,
    failure: Option<Failure>,
    summary: Option<Summary>,
    coverage: Option<Coverage>,
    records: Option<Records>,
    engine_version: Option<String>,
}

impl Row {
    pub(super) fn record(self, tenant_id: &str) -> Result<ScanRecord, StoreError> {
        Ok(ScanRecord {
            id: self.id,
            tenant_id: tenant_id.to_string(),
            api_key_id: self.api_key_id,
            scan_type: self.scan_type,
            source: self.source,
            name: self.name,
            target: self.target,
            target_type: self.target_type,
            status: self.status,
            priority: priority_of(self.priority)?,
            progress: self.progress,
            tags: self.tags,
            options: self.options,
            config: self.config,
            timeout: self.timeout,
            asset_id: self.asset_id,
            callback_url: self.callback_url,
            template_id: self.template_id,
            attempts: self.attempts,
            created_at: self.created_at,
            started_at: self.started_at,
            completed_at: self.completed_at,
            sealed_at: self.sealed_at,
            failure: self.failure,
            summary: self.summary,
            coverage: self.coverage,
            records: self.records,
            engine_version: self.engine_version,
        })
    }
}
