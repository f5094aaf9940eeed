//! What nuclei tells of a run while it runs: one JSON object a line on stderr, every value a text.

use crate::Target;
use crate::process::Lines;
use scanyard_contract::scan::FailureReason;
use serde::Deserialize;
use std::borrow::Cow;

/// How far a run is, after what was read so far.
#[derive(Debug, Default)]
pub struct Stats {
    lines: Lines,
    /// The last statement; none where nuclei ended before it made one.
    pub last: Option<Counts>,
    /// The version that nuclei names where it greets.
    pub version: Option<String>,
}

/// One statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// May pass 100 while nuclei bundles templates, and be wrong.
    pub percent: u64,
    /// Requests made, those that failed included.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
}

#[derive(Deserialize)]
struct Statement<'a> {
    #[serde(borrow)]
    percent: Cow<'a, str>,
    #[serde(borrow)]
    requests: Cow<'a, str>,
    #[serde(borrow)]
    errors: Cow<'a, str>,
}

impl Stats {
    /// Reads more of stderr. The percentage, when a statement came: 100 is for the end of the run.
    pub fn read(&mut self, bytes: &[u8]) -> Option<u8> {
        let mut stated = None;
        self.lines.push(bytes, |line| {
            if let Some(counts) = counts(line) {
                stated = Some(counts);
            } else if let Some(version) = version(line) {
                self.version = Some(version);
            }
        });
        self.last = stated.or(self.last);
        stated.map(|counts| counts.percent.min(99) as u8)
    }
}

fn counts(line: &str) -> Option<Counts> {
    let statement: Statement = serde_json::from_str(line.trim()).ok()?;
    Some(Counts {
        percent: statement.percent.parse().ok()?,
        requests: statement.requests.parse().ok()?,
        errors: statement.errors.parse().ok()?,
    })
}

/// `… nuclei version: v3.10.0 (latest)`.
fn version(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("nuclei version: v")?;
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').take(20).collect();
    (!version.is_empty()).then_some(version)
}

/// Nine of ten requests failed: nothing of the target was seen that could be called clean.
fn is_deaf(counts: Counts) -> bool {
    counts.errors.saturating_mul(10) >= counts.requests.saturating_mul(9)
}

/// Why a run that ended by itself did not scan its target.
pub fn fault(last: Option<Counts>, target: &Target) -> Option<(FailureReason, String)> {
    match last {
        None | Some(Counts { requests: 0, .. }) => Some((
            FailureReason::EngineFailed,
            "nuclei made no request: no template fits the scan's options, or its templates cannot be read".to_string(),
        )),
        Some(counts) if is_deaf(counts) => Some((
            FailureReason::TargetUnreachable,
            format!("{} of {} requests to {target} failed", counts.errors, counts.requests),
        )),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_are_read_wherever_they_are_cut() {
        let sample = include_bytes!("../../tests/samples/nuclei/synthetic-stats.stderr");
        let mut stats = Stats::default();
        let seen: Vec<u8> = sample.chunks(7).chain([&b"\n"[..]]).filter_map(|piece| stats.read(piece)).collect();
        assert_eq!(seen, [42]);
        assert_eq!(stats.last, Some(Counts { percent: 42, requests: 420, errors: 0 }));
    }

    #[test]
    fn what_passes_100_is_99_and_what_is_no_statement_says_nothing() {
        let mut stats = Stats::default();
        assert_eq!(stats.read(b"{\"percent\":\"340\",\"requests\":\"2\",\"errors\":\"1\"}\n"), Some(99));
        assert_eq!(stats.read(b"[INF] Current nuclei version: v3.10.0 (latest)\n{\"percent\":\"x\"}\n"), None);
        assert_eq!(stats.last.unwrap().errors, 1);
        assert_eq!(stats.version.as_deref(), Some("3.10.0"));
    }

    #[test]
    fn a_run_without_requests_or_answers_is_no_scan() {
        let target = Target::parse("http://127.0.0.1/").unwrap();
        let reason = |requests, errors| {
            fault(Some(Counts { percent: 100, requests, errors }), &target).map(|(reason, _)| reason)
        };
        assert_eq!(fault(None, &target).unwrap().0, FailureReason::EngineFailed);
        assert_eq!(reason(0, 0), Some(FailureReason::EngineFailed));
        assert_eq!(reason(100, 90), Some(FailureReason::TargetUnreachable));
        assert_eq!(reason(100, 89), None);
    }

    proptest! {
        #[test]
        fn no_output_passes_99(text in "(\\{\"percent\":\"[-0-9]{0,20}\",\"requests\":\"[0-9]{0,3}\",\"errors\":\"0\"\\}\n|.{0,9}){0,9}") {
            let mut stats = Stats::default();
            prop_assert!(stats.read(text.as_bytes()).is_none_or(|percent| percent <= 99));
        }
    }
}
