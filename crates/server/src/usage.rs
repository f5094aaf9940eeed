//! Periods of usage, and counts as the API shows them.

use crate::store::call_log::CallRecord;
use crate::store::usage_rollup::{Counts, DAY_S, HOUR_S};
use scanyard_contract::usage::{
    Granularity, LoggedCall, UsageByEndpoint, UsageByKey, UsageByScanType, UsageCounts, UsagePeriod, UsagePeriodName,
    UsagePoint, UsageSummary,
};
use scanyard_contract::{ScanType, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A period in whole hours or whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Length of its parts, in seconds.
    pub span_s: i64,
    /// When the first part begins.
    pub from: i64,
    /// When the last part, the current one, begins.
    pub to: i64,
}

/// The period of that name up to `now`: the current hour or day, and the whole ones before it.
pub fn span(name: UsagePeriodName, now: i64) -> Span {
    let (span_s, before) = match name {
        UsagePeriodName::Hours24 => (HOUR_S, 24),
        UsagePeriodName::Days7 => (DAY_S, 7),
        UsagePeriodName::Days30 => (DAY_S, 30),
        UsagePeriodName::Days90 => (DAY_S, 90),
    };
    let to = now - now.rem_euclid(span_s * 1000);
    Span { span_s, from: to - before * span_s * 1000, to }
}

impl Span {
    /// The same period in parts of that granularity.
    pub fn in_parts(self, name: UsagePeriodName, granularity: Granularity, now: i64) -> Span {
        let span_s = match (granularity, name) {
            (Granularity::Hourly, _) | (Granularity::Auto, UsagePeriodName::Hours24) => HOUR_S,
            (Granularity::Daily | Granularity::Auto, _) => DAY_S,
        };
        let floor = |at: i64| at - at.rem_euclid(span_s * 1000);
        Span { span_s, from: floor(self.from), to: floor(now) }
    }

    /// First and last second.
    pub fn to_wire(self) -> UsagePeriod {
        UsagePeriod { start: Timestamp(self.from), end: Timestamp(self.to + (self.span_s - 1) * 1000) }
    }
}

/// Counts as the API shows them.
pub fn counts(counts: &Counts) -> UsageCounts {
    let Counts { calls, errors, duration_us, max_us, submissions } = *counts;
    UsageCounts {
        total_calls: calls,
        success_calls: calls.saturating_sub(errors),
        error_calls: errors,
        avg_duration_ms: ms(duration_us.checked_div(calls).unwrap_or_default()),
        max_duration_ms: ms(max_us),
        total_scans: submissions,
        quota_consumed_calls: submissions,
    }
}

/// Microseconds in milliseconds, rounded.
fn ms(us: u64) -> u64 {
    (us + 500) / 1000
}

/// The whole of a tenant's counts, from those by engine.
pub fn summary(tenant_id: &str, span: Span, by_scan_type: &[(String, Counts)]) -> UsageSummary {
    let mut all = Counts::default();
    by_scan_type.iter().for_each(|(_, counts)| all.add(counts));
    let mut used: Vec<(ScanType, u64)> = by_scan_type
        .iter()
        .filter(|(_, counts)| counts.submissions > 0)
        .filter_map(|(name, counts)| Some((name.parse().ok()?, counts.submissions)))
        .collect();
    used.sort_by_key(|(scan_type, scans)| (std::cmp::Reverse(*scans), *scan_type));
    UsageSummary {
        tenant_id: tenant_id.parse().unwrap_or_default(),
        period: span.to_wire(),
        counts: counts(&all),
        distinct_scan_types: used.len() as u64,
        scan_types_used: used.into_iter().map(|(scan_type, _)| scan_type).collect(),
    }
}

/// A point for each part of the period, oldest first, also for those in which nobody called.
pub fn history(span: Span, found: Vec<(String, Counts)>) -> Vec<UsagePoint> {
    let found: BTreeMap<i64, Counts> =
        found.into_iter().filter_map(|(start, counts)| Some((start.parse().ok()?, counts))).collect();
    let mut points = Vec::new();
    let mut at = span.from;
    while at <= span.to {
        let of_part = found.get(&at).copied().unwrap_or_default();
        points.push(UsagePoint { timestamp: Timestamp(at), counts: counts(&of_part) });
        at += span.span_s * 1000;
    }
    points
}

/// Puts the groups with the most calls first.
pub fn ranked(mut found: Vec<(String, Counts)>) -> Vec<(String, Counts)> {
    found.sort_by(|(a, x), (b, y)| (y.calls, a).cmp(&(x.calls, b)));
    found
}

/// A principal as key or user.
fn key_and_user(principal: String) -> (Option<String>, Option<String>) {
    if principal.starts_with("usr-") { (None, Some(principal)) } else { (Some(principal), None) }
}

/// The counts of a principal; a key has a name.
pub fn by_key(principal: String, of_principal: &Counts, name: Option<String>) -> UsageByKey {
    let (key_id, user_id) = key_and_user(principal);
    UsageByKey { key_id, user_id, name, counts: counts(of_principal) }
}

/// The counts of an engine; none for calls about no engine.
pub fn by_scan_type((name, of_engine): &(String, Counts)) -> Option<UsageByScanType> {
    Some(UsageByScanType { scan_type: name.parse().ok()?, counts: counts(of_engine) })
}

/// The counts of an operation, which is named by its method, a blank and its route.
pub fn by_endpoint((name, of_endpoint): &(String, Counts)) -> UsageByEndpoint {
    let (method, endpoint) = name.split_once(' ').unwrap_or((name, ""));
    UsageByEndpoint { method: method.to_string(), endpoint: endpoint.to_string(), counts: counts(of_endpoint) }
}

/// A call as the API shows it.
pub fn logged(call: CallRecord) -> LoggedCall {
    let (key_id, user_id) = key_and_user(call.principal);
    LoggedCall {
        request_id: call.id,
        timestamp: Timestamp(call.at),
        key_id,
        user_id,
        method: call.method,
        endpoint: call.route,
        status: call.status,
        code: Some(call.code).filter(|code| !code.is_empty()),
        duration_ms: ms(call.duration_us),
        source_ip: call.source,
        scan_type: call.scan_type,
    }
}

/// Where a call stands in the log: the cursor of the page that begins after it.
pub fn cursor(call: &CallRecord) -> String {
    format!("{}-{}", call.at, call.id.simple())
}

/// What [`cursor`] printed.
pub fn read_cursor(text: &str) -> Option<(i64, Uuid)> {
    let (at, id) = text.split_once('-')?;
    let is_ours = at.bytes().all(|b| b.is_ascii_digit()) && id.len() == 32;
    Some((at.parse().ok()?, Uuid::try_parse(id).ok().filter(|_| is_ours)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_791_265_500; // 2026-03-06T10:01:05.5Z

    fn period(name: UsagePeriodName) -> (String, String) {
        let period = span(name, NOW).to_wire();
        (period.start.to_string(), period.end.to_string())
    }

    #[test]
    fn a_period_is_the_current_part_and_the_whole_ones_before() {
        let expected = |start: &str, end: &str| (start.to_string(), end.to_string());
        assert_eq!(period(UsagePeriodName::Days30), expected("2026-02-04T00:00:00Z", "2026-03-06T23:59:59Z"));
        assert_eq!(period(UsagePeriodName::Days7), expected("2026-02-27T00:00:00Z", "2026-03-06T23:59:59Z"));
        assert_eq!(period(UsagePeriodName::Hours24), expected("2026-03-05T10:00:00Z", "2026-03-06T10:59:59Z"));
    }

    #[test]
    fn auto_is_hourly_for_a_day_and_daily_beyond() {
        let points = |name, granularity| {
            let span = span(name, NOW).in_parts(name, granularity, NOW);
            history(span, Vec::new()).len()
        };
        assert_eq!(points(UsagePeriodName::Hours24, Granularity::Auto), 25);
        assert_eq!(points(UsagePeriodName::Hours24, Granularity::Daily), 2);
        assert_eq!(points(UsagePeriodName::Days7, Granularity::Auto), 8);
        assert_eq!(points(UsagePeriodName::Days7, Granularity::Hourly), 7 * 24 + 11);
    }

    #[test]
    fn durations_are_rounded_milliseconds() {
        let shown = counts(&Counts { calls: 3, errors: 1, duration_us: 4_499, max_us: 2_500, submissions: 1 });
        assert_eq!((shown.avg_duration_ms, shown.max_duration_ms, shown.success_calls), (1, 3, 2));
        assert_eq!(counts(&Counts::default()).avg_duration_ms, 0);
    }

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let id = Uuid::from_u128(7);
        assert_eq!(read_cursor(&format!("12-{}", id.simple())), Some((12, id)));
        for text in ["", "12", "12-", "-1-00000000000000000000000000000007", "1-7", &format!("x-{}", id.simple())] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }
}
