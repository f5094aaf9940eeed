//! What makes a scan acceptable, and how one presents itself.

use crate::schema::{self, Fault, Found};
use crate::store::scan::ScanRecord;
use scanyard_contract::consent::{Consent, GivenConsent};
use scanyard_contract::finding::Summary;
use scanyard_contract::scan::{CreateScan, DEFAULT_LABEL, Failure, Results, ScanSource, is_worker_label};
use scanyard_contract::wire::Detail;
use scanyard_contract::{Finding, Priority, ScanStatus, ScanType, Severity, Timestamp};
use scanyard_engines::engine::engine;
use scanyard_engines::{Options, Parsed, Target};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use time::OffsetDateTime;
use uuid::Uuid;

/// Seconds that a scan may run when it does not say.
pub const DEFAULT_TIMEOUT: u32 = 3600;
/// The longest tag, in characters.
const MAX_TAG: usize = 64;
/// The longest note of a consent, in characters.
const MAX_NOTE: usize = 500;

/// The options that a scan runs with: `config` overrides `options` key by key.
pub fn effective_options<'o>(
    options: &'o Map<String, Value>,
    config: &Map<String, Value>,
) -> Cow<'o, Map<String, Value>> {
    let mut effective = Cow::Borrowed(options);
    if !config.is_empty() {
        effective.to_mut().extend(config.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    effective
}

/// The options of a scan as its engine reads them, or what the engine finds wrong with them; `None` when this build has no
/// adapter for it.
pub type ReadOptions = Option<Result<Options, Vec<Detail>>>;

/// Has the engine read the options of a scan.
pub fn read_options(scan: &CreateScan) -> ReadOptions {
    Options::parse(scan.scan_type, &effective_options(&scan.options, &scan.config))
}

/// What is wrong with a scan beyond its schema: labels and engine options, each fault with its place.
pub fn faults(scan: &CreateScan, options: &ReadOptions) -> Vec<Found> {
    let mut found = Vec::new();
    let mut bounds = |field: String, reason: &str| {
        found.push(Found { field, fault: Fault::Bounds(reason.to_string()) });
    };
    for (i, tag) in scan.tags.iter().enumerate() {
        if !is_label(tag, MAX_TAG) {
            bounds(format!("tags[{i}]"), "must be 1 to 64 characters, no control characters");
        }
    }
    let labels = [("name", &scan.name), ("assetId", &scan.asset_id)];
    for (field, label) in labels {
        if label.as_ref().is_some_and(|label| !is_label(label, 255)) {
            bounds(field.to_string(), "must be 1 to 255 characters, no control characters");
        }
    }
    if scan.worker_label.as_ref().is_some_and(|label| !is_worker_label(label)) {
        bounds("workerLabel".to_string(), "must be 1 to 32 of a to z, 0 to 9 and -");
    }
    if scan.consent.as_ref().is_some_and(|consent| !is_note(&consent.note)) {
        bounds("consent.note".to_string(), "must be 1 to 500 characters, not blanks alone, no control characters");
    }
    found.extend(option_faults(scan, options));
    let auth = scan.auth.as_ref().map(|auth| scanyard_engines::auth::faults(scan.scan_type, auth));
    found.extend(auth.into_iter().flatten().map(|detail| Found {
        field: detail.field.unwrap_or_else(|| "auth".to_string()),
        fault: Fault::Bounds(detail.reason),
    }));
    schema::sort(&mut found);
    found
}

/// Whether a text will do as the note of a consent: blanks alone name nobody who agreed.
pub fn is_note(text: &str) -> bool {
    is_label(text, MAX_NOTE) && !text.trim().is_empty()
}

pub(crate) fn is_label(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// The engine's schema tells an unknown name from a wrong type; of the options that it finds no fault with, the engine's own
/// reading.
fn option_faults(scan: &CreateScan, options: &ReadOptions) -> Vec<Found> {
    let schema = engine(scan.scan_type).options_schema();
    let mut found = schema::object_faults(schema, &scan.options, "options");
    found.extend(schema::object_faults(schema, &scan.config, "config"));
    let Some(Err(details)) = options else { return found };
    let of_engine = details.iter().map(|detail| option_fault(scan, detail.clone()));
    let told: Vec<String> = found.iter().map(|found| option_of(&found.field).to_string()).collect();
    found.extend(of_engine.filter(|found| !told.iter().any(|told| told == option_of(&found.field))));
    found
}

/// The path of the option that a fault lies in: `options.ports` of `options.ports[2]`.
fn option_of(field: &str) -> &str {
    let (place, name) = field.split_once('.').unwrap_or((field, ""));
    let length = name.split(['.', '[']).next().map_or(0, str::len);
    &field[..(place.len() + 1 + length).min(field.len())]
}

/// What is wrong with the options and the credentials beside the target.
pub fn faults_beside(scan: &CreateScan, options: &ReadOptions, target: &Target) -> Vec<Found> {
    let auth = scan.auth.as_ref().and_then(|_| scanyard_engines::auth::fault_beside(scan.scan_type, target));
    let auth = auth.map(|detail| Found { field: "auth".to_string(), fault: Fault::Bounds(detail.reason) });
    let options = match options {
        Some(Ok(options)) => options.check_target(target).err().unwrap_or_default(),
        Some(Err(details)) => details.clone(),
        None => Vec::new(),
    };
    options.into_iter().map(|detail| option_fault(scan, detail)).chain(auth).collect()
}

/// An engine names its faults under `options`; what `config` overrides is told of there.
fn option_fault(scan: &CreateScan, detail: Detail) -> Found {
    let field = detail.field.unwrap_or_else(|| "options".to_string());
    let name = field.strip_prefix("options.").unwrap_or_default();
    let head = option_of(&field).strip_prefix("options.").unwrap_or_default();
    let field = if scan.config.contains_key(head) { format!("config.{name}") } else { field };
    Found { field, fault: Fault::Bounds(detail.reason) }
}

/// Reads the target and checks that the engine takes its form and that it is of the type it is said to be.
pub fn target(scan: &CreateScan) -> Result<Target, Vec<Detail>> {
    let engine = engine(scan.scan_type);
    let target = engine.target(&scan.target)?;
    if let Some(said) = scan.target_type.filter(|said| !target.is_a(*said)) {
        let reason = format!("is of type {}, not {said} as targetType says", target.target_type());
        return Err(engine.refused(reason));
    }
    Ok(target)
}

/// An id of version 7 for a scan that is made at `now`. Ids that this process makes in one millisecond are in their order.
pub fn new_id(now: i64) -> Uuid {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    // 30 bits of a counter, in the two fields on both sides of the variant; 44 bits by chance.
    let count = u128::from(COUNTER.fetch_add(1, Ordering::Relaxed) & 0x3fff_ffff);
    let chance = Uuid::new_v4().as_u128() & 0xfff_ffff_ffff;
    let ms = u128::from(now.max(0).unsigned_abs() & 0xffff_ffff_ffff);
    Uuid::from_u128(ms << 80 | 7 << 76 | count >> 18 << 64 | 0b10 << 62 | (count & 0x3_ffff) << 44 | chance)
}

/// What the vault binds the credentials of a scan to.
pub fn auth_context(id: Uuid) -> String {
    format!("auth of scan {id}")
}

/// The row of a new scan.
pub fn record(create: CreateScan, target: &Target, tenant_id: &str, api_key_id: &str, now: i64) -> ScanRecord {
    let CreateScan {
        target: _,
        scan_type,
        name,
        target_type,
        priority,
        options,
        config,
        tags,
        timeout,
        worker_label,
        asset_id,
        callback_url,
        consent,
        // Sealed beside the job, never in the record.
        auth: _,
    } = create;
    ScanRecord {
        id: new_id(now),
        tenant_id: tenant_id.to_string(),
        api_key_id: api_key_id.to_string(),
        scan_type,
        source: ScanSource::Scan,
        name,
        target: target.to_string(),
        target_type: target_type.unwrap_or(target.target_type()),
        status: ScanStatus::Queued,
        priority: priority.unwrap_or(Priority::Normal),
        progress: 0,
        tags,
        options,
        config,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        label: worker_label.unwrap_or_else(|| DEFAULT_LABEL.to_string()),
        asset_id,
        callback_url,
        consent: consent.filter(|consent| consent.third_party).map(|consent| GivenConsent {
            third_party: consent.third_party,
            note: consent.note,
            by: api_key_id.to_string(),
            at: Timestamp(now),
        }),
        template_id: None,
        attempts: 0,
        created_at: now,
        started_at: None,
        completed_at: None,
        sealed_at: None,
        failure: None,
        summary: None,
        coverage: None,
        records: None,
        engine_version: None,
    }
}

/// The row of a scan whose report was made elsewhere, and its findings. `owner` is the tenant and who sent the report.
pub fn imported(
    scan_type: ScanType,
    name: Option<String>,
    target: &Target,
    parsed: Parsed,
    owner: (&str, &str),
    now: i64,
) -> (ScanRecord, Vec<Finding>) {
    let Parsed { collected, coverage, engine_version, fault } = parsed;
    let failure = fault.map(|(reason, message)| Failure { reason, message, last_lines: Vec::new() });
    let status = if failure.is_none() { ScanStatus::Completed } else { ScanStatus::Failed };
    let record = ScanRecord {
        id: new_id(now),
        tenant_id: owner.0.to_string(),
        api_key_id: owner.1.to_string(),
        scan_type,
        source: ScanSource::Import,
        name,
        target: target.to_string(),
        target_type: target.target_type(),
        status,
        priority: Priority::Normal,
        progress: if failure.is_none() { 100 } else { 0 },
        tags: Vec::new(),
        options: Map::new(),
        config: Map::new(),
        timeout: DEFAULT_TIMEOUT,
        label: DEFAULT_LABEL.to_string(),
        asset_id: None,
        callback_url: None,
        consent: None,
        template_id: None,
        attempts: 0,
        created_at: now,
        started_at: Some(now),
        completed_at: Some(now),
        sealed_at: None,
        failure,
        summary: Some(Summary::of(&collected.findings)),
        coverage: Some(coverage),
        records: Some(collected.records),
        engine_version,
    };
    (record, collected.findings)
}

/// The results of a finished scan, with one page of its findings.
pub fn results(scan: ScanRecord, findings: Vec<Finding>) -> Results {
    let seconds = |(from, to): (i64, i64)| u64::try_from((to - from) / 1000).unwrap_or_default();
    Results {
        scan_id: scan.id,
        scan_type: scan.scan_type,
        source: scan.source,
        engine_version: scan.engine_version,
        target: scan.target,
        status: scan.status,
        partial: scan.status != ScanStatus::Completed,
        summary: scan.summary.unwrap_or_default(),
        coverage: scan.coverage.unwrap_or_default(),
        records: scan.records.unwrap_or_default(),
        findings,
        failure: scan.failure,
        started_at: scan.started_at.map(Timestamp),
        completed_at: scan.completed_at.map(Timestamp),
        duration_seconds: scan.started_at.zip(scan.completed_at).map(seconds),
    }
}

/// The findings of one severity.
pub fn count(summary: &Summary, severity: Severity) -> u64 {
    match severity {
        Severity::Critical => summary.critical,
        Severity::High => summary.high,
        Severity::Medium => summary.medium,
        Severity::Low => summary.low,
        Severity::Info => summary.info,
    }
}

/// When the month of `now` began, in UTC: the quota's period.
pub fn month_start(now: i64) -> i64 {
    let at = utc(now);
    at.date().replace_day(1).map_or(now, |first| first.midnight().assume_utc().unix_timestamp() * 1000)
}

/// When the month after that of `now` begins.
pub fn next_month_start(now: i64) -> i64 {
    let days = utc(now).month().length(utc(now).year());
    month_start(now) + i64::from(days) * 86_400_000
}

fn utc(now: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(now.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Whether a scan lacks the consent that its engine needs.
pub fn lacks_consent(scan_type: ScanType, consent: Option<&Consent>) -> bool {
    engine(scan_type).needs_consent && !consent.is_some_and(|consent| consent.third_party)
}

/// Whether the engine asks third parties about a name instead of asking the name: then we do not look it up either.
pub fn looks_up_target(scan_type: ScanType) -> bool {
    !engine(scan_type).needs_consent
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scan(body: Value) -> CreateScan {
        serde_json::from_value(body).unwrap()
    }

    fn reasons(body: Value) -> Vec<String> {
        target(&scan(body)).unwrap_err().into_iter().map(|detail| detail.reason).collect()
    }

    #[test]
    fn config_overrides_options_key_by_key() {
        let scan = scan(json!({"target": "127.0.0.1", "scanType": "sentinel",
            "options": {"ports": "1", "x": 1}, "config": {"ports": "2"}}));
        let effective = effective_options(&scan.options, &scan.config);
        assert_eq!(Value::Object(effective.into_owned()), json!({"ports": "2", "x": 1}));
    }

    #[test]
    fn a_target_is_what_its_type_says() {
        let reasons = reasons(json!({"target": "127.0.0.1", "scanType": "nmap", "targetType": "url"}));
        assert_eq!(reasons[0], "is of type ip, not url as targetType says");
        let right = json!({"target": "127.0.0.1", "scanType": "nmap", "targetType": "host"});
        assert_eq!(target(&scan(right)).unwrap().to_string(), "127.0.0.1");
    }

    #[test]
    fn months_begin_on_the_1st_at_midnight_utc() {
        let december = 1_798_761_599_999; // 2026-12-31T23:59:59.999Z
        assert_eq!(Timestamp(month_start(december)).to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(Timestamp(next_month_start(december)).to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(month_start(december + 1), december + 1);
    }

    #[test]
    fn faults_of_the_schema_and_of_the_engine_are_told_together_and_once() {
        let faulty = scan(json!({"target": "127.0.0.1", "scanType": "nmap",
            "options": {"ports": "70000", "timing": "fast", "colour": 1}, "config": {"maxRate": 0}}));
        let fields: Vec<String> =
            faults(&faulty, &read_options(&faulty)).into_iter().map(|found| found.field).collect();
        assert_eq!(fields, ["options.timing", "config.maxRate", "options.ports", "options.colour"]);
    }

    #[test]
    fn labels_have_bounds() {
        let faulty = scan(json!({"target": "127.0.0.1", "scanType": "nmap", "name": "a\nb", "tags": ["ok", ""]}));
        let fields: Vec<String> =
            faults(&faulty, &read_options(&faulty)).into_iter().map(|found| found.field).collect();
        assert_eq!(fields, ["name", "tags[1]"]);
    }
}
