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

/// The column and where it comes from, up to the query of the ids. The texts of JSON are put together as they are: SQLite's
/// own functions read each of them and write it again, which took most of a list's time.
pub(super) const PAGE_SQLITE: &str = "concat('[', group_concat(concat('[\"', id, '\",\"', scan_type, '\",\"', source, '\",', json_quote(name), ',', json_quote(target), ',\"', \
     target_type, '\",\"', status, '\",', priority, ',', progress, ',', tags, ',', options, ',', config, ',', timeout_s, ',\"', label, '\",', \
     json_quote(asset_id), ',', json_quote(callback_url), ',', coalesce(consent, 'null'), ',', json_quote(template_id), ',', attempts, ',', \
     created_at, ',', coalesce(started_at, 'null'), ',', coalesce(completed_at, 'null'), ',', coalesce(sealed_at, 'null'), ',', \
     coalesce(failure, 'null'), ',', coalesce(summary, 'null'), ',', coalesce(coverage, 'null'), ',', coalesce(records, 'null'), \
     ']')), ']') FROM scan WHERE id IN (";
pub(super) const PAGE_POSTGRES: &str = "CAST(json_agg(json_build_array(id, scan_type, source, name, target, target_type, status, priority, progress, CAST(tags AS json), \
     CAST(options AS json), CAST(config AS json), timeout_s, label, asset_id, callback_url, CAST(consent AS json), template_id, \
     attempts, created_at, started_at, completed_at, sealed_at, CAST(failure AS json), CAST(summary AS json), \
     CAST(coverage AS json), CAST(records AS json))) AS text) FROM scan WHERE id IN (";

/// A scan of a list.
#[derive(Debug, Clone)]
pub struct ListedScan {
    pub id: Uuid,
    /// The scan as the API shows it, a [`scanyard_contract::Scan`].
    pub json: Box<RawValue>,
}

/// A scan, read as an array in the order of the columns above and written as an object.
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
