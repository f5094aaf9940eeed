//! What a report that was made elsewhere is of, held against the target that it is imported for.

use crate::collected::Collected;
use crate::job::Parsed;
use crate::text::clean;
use crate::{Target, asset, site};
use scanyard_contract::scan::FailureReason;

/// Bytes of a report's own target that a message quotes.
const QUOTED: usize = 200;

/// The target of an import, and what its report says that it is of.
#[derive(Debug)]
pub struct Subject<'t> {
    pub target: &'t Target,
    /// Whether everything is it: nobody has said what the report is of.
    is_anything: bool,
    /// Whether the report names the target.
    is_named: bool,
    /// The first thing that the report names and that is something else.
    other: Option<String>,
    /// Whether it names more than that one.
    has_others: bool,
}

impl<'t> Subject<'t> {
    pub fn new(target: &'t Target) -> Subject<'t> {
        Subject { target, is_anything: false, is_named: false, other: None, has_others: false }
    }

    /// A target that whatever a report names is.
    pub fn anything(target: &'t Target) -> Subject<'t> {
        Subject { is_anything: true, ..Subject::new(target) }
    }

    /// Notes one thing that the report is of, by all of its names, of which the first is shown to people; whether it is
    /// the target or in it. What cannot be read as a target is something else.
    pub fn note<'a>(&mut self, names: impl IntoIterator<Item = (&'a str, Option<Target>)>) -> bool {
        let mut first = None;
        for (text, named) in names {
            if self.is_anything || named.is_some_and(|named| self.target.covers(&named)) {
                self.is_named = true;
                return true;
            }
            first.get_or_insert(text);
        }
        let Some(text) = first else { return true };
        let text = clean(text.as_bytes(), QUOTED);
        match &self.other {
            Some(other) => self.has_others |= *other != text,
            None => self.other = Some(text),
        }
        false
    }

    /// [`Subject::note`] of a site, a host or an address.
    pub fn note_hosts<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> bool {
        self.note(names.into_iter().map(|name| (name, Target::parse(name).ok())))
    }

    /// What was read, unless it is all of something else: then none of it is the target's, and the scan is no scan of it.
    pub fn judge(self, mut parsed: Parsed) -> Parsed {
        let Some(message) = self.elsewhere(&parsed) else { return parsed };
        leave_out(&mut parsed.collected);
        parsed.coverage.reached = 0;
        parsed.fault = Some((FailureReason::ReportUnreadable, message));
        parsed
    }

    fn elsewhere(&self, parsed: &Parsed) -> Option<String> {
        if self.is_named {
            return None;
        }
        if let Some(other) = &self.other {
            let others = if self.has_others { " and others" } else { "" };
            return Some(format!("this report is of {other}{others}, not of {}", self.target));
        }
        let records = &parsed.collected.records;
        let outside = [site::OUTSIDE, asset::OUTSIDE].map(|reason| records.dropped.get(reason).copied().unwrap_or(0));
        let is_unreadable = matches!(parsed.fault, Some((FailureReason::ReportUnreadable, _)));
        let is_elsewhere = !is_unreadable && records.kept == 0 && outside.iter().any(|count| *count > 0);
        is_elsewhere.then(|| format!("no record of this report is of {}", self.target))
    }
}

/// Turns what was found into records that are outside the target.
fn leave_out(collected: &mut Collected) {
    collected.findings = Vec::new();
    let records = &mut collected.records;
    let found = std::mem::take(&mut records.kept) + std::mem::take(&mut records.merged);
    if found > 0 {
        *records.dropped.entry(site::OUTSIDE.to_string()).or_default() += found;
    }
}
