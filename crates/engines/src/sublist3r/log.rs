//! What sublist3r says while it runs: it always exits with 0.

use super::options::{SOURCES, Source};
use crate::process::Lines;
use std::collections::BTreeSet;

/// What its lines told so far.
#[derive(Debug, Default)]
pub struct Log {
    lines: [Lines; 2],
    /// Sources that it began to ask.
    pub asked: usize,
    /// Sources that failed for certain, by their words: a connection that failed, or an answer that it could not read. One
    /// that it says nothing of may have failed as well.
    pub failed: BTreeSet<&'static str>,
    /// What it says of itself, such as that it does not take the domain.
    pub error: Option<String>,
}

impl Log {
    /// Reads more of one of its two streams.
    pub fn read(&mut self, stream: usize, bytes: &[u8]) {
        let Log { lines, asked, failed, error } = self;
        lines[stream].push(bytes, |line| {
            let line = line.trim();
            if line.starts_with("[-] Searching now in ") {
                *asked += 1;
            } else if let Some(source) = failure(line) {
                failed.insert(source.word);
            } else if line.starts_with("Error: ") {
                *error = Some(line.chars().take(300).collect());
            }
        });
    }
}

/// The source of whose failure a line tells: its process ended by an exception, or its host could not be asked.
fn failure(line: &str) -> Option<&'static Source> {
    let process = line.strip_prefix("Process ").and_then(|rest| rest.split('-').next());
    let is_of = |source: &Source| {
        process == Some(source.process)
            || line.contains("Max retries exceeded") && line.contains(&format!("host='{}'", source.host))
    };
    SOURCES.iter().map(|(_, source)| source).find(|source| is_of(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_their_failures_are_counted_once() {
        let mut log = Log::default();
        for piece in ["[-] Search", "ing now in SSL Certificates..\n[-] Searching now in Virustotal..\n"] {
            log.read(0, piece.as_bytes());
        }
        for host in ["www.virustotal.com", "crt.sh", "a.example.test"] {
            let line = format!("HTTPSConnectionPool(host='{host}', port=443): Max retries exceeded with url: /\n");
            log.read(0, line.as_bytes());
        }
        log.read(1, b"Process Virustotal-9:\nProcess NetcraftEnum-7:\nTraceback (most recent call last):\n");
        assert_eq!((log.asked, log.error), (2, None));
        assert_eq!(log.failed.into_iter().collect::<Vec<_>>(), ["netcraft", "ssl", "virustotal"]);
    }

    #[test]
    fn the_samples_tell_which_sources_failed() {
        let mut log = Log::default();
        log.read(0, include_bytes!("../../tests/samples/sublist3r/offline.stdout"));
        log.read(1, include_bytes!("../../tests/samples/sublist3r/offline.stderr"));
        assert_eq!((log.asked, log.failed.into_iter().collect::<Vec<_>>()), (11, vec!["netcraft", "virustotal"]));
    }

    #[test]
    fn a_domain_that_it_does_not_take_is_an_error() {
        let mut log = Log::default();
        log.read(0, b"\x1b[91mError: Please enter a valid domain\x1b[0m\n");
        assert_eq!(log.error.as_deref(), Some("Error: Please enter a valid domain"));
    }
}
