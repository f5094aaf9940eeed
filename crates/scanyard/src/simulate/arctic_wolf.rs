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

fn fail(asked: &Asked, status: u16) -> Reply {
    failure::by_status(Contract::ArcticWolf, asked, status)
}

/// The vendor's answer.
pub fn answer(state: &mut State, asked: &Asked, items: u64) -> Reply {
    let segments = asked.segments();
    let is_post = asked.method == "POST";
    match segments.as_slice() {
        ["auth", "v2", "token"] if is_post => return token(state, asked),
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
        ["api", "v1", "organizations", _, "tickets", rest @ ..] => tickets(asked, rest, items),
        ["api", "v1", "organizations", _, "reports", rest @ ..] => reports(state, asked, rest),
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

fn tickets(asked: &Asked, rest: &[&str], items: u64) -> Reply {
    let ticket = |number: u64| {
        json!({ "id": number, "subject": format!("ticket {number}"), "status": "OPEN", "priority": "NORMAL", "type": "INCIDENT",
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z" })
    };
    let number = rest.first().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
    match (asked.method.as_str(), rest) {
        ("GET", []) => {
            let (Ok(offset), Ok(limit)) = (asked.number("offset", 0), asked.number("limit", 100)) else {
                return fail(asked, 400);
            };
            if limit == 0 || limit > 1000 || offset > 100_000 {
                let description = "The 'limit' parameter must be less than or equal to 1000.";
                return Reply::json(400, &json!({ "code": "invalid_request", "description": description }));
            }
            let list: Vec<Value> = (offset + 1..=items.min(offset.saturating_add(limit))).map(ticket).collect();
            Reply::json(200, &json!({ "tickets": list, "meta": { "offset": offset, "limit": limit, "total": items } }))
        }
        (_, [_, ..]) if !(1..=items).contains(&number) => {
            let description = format!("Ticket with ID {} was not found.", rest.first().copied().unwrap_or_default());
            Reply::json(404, &json!({ "code": "not_found", "description": description }))
        }
        ("GET", [_]) => Reply::json(200, &ticket(number)),
        ("POST", [_, "close"]) => Reply::empty(204),
        ("POST", [_, "comments"]) => Reply::json(201, &json!({ "id": 1, "body": asked.text("body") })),
        (_, [] | [_] | [_, "close" | "comments"]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}

fn reports(state: &mut State, asked: &Asked, rest: &[&str]) -> Reply {
    match (asked.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &json!({ "reports": [], "meta": { "offset": 0, "limit": 50, "total": 0 } })),
        ("GET", ["configs"]) => Reply::json(200, &json!([{ "id": uuid(0xd, 1), "name": "monthly" }])),
        ("POST", []) => {
            // One at a time: a second one while the first is made is told so.
            if state.reports.values().any(|polls| *polls < 2) {
                return fail(asked, 409);
            }
            let id = uuid(0xe, state.requests);
            state.reports.insert(id.clone(), 0);
            Reply::json(202, &json!({ "id": id, "status": "IN_PROGRESS" }))
        }
        ("GET", [id, what @ ("status" | "download")]) => match state.reports.get_mut(*id) {
            None => fail(asked, 404),
            Some(polls) if *what == "status" => {
                *polls = polls.saturating_add(1);
                Reply::json(200, &json!({ "id": id, "status": if *polls < 2 { "IN_PROGRESS" } else { "COMPLETED" } }))
            }
            Some(polls) if *polls < 2 => fail(asked, 404),
            Some(_) => Reply::text(200, "application/pdf", "%PDF-1.4\n%simulated\n"),
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
    match (asked.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &json!({ "data_sources": [{ "id": "events", "name": "events" }] })),
        (_, [source, ..]) if *source != "events" => missing("Data source"),
        ("GET", [_]) => Reply::json(200, &json!({ "id": "events", "name": "events" })),
        ("GET", [_, "schema"]) => Reply::json(200, &json!({ "columns": [{ "name": "time", "type": "timestamp" }] })),
        ("GET", [_, "predefined-queries"]) => Reply::json(200, &json!({ "queries": [{ "id": "latest" }] })),
        (_, [_, "predefined-queries", query, ..]) if *query != "latest" => missing("Query"),
        ("GET", [_, "predefined-queries", _]) => {
            Reply::json(200, &json!({ "id": "latest", "parameters": ["start_time"] }))
        }
        ("POST", [_, "predefined-queries", _, "execute"]) => match asked.json()["parameters"]["start_time"] {
            Value::String(_) => {
                Reply::json(200, &json!({ "columns": ["time"], "results": [["2026-01-01T00:00:00Z"]] }))
            }
            _ => Reply::json(400, &json!({ "error": "Missing required parameter: start_time" })),
        },
        (_, [] | [_] | [_, "schema" | "predefined-queries"] | [_, "predefined-queries", _]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}
