//! What wapiti says while it runs: how far it is, and what its report does not tell. It exits with 0 whatever happened.

use crate::Target;
use scanyard_contract::scan::FailureReason;

/// Reads wapiti's lines.
#[derive(Debug)]
pub struct Watch {
    modules: usize,
    started: usize,
    /// Pages that the crawl found; absent until it says so.
    found: Option<u64>,
    is_out_of_time: bool,
    unknown_module: Option<String>,
    /// Modules that lost requests to the network.
    troubled: usize,
}

/// Percent that the crawl takes.
const CRAWL: usize = 10;

impl Watch {
    pub fn new(modules: usize) -> Watch {
        Watch { modules, started: 0, found: None, is_out_of_time: false, unknown_module: None, troubled: 0 }
    }

    /// Takes a line; the percentage after it, at most 99, where the line moves it.
    pub fn line(&mut self, line: &str) -> Option<u8> {
        self.is_out_of_time |= line.contains("time was reached");
        self.troubled += usize::from(line.contains("requests were skipped due to network issues"));
        if let Some((_, name)) = line.split_once("Unable to find a module named ") {
            self.unknown_module = Some(name.to_string());
        }
        if let Some((_, rest)) = line.split_once("Wapiti found ") {
            self.found = rest.split(' ').next()?.parse().ok();
            return Some(CRAWL as u8);
        }
        line.starts_with("[*] Launching module ").then(|| {
            self.started += 1;
            (CRAWL + (self.started - 1) * (99 - CRAWL) / self.modules.max(1)).min(99) as u8
        })
    }

    /// Whether a page answered, where the lines tell.
    pub fn is_reached(&self) -> bool {
        self.found.is_some_and(|pages| pages > 0)
    }

    /// Why the run is not a whole scan, for what only the lines tell.
    pub fn fault(&self, target: &Target) -> Option<(FailureReason, String)> {
        if self.found == Some(0) && !self.is_out_of_time {
            return Some((FailureReason::TargetUnreachable, format!("wapiti got no page from {target}")));
        }
        if let Some(name) = &self.unknown_module {
            return Some((FailureReason::EngineFailed, format!("this wapiti has no module {name}")));
        }
        // One request may be lost; when most modules lose some, the target has gone.
        if self.started > 0 && self.troubled * 2 > self.started {
            return Some((FailureReason::TargetUnreachable, format!("{target} stopped answering during the scan")));
        }
        if self.is_out_of_time {
            let message = match self.found {
                Some(0) => format!("wapiti got no page from {target} before its time was up; give it more"),
                _ => "wapiti was not done when the scan's time was up; give it more, or look less deep".to_string(),
            };
            return Some((FailureReason::TimedOut, message));
        }
        None
    }
}
