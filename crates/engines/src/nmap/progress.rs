//! Percent done, from the task lines that nmap streams.

use super::attributes::{kept, named};
use super::options::{Options, Scripts};
use quick_xml::Reader;
use quick_xml::events::Event;

/// The longest line that can be a task; what is longer is part of a host.
const MAX_LINE: usize = 1024;

/// Reads nmap's output as it comes.
#[derive(Debug)]
pub struct Progress {
    /// The tasks that this scan goes through, each with the part of the whole that it takes, in percent.
    phases: Vec<(&'static str, f64)>,
    line: Vec<u8>,
    percent: u8,
}

impl Progress {
    /// Which tasks there are follows from the options.
    pub fn new(options: &Options) -> Progress {
        let mut weights = vec![("Connect Scan", 30.0)];
        if options.service_detection {
            weights.push(("Service scan", 40.0));
        }
        if options.scripts == Scripts::Safe {
            weights.push(("NSE", 30.0));
        }
        let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let phases = weights.into_iter().map(|(task, weight)| (task, weight * 99.0 / sum)).collect();
        Progress { phases, line: Vec::new(), percent: 0 }
    }

    /// The percentage after these bytes, when it rose; 100 is for the end of the run, which no line announces.
    pub fn read(&mut self, bytes: &[u8]) -> Option<u8> {
        let before = self.percent;
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() <= MAX_LINE {
                    self.line.push(*byte);
                }
                continue;
            }
            if self.line.len() <= MAX_LINE && self.line.starts_with(b"<task") {
                self.percent = self.percent.max(self.after_line().unwrap_or(0));
            }
            self.line.clear();
        }
        (self.percent > before).then_some(self.percent)
    }

    fn after_line(&self) -> Option<u8> {
        let task = task(&self.line)?;
        let position = self.phases.iter().position(|(name, _)| *name == task.name)?;
        let start: f64 = self.phases[..position].iter().map(|(_, weight)| weight).sum();
        // Scripts run before the first phase too, and that says nothing of the run that counts.
        if task.name == "NSE" && self.percent < start as u8 {
            return None;
        }
        let done = task.percent.clamp(0.0, 100.0) / 100.0;
        Some((start + self.phases[position].1 * done) as u8)
    }
}

/// A task line: which task, and how far it is.
#[derive(Debug, PartialEq)]
pub struct Task {
    pub name: String,
    pub percent: f64,
}

/// Reads one line as a task; `None` when it is something else.
pub fn task(line: &[u8]) -> Option<Task> {
    let text = std::str::from_utf8(line).ok()?;
    let (Event::Empty(element) | Event::Start(element)) = Reader::from_str(text).read_event().ok()? else {
        return None;
    };
    let percent = match element.name().as_ref() {
        "taskbegin" => 0.0,
        "taskprogress" => named(&element, "percent")?.value.parse().ok().filter(|percent: &f64| percent.is_finite())?,
        "taskend" => 100.0,
        _ => return None,
    };
    Some(Task { name: kept(named(&element, "task")?), percent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all_phases() -> Options {
        Options { service_detection: true, scripts: Scripts::Safe, ..Options::default() }
    }

    #[test]
    fn it_rises_through_the_phases_of_a_real_report() {
        let report = include_bytes!("../../tests/samples/nmap/recipe.xml");
        let mut progress = Progress::new(&all_phases());
        let seen: Vec<u8> = report.chunks(7).filter_map(|chunk| progress.read(chunk)).collect();
        assert_eq!(seen, [29, 36, 56, 62, 69, 98, 99]);
    }

    #[test]
    fn a_scan_of_ports_alone_is_all_connect_scan() {
        let mut progress = Progress::new(&Options::default());
        assert_eq!(progress.read(b"<taskbegin task=\"Connect Scan\" time=\"1\"/>\n"), None);
        assert_eq!(progress.read(b"<taskprogress task=\"Connect Scan\" percent=\"50.00\"/>\n"), Some(49));
        assert_eq!(progress.read(b"<taskend task=\"Connect Scan\"/>\n"), Some(99));
        assert_eq!(progress.read(b"<taskprogress task=\"Connect Scan\" percent=\"10.00\"/>\n"), None);
    }

    proptest! {
        #[test]
        fn no_output_makes_it_fall_or_pass_99(
            lines in proptest::collection::vec("<task(end|progress) task=\"(NSE|Connect Scan|x)\" percent=\"[-0-9.eN]{0,6}\"/?>\n?", 0..20)
        ) {
            let mut progress = Progress::new(&all_phases());
            let mut last = 0;
            for line in lines {
                if let Some(percent) = progress.read(line.as_bytes()) {
                    prop_assert!(percent > last && percent <= 99);
                    last = percent;
                }
            }
        }
    }
}
