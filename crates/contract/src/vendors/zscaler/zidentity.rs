//! ZIdentity.

use crate::catalogue::{Category, Kind, Retry, Row};
use crate::contract::{Contract, Service};
use crate::vendors::{accepted, base, created, no_content, ok};

const ZIDENTITY: Row = base(Contract::Zscaler, Some(Service::Zidentity), Category::Zidentity);

pub(super) static ROWS: &[Row] = &[
    ok(ZIDENTITY),
    created(ZIDENTITY),
    accepted(ZIDENTITY),
    no_content(ZIDENTITY),
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The syntax or a parameter is not valid.",
        causes: &["A `limit` outside of 100 to 1000.", "A field that is missing or not valid."],
        resolution: "Compare the request with the endpoint's page.",
        ..ZIDENTITY
    },
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Unauthorized",
        meaning: "Credentials are missing or not right.",
        causes: &["The token has lived its time.", "A token of another tenant."],
        resolution: "Get a new token and repeat once.",
        ..ZIDENTITY
    },
    Row {
        status: Some(403),
        kind: Kind::Permission,
        is_open: true,
        message: "Forbidden",
        meaning: "The service understood the request and did not carry it out.",
        causes: &["The API client's role lacks the permission.", "The object may not be changed by anyone."],
        resolution: "Compare the client's role with what the endpoint wants.",
        ..ZIDENTITY
    },
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        message: "Not Found",
        meaning: "There is no such resource.",
        causes: &["A wrong id, or a user or group that was deleted."],
        resolution: "List the resources and take the id from there.",
        ..ZIDENTITY
    },
    Row {
        status: Some(409),
        kind: Kind::Conflict,
        message: "Conflict",
        meaning: "The request contradicts the present state of the resource.",
        causes: &["A login name or a group's name that is taken.", "A member that is in the group already."],
        resolution: "Read the resource and decide anew. Repeating does not help.",
        ..ZIDENTITY
    },
    Row {
        status: Some(413),
        kind: Kind::TooLarge,
        message: "Payload Too Large",
        meaning: "The body is larger than the server's limit.",
        causes: &["Too many users or members in one request."],
        resolution: "Send it in parts.",
        ..ZIDENTITY
    },
    Row {
        status: Some(500),
        kind: Kind::Server,
        retry: Retry::Idempotent,
        message: "Internal Server Error",
        meaning: "Something on the server kept it from carrying out the request.",
        causes: &["A fault or a passing trouble inside the service."],
        resolution: "Repeat a read with growing pauses. Before repeating a write, look whether it took effect.",
        ..ZIDENTITY
    },
];
