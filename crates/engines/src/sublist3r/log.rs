//! What sublist3r says while it runs: it always exits with 0.

use crate::process::Lines;

/// What its lines told so far.
#[derive(Debug, Default)]
pub struct Log {
    lines: [Lines; 2],
    /// Sources that it began to ask.
    pub asked: usize,
    /// Statements that a source failed: a refused connection, or an answer that it could not read.
    pub failures: usize,
    /// What it says of itself, such as that it does not take the domain.
    pub error: Option<String>,
}

impl Log {
    /// Reads more of one of its two streams.
    pub fn read(&mut self, stream: usize, bytes: &[u8]) {
        let Log { lines, asked, failures, error } = self;
        lines[stream].push(bytes, |line| {
            let line = line.trim();
            if line.starts_with("[-] Searching now in ") {
                *asked += 1;
            } else if line.starts_with("Traceback ") || line.contains("Max retries exceeded") {
                *failures += 1;
            } else if line.starts_with("Error: ") {
                *error = Some(line.chars().take(300).collect());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_their_failures_are_counted() {
        let mut log = Log::default();
        for piece in ["[-] Search", "ing now in SSL Certificates..\n[-] Searching now in Virustotal..\n"] {
            log.read(0, piece.as_bytes());
        }
        log.read(0, b"HTTPSConnectionPool(host='a.example.test', port=443): Max retries exceeded with url: /\n");
        log.read(1, b"Process Virustotal-9:\nTraceback (most recent call last):\n");
        assert_eq!((log.asked, log.failures, log.error), (2, 2, None));
    }

    #[test]
    fn a_domain_that_it_does_not_take_is_an_error() {
        let mut log = Log::default();
        log.read(0, b"\x1b[91mError: Please enter a valid domain\x1b[0m\n");
        assert_eq!(log.error.as_deref(), Some("Error: Please enter a valid domain"));
    }
}
