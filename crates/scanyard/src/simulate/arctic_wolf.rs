//! Arctic Wolf: Aurora's token exchange and lists, and the APIs that take a personal API key.

use super::State;
use super::data::{number_of, uuid};
use super::exchange::{Asked, Reply};
use super::failure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scanyard_contract::Contract;
use serde_json::{Value, json};
use std::time::SystemTime;

/// The largest offset of the lists with a personal API key.
const MAX_OFFSET: u64 = 100_000;
/// Items of their largest page.
const MAX_LIMIT: u64 = 100;

fn fail(asked: &Asked, status: u16) -> Reply {
    failure::by_status(Contract::ArcticWolf, asked, status)
}

/// The vendor's answer.
pub fn answer(state: &mut State, asked: &Asked, items: u64) -> Reply {
    let segments = asked.segments();
    let is_post = asked.method == "POST";
    match segments.as_slice() {
        ["auth", "v2", "token"] if is_post => return token(state, asked),
        ["files", _, _] => return get(asked, || Reply::text(200, "application/octet-stream", "simulated\n")),
        ["auth", "v2", "token"] => return Reply::json(405, &json!({ "message": "Method Not Allowed" })),
        [_, "v2", ..] => {
            return if state.tokens.contains(asked.bearer()) {
                aurora(state, asked, &segments, items)
            } else {
                fail(asked, 401)
            };
        }
        _ => {}
    }
    if asked.bearer().is_empty() {
        return fail(asked, 401);
    }
    match segments.as_slice() {
        ["api", "v1", "organizations"] => get(asked, || organizations(items)),
        ["api", "v1", "organizations", id, ..] if number_of(id).is_none() || id.len() != 36 => fail(asked, 404),
        ["api", "v1", "organizations", id, "tickets", rest @ ..] => tickets(state, asked, id, rest, items),
        ["api", "v1", "organizations", id, "reports", rest @ ..] => reports(state, asked, id, rest),
        ["api", "v1beta", "organizations", id, "data-sources", rest @ ..] => data_sources(asked, id, rest),
        _ => fail(asked, 404),
    }
}

fn get(asked: &Asked, reply: impl FnOnce() -> Reply) -> Reply {
    if asked.method == "GET" { reply() } else { fail(asked, 405) }
}

/// The auth token is read, not verified: the simulator has nobody's secret. It must be a JWT that has not expired and was
/// not exchanged before.
fn token(state: &mut State, asked: &Asked) -> Reply {
    let auth_token = asked.text("auth_token");
    let claims = auth_token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or(Value::Null);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let is_live = claims["exp"].as_u64().is_some_and(|exp| exp > now);
    let is_whole = ["iss", "sub", "tid", "jti"].iter().all(|name| claims[*name].is_string());
    let jti = claims["jti"].as_str().unwrap_or_default().to_string();
    if auth_token.split('.').count() != 3 || !is_live || !is_whole || !state.exchanged.insert(jti) {
        return fail(asked, 401);
    }
    let access = format!("sim-{}", uuid(0xb, state.requests));
    state.tokens.insert(access.clone());
    Reply::json(200, &json!({ "access_token": access }))
}

fn aurora(state: &mut State, asked: &Asked, segments: &[&str], items: u64) -> Reply {
    let name = segments[0];
    if !["users", "devices", "threats", "zones", "policies", "globallists", "detections"].contains(&name) {
        return fail(asked, 404);
    }
    let place = format!("aurora/{name}");
    match (asked.method.as_str(), &segments[2..]) {
        ("GET", []) => {
            let (Ok(page), Ok(size)) = (asked.number("page", 1), asked.number("page_size", 10)) else {
                return fail(asked, 400);
            };
            if page == 0 || size == 0 || size > 200 {
                return fail(asked, 400);
            }
            let (list, total) = state.shelf(&place).page(name, items, (page - 1).saturating_mul(size), size);
            Reply::json(
                200,
                &json!({ "page_number": page, "page_size": size, "total_pages": total.div_ceil(size),
                "total_number_of_items": total, "page_items": list }),
            )
        }
        ("POST", []) => {
            let email = asked.text("email");
            if name == "users" && email.is_empty() {
                return fail(asked, 400);
            }
            if !email.is_empty() && state.shelf(&place).has("email", &email) {
                return fail(asked, 409);
            }
            Reply::json(201, &state.shelf(&place).add(name, items, &asked.json()))
        }
        ("GET", [id]) => {
            let number = id.parse().ok().or_else(|| number_of(id)).unwrap_or(0);
            let object = state.shelf(&place).get(name, number, items);
            object.map_or_else(|| fail(asked, 404), |object| Reply::json(200, &object))
        }
        ("DELETE", [id]) => {
            let number = id.parse().ok().or_else(|| number_of(id)).unwrap_or(0);
            if state.shelf(&place).delete(name, number, items) { Reply::empty(200) } else { fail(asked, 404) }
        }
        (_, [] | [_]) => fail(asked, 501),
        _ => fail(asked, 404),
    }
}

fn organizations(items: u64) -> Reply {
    let one = |number: u64| {
        json!({ "id": uuid(0xc, number), "customerID": format!("customer{number}"), "name": format!("organization {number}"),
            "pod": "us001" })
    };
    Reply::json(200, &json!((1..=items.min(3)).map(one).collect::<Vec<_>>()))
}

/// The refusal of a page that is out of bounds, or its offset and limit.
fn bounds(asked: &Asked, limit: u64) -> Result<(u64, u64), Reply> {
    let bad = |name: &str, what: &str| {
        let description = format!("The '{name}' parameter must be {what}.");
        Reply::json(400, &json!({ "code": "invalid_request", "description": description }))
    };
    let most = |name: &str, bound: u64| bad(name, &format!("less than or equal to {bound}"));
    let number = |name: &str, absent: u64| asked.number(name, absent).map_err(|()| bad(name, "an integer"));
    match (number("offset", 0)?, number("limit", limit)?) {
        (offset, _) if offset > MAX_OFFSET => Err(most("offset", MAX_OFFSET)),
        (_, 0) => Err(bad("limit", "greater than or equal to 1")),
        (_, limit) if limit > MAX_LIMIT => Err(most("limit", MAX_LIMIT)),
        page => Ok(page),
    }
}

fn page(results: Vec<Value>, offset: u64, limit: u64, total: u64) -> Reply {
    Reply::json(200, &json!({ "results": results, "meta": { "offset": offset, "limit": limit, "total": total } }))
}

/// Where a file can be had for a while, without a key: from the simulator itself for whoever has it as a proxy.
fn presigned(what: &str) -> Reply {
    let url = format!("https://files.example.test/files/{what}?X-Amz-Expires=3600&X-Amz-Signature=0123456789abcdef");
    Reply::json(200, &json!({ "url": url }))
}

fn missing(description: String) -> Reply {
    Reply::json(404, &json!({ "code": "not_found", "description": description }))
}

/// A ticket; every one has one comment with one file.
fn ticket(state: &State, organization: &str, number: u64, is_whole: bool) -> Value {
    let status = if state.closed.contains(&(organization.to_string(), number)) { "CLOSED" } else { "OPEN" };
    let at = "2026-01-01T00:00:00Z";
    let mut ticket = json!({ "id": number, "title": format!("ticket {number}"), "description": "simulated",
        "organizationUuid": organization, "status": status, "assignee": author(), "priority": "NORMAL", "type": "INCIDENT",
        "createdAt": at, "updatedAt": at, "commentCount": 1, "attachmentCount": 1 });
    if is_whole {
        ticket["comments"] = json!([comment(number, "simulated")]);
        ticket["attachments"] = json!([{ "id": number, "commentId": number, "deleted": false, "filename": "log.txt",
            "contentType": "text/plain", "createdAt": at }]);
    }
    ticket
}

fn author() -> Value {
    json!({ "firstName": "Ada", "lastName": "Example", "email": "ada@example.test" })
}

fn comment(id: u64, body: &str) -> Value {
    json!({ "id": id, "body": body, "author": author(), "createdAt": "2026-01-01T00:00:00Z", "type": "PUBLIC" })
}

fn tickets(state: &mut State, asked: &Asked, organization: &str, rest: &[&str], items: u64) -> Reply {
    let number = rest.first().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
    let is_whole = asked.query("includeComments") == Some("true");
    match (asked.method.as_str(), rest) {
        ("GET", []) => match bounds(asked, 20) {
            Ok((offset, limit)) => {
                let numbers = offset + 1..=items.min(offset + limit);
                page(numbers.map(|n| ticket(state, organization, n, is_whole)).collect(), offset, limit, items)
            }
            Err(refused) => refused,
        },
        (_, [id, ..]) if !(1..=items).contains(&number) => missing(format!("Ticket with ID {id} was not found.")),
        ("GET", [_]) => Reply::json(200, &ticket(state, organization, number, is_whole)),
        ("POST", [_, "close"]) => {
            state.closed.insert((organization.to_string(), number));
            Reply::json(200, &ticket(state, organization, number, false))
        }
        ("POST", [_, "comments"]) if asked.text("body").is_empty() => fail(asked, 400),
        ("POST", [_, "comments"]) => Reply::json(200, &comment(items + state.requests, &asked.text("body"))),
        ("GET", [_, "attachments", id]) if id.parse() == Ok(number) => presigned(&format!("attachments/{id}")),
        ("GET", [ticket, "attachments", id]) => {
            missing(format!("Attachment with ID {id} belonging to Ticket with ID {ticket} was not found."))
        }
        (_, [] | [_] | [_, "close" | "comments"] | [_, "attachments", _]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}

/// A report is made by the time that its status is asked for twice.
fn report(id: &str, polls: u32) -> Value {
    json!({ "reportUuid": id, "status": if polls < 2 { "IN_PROGRESS" } else { "AVAILABLE" } })
}

fn reports(state: &mut State, asked: &Asked, organization: &str, rest: &[&str]) -> Reply {
    let place = |id: &str| (organization.to_string(), id.to_string());
    match (asked.method.as_str(), rest) {
        ("GET", [] | ["configs"]) => match bounds(asked, 50) {
            Ok((offset, limit)) => {
                let all: Vec<Value> = if rest.is_empty() {
                    let own = state.reports.iter().filter(|((of, _), _)| of == organization);
                    own.map(|((_, id), polls)| report(id, *polls)).collect()
                } else {
                    vec![json!({ "id": uuid(0xd, 1), "name": "monthly" })]
                };
                let total = all.len() as u64;
                let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
                let listed = all.into_iter().skip(skipped).take(usize::try_from(limit).unwrap_or(usize::MAX));
                page(listed.collect(), offset, limit, total)
            }
            Err(refused) => refused,
        },
        ("POST", []) => {
            // One at a time: a second one while the first is made is told so.
            if state.reports.iter().any(|((of, _), polls)| of == organization && *polls < 2) {
                return fail(asked, 409);
            }
            let id = uuid(0xe, state.requests);
            state.reports.insert(place(&id), 0);
            Reply::json(202, &report(&id, 0))
        }
        ("GET", [id, what @ ("status" | "download")]) => match state.reports.get_mut(&place(id)) {
            None => fail(asked, 404),
            Some(polls) if *what == "status" => {
                *polls = polls.saturating_add(1);
                Reply::json(200, &report(id, *polls))
            }
            Some(polls) if *polls < 2 => fail(asked, 404),
            Some(_) => presigned(&format!("reports/{id}")),
        },
        (_, [] | ["configs"] | [_, "status" | "download"]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}

fn data_sources(asked: &Asked, customer: &str, rest: &[&str]) -> Reply {
    let missing = |what: &str| Reply::json(404, &json!({ "error": format!("{what} not found") }));
    // This API wants the customer's own name, not the UUID that the others take.
    if !customer.starts_with("customer") {
        return missing("Organization");
    }
    let source = json!({ "name": "events", "timeout": "30s" });
    let column = json!({ "name": "at_timestamp", "type": "date_time", "nullable": false });
    match (asked.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &json!([source])),
        (_, [source, ..]) if *source != "events" => missing("Data source"),
        ("GET", [_]) => Reply::json(200, &source),
        ("GET", [_, "schema"]) => Reply::json(200, &json!({ "name": "events", "fields": [column] })),
        ("GET", [_, "predefined-queries"]) => {
            Reply::json(200, &json!({ "queries": [{ "name": "latest", "description": "simulated" }] }))
        }
        (_, [_, "predefined-queries", query, ..]) if *query != "latest" => missing("Query"),
        ("GET", [_, "predefined-queries", _]) => {
            let parameter = json!({ "name": "start_time", "type": "timestamp", "description": "simulated", "mandatory": true,
                "canBeArray": false });
            let query = json!({ "name": "latest", "description": "simulated", "parameters": [parameter],
                "default_columns": [column] });
            Reply::json(200, &query)
        }
        ("POST", [_, "predefined-queries", _, "execute"]) => {
            let given = asked.json();
            let mut given = given["parameters"].as_array().into_iter().flatten();
            if !given.any(|parameter| parameter["name"] == "start_time" && parameter["value"].is_string()) {
                return fail(asked, 400);
            }
            let columns = json!([{ "name": "at_timestamp", "type": "date_time" }]);
            Reply::json(200, &json!({ "columns": columns, "results": [["2026-01-01T00:00:00Z"]] }))
        }
        (_, [] | [_] | [_, "schema" | "predefined-queries"] | [_, "predefined-queries", _]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}
