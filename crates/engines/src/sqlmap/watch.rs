//! What sqlmap says while it runs: how far it is, and whether it tested anything. It exits with 0 whatever happened, and
//! its report of a dead target is that of a clean one, as is that of a target which refuses every request.

use super::options::Options;
use crate::Target;
use scanyard_contract::scan::FailureReason;

/// Reads sqlmap's lines.
#[derive(Debug)]
pub struct Watch {
    /// Tests that one parameter takes, about.
    tests_each: u32,
    tests: u32,
    /// The target answered.
    pub is_reached: bool,
    /// Every parameter of some page was tested to the end.
    is_tested: bool,
    page: Page,
    /// The codes, as sqlmap puts them, with which a page refused the tests.
    refusal: Option<String>,
    /// `parameter` is none that the request has.
    is_parameter_missing: bool,
    /// The last thing that ended a test.
    critical: Option<String>,
}

/// The page that is at hand.
#[derive(Debug, Default)]
struct Page {
    tests: u32,
    /// All of its tests came to their end.
    is_done: bool,
    /// The next line says how often which code was the answer.
    is_before_codes: bool,
}

/// What stands before the codes of a page.
const CODES: &str = "HTTP error codes detected during run";
/// Codes of answers that say nothing of a parameter: something before the application gave them, or it did not read that far.
const REFUSALS: [u16; 8] = [401, 403, 405, 406, 429, 502, 503, 504];

impl Watch {
    /// How many tests there are follows from the options.
    pub fn new(options: &Options, target: &Target) -> Watch {
        let per_technique = [5, 20, 40][usize::from(options.level.clamp(1, 3) - 1)];
        let in_url = target.url().map_or(0, |url| url.query_pairs().count());
        let in_data = options.data.as_ref().map_or(0, |data| data.split('&').count());
        let parameters = if options.parameter.is_some() { 1 } else { (in_url + in_data).max(1) };
        let tests_each = per_technique * options.techniques.len() as u32 * parameters as u32;
        Watch {
            tests_each,
            tests: 0,
            is_reached: false,
            is_tested: false,
            page: Page::default(),
            refusal: None,
            is_parameter_missing: false,
            critical: None,
        }
    }

    /// Takes a line; the percentage after it, at most 95, where the line moves it.
    pub fn line(&mut self, line: &str) -> Option<u8> {
        const ANSWERED: [&str; 7] = [
            "is protected by some kind",
            "content is stable",
            "is dynamic",
            "heuristic (basic)",
            "not authorized",
            "no forms found",
            CODES,
        ];
        if std::mem::take(&mut self.page.is_before_codes) {
            self.codes(line);
            return None;
        }
        self.page.is_before_codes = line.contains(CODES);
        self.is_reached |= ANSWERED.iter().any(|words| line.contains(words));
        self.is_parameter_missing |= line.contains("parameters you provided are not present");
        if line.contains("testing connection to the target URL") {
            self.is_tested |= std::mem::take(&mut self.page).is_done;
        } else if line.contains("all tested parameters do not appear") {
            (self.is_reached, self.page.is_done) = (true, true);
        } else if line.contains("following injection point(s)") {
            (self.is_reached, self.is_tested) = (true, true);
        } else if line.contains("[CRITICAL]") && !line.contains("going to retry") {
            let (_, said) = line.split_once("[CRITICAL] ")?;
            self.critical = Some(said.to_string());
        }
        if let Some(percent) = several(line) {
            return Some(percent);
        }
        if !line.contains("[INFO] testing '") {
            return None;
        }
        self.tests += 1;
        self.page.tests += 1;
        Some((self.tests * 95 / self.tests_each.max(1)).min(95) as u8)
    }

    /// Takes how often which code was the answer at this page, such as `403 (Forbidden) - 47 times, 500 (?) - 1 times`. One
    /// refusal comes of any firewall, which sqlmap looks for; with one for every test the page was not tested.
    fn codes(&mut self, line: &str) {
        let refusals = line.split(", ").filter_map(|part| {
            let (code, times) = (part.split(' ').next()?.trim().parse().ok()?, part.rsplit_once(" - ")?.1);
            let times: u64 = times.split(' ').next()?.parse().ok()?;
            REFUSALS.contains(&code).then_some(times)
        });
        if refusals.fold(0, u64::saturating_add) >= u64::from(self.page.tests.max(1)) {
            self.page.is_done = false;
            self.refusal = Some(line.trim().to_string());
        }
    }

    /// How a page refused the tests, where no other was tested to the end.
    pub fn refused(&self, target: &Target) -> Option<(FailureReason, String)> {
        let codes = self.refusal.as_ref().filter(|_| !self.is_tested && !self.page.is_done)?;
        let message = format!(
            "{target} refused sqlmap's requests: {codes}; let them through, ask more slowly with `delayMs`, or give \
             credentials in `auth`"
        );
        Some((FailureReason::EngineFailed, message))
    }

    /// Why nothing was tested; `None` when something was.
    pub fn fault(&self, target: &Target) -> Option<(FailureReason, String)> {
        if self.is_tested || self.page.is_done {
            return None;
        }
        if self.is_parameter_missing {
            let message = format!("{target} has no parameter of the name in `parameter`, so nothing was tested");
            return Some((FailureReason::EngineFailed, message));
        }
        let said = self.critical.as_deref().unwrap_or("it says nothing of a test");
        if said.contains("does not exist") && !self.is_reached {
            return Some((FailureReason::ResolutionFailed, format!("sqlmap does not find {target}: {said}")));
        }
        if said.contains("not authorized") {
            let message = format!("{target} asks for credentials, so nothing was tested; give them in `auth`");
            return Some((FailureReason::EngineFailed, message));
        }
        if let Some(refused) = self.refused(target) {
            return Some(refused);
        }
        if !self.is_reached || said.contains("unable to connect") || said.contains("timed out") {
            return Some((FailureReason::TargetUnreachable, format!("sqlmap got no answer from {target}: {said}")));
        }
        Some((FailureReason::EngineFailed, format!("sqlmap tested nothing at {target}: {said}")))
    }
}

/// The percentage of a line such as `[2/5] Form:`, which a run with several targets begins each with.
fn several(line: &str) -> Option<u8> {
    let (count, rest) = line.trim().strip_prefix('[')?.split_once(']')?;
    if !(rest.starts_with(" Form") || rest.starts_with(" URL")) {
        return None;
    }
    let (at, of) = count.split_once('/')?;
    let (at, of): (u32, u32) = (at.parse().ok()?, of.parse().ok()?);
    (1..=of).contains(&at).then(|| (u64::from(at - 1) * 95 / u64::from(of)) as u8)
}
