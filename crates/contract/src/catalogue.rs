//! The shape of a catalogue row, shared by every contract, and the ways to find one.

use crate::contract::{Contract, Service};
use crate::example::Example;
use crate::fill::{clean, fill};
use crate::info::{ErrorExample, ErrorInfo};
use crate::scan_api::Code;
use crate::support::Support;
use crate::vendors;

pub use crate::class::{Category, Kind, Retry, Source};

/// Where the pages of the rows are; an id follows.
pub const HELP: &str = "/api/v1/errors/";

/// One documented answer of one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The API that answers so.
    pub contract: Contract,
    /// Which of the vendor's services, where it has several.
    pub service: Option<Service>,
    /// The machine-readable code of the body, the class of a library, or the words that tell this answer from others of
    /// its status; `None` for what a status means by itself.
    pub code: Option<&'static str>,
    /// HTTP status; `None` for what has none, such as a class that a library raises by itself.
    pub status: Option<u16>,
    /// Where the fact stands.
    pub source: Source,
    /// The group under which the contract's own page lists it.
    pub category: Category,
    /// The vendor-neutral class that a program branches on.
    pub kind: Kind,
    /// Whether sending the request again can help.
    pub retry: Retry,
    /// Whether the causes are of different kinds, or want different cures, and the answer does not tell them apart.
    pub is_open: bool,
    /// The text of the answer; `{name}` marks an inserted value.
    pub message: &'static str,
    /// What the answer says about the request or the server.
    pub meaning: &'static str,
    /// What leads to it, likeliest first. Several causes that the answer does not tell apart all stand here.
    pub causes: &'static [&'static str],
    /// What the caller does next; [`Support`] fills its `{support.…}`.
    pub resolution: &'static str,
    /// The right call beside the wrong one, where a call can show it.
    pub examples: &'static [Example],
}

impl Row {
    /// The row's stable id: `contract[/service]/CODE` where the code is enough, else `contract[/service]/status[/code]`.
    /// Used in file names, URLs and `help`, so that a code's odd characters are hyphens there.
    pub fn id(&self) -> String {
        let mut id = String::with_capacity(64);
        id.push_str(self.contract.as_str());
        if let Some(service) = self.service {
            id.push('/');
            id.push_str(service.as_str());
        }
        let status = match self.contract {
            Contract::ScanApi | Contract::Pytenable => None,
            Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf => self.status,
        };
        if let Some(status) = status {
            id.push('/');
            id.push_str(&status.to_string());
        }
        if let Some(code) = self.code {
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            id.push('/');
            id.extend(code.chars().map(|c| if is_safe(c) { c } else { '-' }));
        }
        if status.is_none() && self.code.is_none() {
            id.push_str("/other");
        }
        id
    }

    /// What to call it: its code, else its status.
    pub fn name(&self) -> String {
        match (self.code, self.status) {
            (Some(code), _) => code.to_string(),
            (None, Some(status)) => status.to_string(),
            (None, None) => "other".to_string(),
        }
    }

    /// Path of the page that explains the row; also the `type` of a problem.
    pub fn help(&self) -> String {
        format!("{HELP}{}", self.id())
    }

    /// The message with its `{name}`s filled in. A value is cleaned and cut, because it often comes from the request; a
    /// name without a value stays as it is.
    pub fn message_with(&self, values: &[(&str, &str)]) -> String {
        fill(self.message, |name| values.iter().find(|(known, _)| *known == name).map(|(_, value)| clean(value)))
    }

    /// What the caller does next, with the places to turn to filled in.
    pub fn resolution(&self, support: &Support) -> String {
        fill(self.resolution, |name| support.get(name))
    }

    /// The row as `GET /errors` and `errors.json` show it.
    pub fn info(&self, support: &Support) -> ErrorInfo {
        ErrorInfo {
            id: self.id(),
            contract: self.contract,
            service: self.service,
            code: self.code.map(str::to_string),
            status: self.status,
            source: self.source,
            category: self.category,
            message: self.message.to_string(),
            meaning: self.meaning.to_string(),
            causes: self.causes.iter().map(|cause| cause.to_string()).collect(),
            resolution: self.resolution(support),
            kind: self.kind,
            retryable: self.retry.is_retryable(),
            retry: self.retry,
            examples: self.examples.iter().map(ErrorExample::of).collect(),
            help: self.help(),
        }
    }
}

/// Every row of every contract, in the order of the tables.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    Contract::ALL.iter().flat_map(|contract| rows_of(*contract))
}

/// Every row of one contract.
pub fn rows_of(contract: Contract) -> impl Iterator<Item = &'static Row> {
    let ours: &[Code] = match contract {
        Contract::ScanApi => Code::ALL,
        Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf | Contract::Pytenable => &[],
    };
    ours.iter().map(|code| code.row()).chain(vendors::tables(contract).iter().copied().flatten())
}

/// The row with this id, in any case of letters.
pub fn by_id(id: &str) -> Option<&'static Row> {
    rows().find(|row| row.id().eq_ignore_ascii_case(id))
}

/// The rows with this id, such as `scan-api/KEY_EXPIRED`, or with this code; empty when there are none.
pub fn find(id_or_code: &str) -> Vec<&'static Row> {
    rows().filter(|row| row.code == Some(id_or_code) || row.id() == id_or_code).collect()
}

/// The row of an answer: the service's own with this status and code, else what all services share, else what the status
/// alone means, the service's before the shared. `None` when neither lists the status.
pub fn lookup(contract: Contract, service: Option<Service>, status: u16, code: Option<&str>) -> Option<&'static Row> {
    // How well a row fits, best first; `None` when it does not.
    let rank = |row: &Row| {
        // A code without a status means the same with any.
        let has_status = row.status == Some(status) || (row.status.is_none() && row.code.is_some());
        let is_coded = row.code.is_some();
        if !has_status || (is_coded && row.code != code) {
            return None;
        }
        let is_own = row.service == service || row.service.is_none();
        let is_common = row.service == Some(Service::Common);
        match (is_coded, is_own, is_common) {
            (true, true, _) => Some(0),
            (true, false, true) => Some(1),
            (true, false, false) => service.is_none().then_some(2),
            (false, true, _) => Some(3),
            (false, false, true) => Some(4),
            (false, false, false) => None,
        }
    };
    let mut best = None;
    rows_of(contract).for_each(|row| {
        if let Some(rank) = rank(row)
            && best.is_none_or(|(best, _)| rank < best)
        {
            best = Some((rank, row));
        }
    });
    best.map(|(_, row)| row)
}

/// What a contract's catalogue says about an answer that it does not list; `None` where every answer has a code.
pub fn unlisted(contract: Contract) -> Option<&'static Row> {
    rows_of(contract).find(|row| row.status.is_none() && row.code.is_none())
}
