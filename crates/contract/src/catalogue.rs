//! The shape of a catalogue row, shared by every contract, and the way to find one.

use crate::example::Example;
use crate::fill::{clean, fill};
use crate::info::{ErrorExample, ErrorInfo};
use crate::scan_api::Code;
use crate::support::Support;

pub use crate::class::{Category, Kind, Retry};

/// One documented failure of one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The API that answers so, such as `scan-api`.
    pub contract: &'static str,
    /// The machine-readable code of the body, where the contract has one.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The group under which the contract's own page lists it.
    pub category: Category,
    /// The vendor-neutral class that a program branches on.
    pub kind: Kind,
    /// Whether sending the request again can help.
    pub retry: Retry,
    /// The text of the answer; `{name}` marks an inserted value.
    pub message: &'static str,
    /// What the answer says about the request or the server.
    pub meaning: &'static str,
    /// What leads to it, likeliest first.
    pub causes: &'static [&'static str],
    /// What the caller does next; [`Support`] fills its `{support.…}`.
    pub resolution: &'static str,
    /// The right call beside the wrong one, where a call can show it.
    pub examples: &'static [Example],
}

impl Row {
    /// The row's stable id, `contract/CODE`: used in file names, URLs and `help`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.contract, self.code)
    }

    /// Path of the page that explains the row; also the `type` of a problem.
    pub fn help(&self) -> String {
        format!("/api/v1/errors/{}", self.id())
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
            contract: self.contract.to_string(),
            code: self.code.to_string(),
            status: self.status,
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
    Code::ALL.iter().map(|code| code.row())
}

/// The rows with this id, such as `scan-api/KEY_EXPIRED`, or with this code; empty when there are none.
pub fn find(id_or_code: &str) -> Vec<&'static Row> {
    rows().filter(|row| row.code == id_or_code || row.id() == id_or_code).collect()
}
