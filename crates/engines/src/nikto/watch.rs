//! What nikto's lines tell that its report does not: whether it came to its end or to its limit, and how much was in vain.

use scanyard_contract::scan::FailureReason;

/// What was told so far.
#[derive(Debug, Default)]
pub struct Watch {
    is_out_of_time: bool,
    /// Checks (2.1.5) or requests (2.6), and how often there was no answer.
    asked: u64,
    errors: u64,
}

impl Watch {
    /// Takes a line of its stdout.
    pub fn read(&mut self, line: &str) {
        self.is_out_of_time |= line.contains("Scan terminated");
        // Such as `+ 23 items checked: 84 error(s) and 1 item(s) reported on remote host`.
        if let Some((before, _)) = line.split_once(" error(s) and ") {
            let mut numbers = before.split(' ').filter_map(|word| word.parse().ok());
            if let (Some(asked), Some(errors)) = (numbers.next(), numbers.next()) {
                (self.asked, self.errors) = (asked, errors);
            }
        }
    }

    /// Why a scan whose report says nothing of it was none, or not all.
    pub fn fault(&self) -> Option<(FailureReason, String)> {
        let Watch { is_out_of_time, asked, errors } = self;
        if *is_out_of_time {
            let message = "nikto was not done when the scan's time was up; give it more, or the profile light";
            return Some((FailureReason::TimedOut, message.to_string()));
        }
        (2 * errors > *asked).then(|| {
            let message = format!(
                "nikto had {errors} requests without an answer in {asked} checks, so that most was not seen; scan again when it \
                 answers, or with a `pause`"
            );
            (FailureReason::EngineFailed, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_its_errors_is_read() {
        for (line, is_fault) in [
            ("+ 23 items checked: 84 error(s) and 1 item(s) reported on remote host", true),
            ("+ 6544 items checked: 0 error(s) and 11 item(s) reported on remote host", false),
            ("+ 7962 requests: 3 error(s) and 6 item(s) reported on remote host", false),
            ("+ GET /: 9 error(s) and more", false),
        ] {
            let mut watch = Watch::default();
            watch.read(line);
            assert_eq!(watch.fault().is_some(), is_fault, "{line}");
        }
    }
}
