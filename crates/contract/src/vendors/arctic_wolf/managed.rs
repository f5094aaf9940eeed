//! The APIs of the managed services that take a personal API key: Ticket, Organizations, Data Retrieval, Reports. None of
//! them is in the error reference; the facts are from their OpenAPI documents.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::{Contract, Service};
use crate::vendors::{accepted, base};

const fn of(service: Service) -> Row {
    let row = base(Contract::ArcticWolf, Some(service), Category::ArcticWolfManaged);
    Row { source: Source::Documentation, ..row }
}

const TICKET: Row = of(Service::Ticket);
const ORGANIZATIONS: Row = of(Service::Organizations);
const DATA: Row = of(Service::DataRetrieval);
const REPORTS: Row = of(Service::Reports);

const fn bad_request(base: Row) -> Row {
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "A parameter or the body is not valid.",
        causes: &["A value outside of its bounds, such as a `limit` above 100.", "A parameter that is missing."],
        resolution: "Read the text of the answer: it names the parameter.",
        ..base
    }
}

const fn unauthenticated(base: Row) -> Row {
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        message: "Unauthorized",
        meaning: "The personal API key is missing, not valid or has expired.",
        causes: &[
            "No `Authorization: Bearer …` header.",
            "A key that was deleted, or has expired.",
            "A key of another portal.",
        ],
        resolution: "Make a new personal API key in the Unified Portal, under Organization Profile. There is no token to \
                     refresh, so that repeating does not help.",
        ..base
    }
}

const fn forbidden(base: Row) -> Row {
    Row {
        status: Some(403),
        kind: Kind::Permission,
        message: "Forbidden",
        meaning: "The key is good, but it does not cover this organization or resource.",
        causes: &["The key's owner has no access to the organization.", "An organization's id of the wrong kind."],
        resolution: "List the organizations with the same key. Ticket and Reports want the organization's `id` (a UUID), Data \
                     Retrieval wants its `customerID`.",
        ..base
    }
}

const fn not_found(base: Row) -> Row {
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        message: "Not Found",
        meaning: "There is no such resource in this organization.",
        causes: &[
            "A wrong id.",
            "The `customerID` where the UUID is wanted, or the reverse.",
            "The host of another pod.",
        ],
        resolution: "List the resources first, and take the pod of the host from the organization's `pod`.",
        ..base
    }
}

const fn server(base: Row) -> Row {
    Row {
        status: Some(500),
        kind: Kind::Server,
        retry: Retry::Idempotent,
        message: "Internal Server Error",
        meaning: "The service failed.",
        causes: &["A fault or a passing trouble inside the service."],
        resolution: "Repeat a read with growing pauses. If it stays, contact Arctic Wolf's support.",
        ..base
    }
}

pub(super) static ROWS: &[Row] = &[
    Row { code: Some("invalid_request"), ..bad_request(TICKET) },
    Row { code: Some("unauthorized"), ..unauthenticated(TICKET) },
    Row { code: Some("forbidden"), ..forbidden(TICKET) },
    Row { code: Some("not_found"), ..not_found(TICKET) },
    Row { code: Some("internal_server_error"), ..server(TICKET) },
    bad_request(ORGANIZATIONS),
    Row {
        meaning: "The personal API key is missing, not valid or has expired. The answer has no body.",
        ..unauthenticated(ORGANIZATIONS)
    },
    Row {
        meaning: "The key is good, but it does not cover this organization. The answer has no body.",
        ..forbidden(ORGANIZATIONS)
    },
    bad_request(DATA),
    unauthenticated(DATA),
    forbidden(DATA),
    Row {
        is_open: true,
        meaning: "There is no such data source or query, or data retrieval is not enabled for the organization: the answer \
                  does not always tell.",
        causes: &[
            "A wrong name of a data source or query.",
            "The organization's UUID where its `customerID` is wanted.",
            "The beta is not enabled for this organization.",
        ],
        resolution: "List `data-sources` with the `customerID`. If the list is not found either, ask Arctic Wolf to enable it.",
        ..not_found(DATA)
    },
    server(DATA),
    accepted(REPORTS),
    Row { code: Some("invalid_request"), ..bad_request(REPORTS) },
    Row { code: Some("not_authorised"), ..unauthenticated(REPORTS) },
    Row { code: Some("forbidden"), ..forbidden(REPORTS) },
    Row { code: Some("not_found"), ..not_found(REPORTS) },
    Row {
        status: Some(409),
        kind: Kind::Conflict,
        message: "Conflict",
        meaning: "A report of this configuration is being made already. That is progress, not a failure.",
        causes: &["The POST was sent again while the first one's report was under way."],
        resolution: "Poll `…/reports/{id}/status` until it is ready. Do not POST again.",
        ..REPORTS
    },
    Row { code: Some("internal_server_error"), ..server(REPORTS) },
];
