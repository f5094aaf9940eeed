//! A page of a list of scans: read as one column of JSON, an array for each scan, and handed on as the API shows them.
//!
//! What the wire has as the database has it stays the text that it is: to read it into values and to write those again
//! cost as much as all the rest of a list.

use super::StoreError;
use super::scan::priority_of;
use scanyard_contract::{Priority, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

macro_rules! page {
    ($begin:literal, $end:literal, $json:literal, $closed:literal) => {
        concat!(
            $begin,
            "id, scan_type, source, name, target, target_type, status, priority, progress, ",
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
            "timeout_s, label, asset_id, callback_url, ",
            $json,
            "consent",
            $closed,
            ", template_id, attempts, created_at, started_at, completed_at, sealed_at, ",
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
            $end,
            " FROM scan WHERE id IN ("
        )
    };
}

/// The column and where it comes from, up to the query of the ids.
pub(super) const PAGE_SQLITE: &str = page!("json_group_array(json_array(", "))", "json(", ")");
pub(super) const PAGE_POSTGRES: &str = page!("CAST(json_agg(json_build_array(", ")) AS text)", "CAST(", " AS json)");

/// A scan of a list.
#[derive(Debug, Clone)]
pub struct ListedScan {
    pub id: Uuid,
    /// The scan as the API shows it, a [`scanyard_contract::Scan`].
    pub json: Box<RawValue>,
}

/// A scan, read as an array in the order of `page!` and written as an object.
#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Row<'a> {
    id: Uuid,
    #[serde(borrow)]
    scan_type: &'a RawValue,
    source: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a RawValue>,
    target: &'a RawValue,
    target_type: &'a RawValue,
    status: &'a RawValue,
    #[serde(deserialize_with = "priority")]
    priority: Priority,
    progress: u8,
    tags: &'a RawValue,
    options: &'a RawValue,
    config: &'a RawValue,
    timeout: u32,
    #[serde(rename(serialize = "workerLabel"))]
    label: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset_id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<&'a RawValue>,
    attempts: u32,
    #[serde(deserialize_with = "time")]
    created_at: Option<Timestamp>,
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    completed_at: Option<Timestamp>,
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    sealed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a RawValue>,
    #[serde(rename(serialize = "resultSummary"), skip_serializing_if = "Option::is_none")]
    summary: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<&'a RawValue>,
}

fn priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Priority, D::Error> {
    priority_of(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp))
}

/// The scans of a page's column, oldest first.
pub(super) fn scans(page: &str) -> Result<Vec<ListedScan>, StoreError> {
    let rows: Vec<Row> = serde_json::from_str(page)?;
    let listed = |row: Row| Ok(ListedScan { id: row.id, json: to_raw_value(&row)? });
    let mut scans = rows.into_iter().map(listed).collect::<Result<Vec<_>, StoreError>>()?;
    scans.sort_unstable_by_key(|scan| scan.id);
    Ok(scans)
}
