//! The catalogues of the vendors' APIs: one table per service. Facts are the vendors', the words are ours.

mod arctic_wolf;
mod pytenable;
mod tenable;
mod zscaler;

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::{Contract, Service};

static TENABLE: &[&[Row]] = &[tenable::ROWS];
static PYTENABLE: &[&[Row]] = &[pytenable::ROWS];

/// The tables of a contract; the Scan API's rows stand beside its codes.
pub(crate) fn tables(contract: Contract) -> &'static [&'static [Row]] {
    match contract {
        Contract::ScanApi => &[],
        Contract::Tenable => TENABLE,
        Contract::Zscaler => zscaler::TABLES,
        Contract::ArcticWolf => arctic_wolf::TABLES,
        Contract::Pytenable => PYTENABLE,
    }
}

/// What the rows of one table share; each row states the rest.
const fn base(contract: Contract, service: Option<Service>, category: Category) -> Row {
    Row {
        contract,
        service,
        code: None,
        status: None,
        source: Source::Reference,
        category,
        kind: Kind::Unknown,
        retry: Retry::Never,
        is_open: false,
        message: "",
        meaning: "",
        causes: &[],
        resolution: "",
        examples: &[],
    }
}

/// A success with its data.
const fn ok(base: Row) -> Row {
    Row {
        status: Some(200),
        kind: Kind::Ok,
        message: "OK",
        meaning: "The request was carried out, and the body holds what was asked for.",
        causes: &["A request with nothing wrong about it."],
        resolution: "Read the body. A page for people (HTML) in place of data is no success, whatever the status says.",
        ..base
    }
}

/// A success that made something.
const fn created(base: Row) -> Row {
    Row {
        status: Some(201),
        kind: Kind::Created,
        message: "Created",
        meaning: "The object exists now, and the body describes it.",
        causes: &["A POST with nothing wrong about it."],
        resolution: "Keep the id from the body. Sending the POST again makes a second object or a conflict.",
        ..base
    }
}

/// A success that is not finished.
const fn accepted(base: Row) -> Row {
    Row {
        status: Some(202),
        kind: Kind::Accepted,
        message: "Accepted",
        meaning: "The request is taken on, and the work is not finished yet.",
        causes: &["An operation that takes longer than an answer may."],
        resolution: "Poll the state of the work until it is finished. Do not send the request again: that starts it twice.",
        ..base
    }
}

/// A success with nothing to say.
const fn no_content(base: Row) -> Row {
    Row {
        status: Some(204),
        kind: Kind::NoContent,
        message: "No Content",
        meaning: "The request was carried out, and there is nothing to answer. The body is empty.",
        causes: &["A DELETE or a change whose result is not sent back."],
        resolution: "Go on. Do not parse the body: an empty one is right here.",
        ..base
    }
}
