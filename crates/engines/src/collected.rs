//! Findings as they are collected from a report: each fault once, and every record accounted for.

use scanyard_contract::Finding;
use scanyard_contract::scan::Records;
use std::collections::HashSet;

/// The most findings of one scan; what comes after is counted and dropped.
pub const MAX_FINDINGS: usize = 100_000;

/// What was collected so far.
#[derive(Debug, Default)]
pub struct Collected {
    pub findings: Vec<Finding>,
    /// `read = kept + merged + dropped` at all times.
    pub records: Records,
    /// By the end of their fingerprints.
    seen: HashSet<[u8; KEY]>,
}

/// Digits at the end of a fingerprint that tell it from any other: 128 bits of its hash, and a third of it to look up.
const KEY: usize = 32;
/// Bytes of a report for which room for one finding is made at once: moving what is there costs more than room that stays empty.
const BYTES_PER_FINDING: usize = 512;

impl Collected {
    /// Nothing yet, with room for the findings of a report of so many bytes.
    pub fn from_report_of(bytes: usize) -> Collected {
        let room = (bytes / BYTES_PER_FINDING).min(MAX_FINDINGS);
        Collected {
            findings: Vec::with_capacity(room),
            seen: HashSet::with_capacity(room),
            records: Records::default(),
        }
    }

    /// Keeps a finding unless the same fault is there already, such as on another address of the same name.
    pub fn add(&mut self, finding: Finding) {
        if self.findings.len() >= MAX_FINDINGS {
            return self.drop("too many findings");
        }
        self.records.read += 1;
        if self.seen.insert(key(&finding.fingerprint)) {
            self.records.kept += 1;
            self.findings.push(finding);
        } else {
            self.records.merged += 1;
        }
    }

    /// Counts a record that is no finding, by the reason: a few words that people and programs can read.
    pub fn drop(&mut self, reason: &str) {
        self.drop_all(reason, 1);
    }

    /// The same of several records; of none it is no reason.
    pub fn drop_all(&mut self, reason: &str, count: u64) {
        if count == 0 {
            return;
        }
        self.records.read += count;
        match self.records.dropped.get_mut(reason) {
            Some(dropped) => *dropped += count,
            None => _ = self.records.dropped.insert(reason.to_string(), count),
        }
    }
}

fn key(fingerprint: &str) -> [u8; KEY] {
    let end = &fingerprint.as_bytes()[fingerprint.len().saturating_sub(KEY)..];
    let mut key = [0; KEY];
    key[..end.len()].copy_from_slice(end);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(fingerprint: &str) -> Finding {
        Finding { fingerprint: fingerprint.to_string(), ..Finding::default() }
    }

    #[test]
    fn what_goes_in_is_kept_merged_or_dropped() {
        let mut collected = Collected::default();
        for fingerprint in ["a", "b", "a"] {
            collected.add(finding(fingerprint));
        }
        collected.drop("no match");
        collected.drop("no match");
        let Records { read, kept, merged, dropped } = collected.records;
        assert_eq!((read, kept, merged), (5, 2, 1));
        assert_eq!(dropped.into_iter().collect::<Vec<_>>(), [("no match".to_string(), 2)]);
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut collected = Collected::default();
        for i in 0..MAX_FINDINGS + 3 {
            collected.add(finding(&i.to_string()));
        }
        assert_eq!(collected.findings.len(), MAX_FINDINGS);
        assert_eq!(collected.records.dropped["too many findings"], 3);
    }
}
