//! Zscaler's newer services: Business Insights, ZCell and the GraphQL APIs.

use super::State;
use super::exchange::{Asked, Reply};
use super::failure;
use scanyard_contract::Contract;
use serde_json::{Value, json};

/// The largest page of ZCell.
const LARGEST: u64 = 1000;

fn fail(asked: &Asked, name: &str) -> Reply {
    failure::by_name(Contract::Zscaler, asked, name).unwrap_or_else(|| Reply::empty(500))
}

/// Business Insights: bare arrays, and reports as files.
pub fn insights(state: &mut State, asked: &Asked, rest: &[&str], items: u64) -> Reply {
    match (asked.method.as_str(), rest) {
        ("GET", ["customapps"]) => {
            let (apps, _) = state.shelf("bi/customapps").page("custom app", items, 0, items);
            Reply::json(200, &json!(apps))
        }
        ("POST", ["customapps"]) if asked.text("name").is_empty() => fail(asked, "400"),
        ("POST", ["customapps"]) => {
            Reply::json(200, &state.shelf("bi/customapps").add("custom app", items, &asked.json()))
        }
        (method, ["customapps", id]) => {
            let Ok(id) = id.parse() else { return fail(asked, "404") };
            let shelf = state.shelf("bi/customapps");
            let app = match method {
                "GET" => shelf.get("custom app", id, items),
                "PUT" => shelf.change("custom app", id, items, &asked.json()),
                "DELETE" => shelf.delete("custom app", id, items).then_some(Value::Null),
                _ => return fail(asked, "405"),
            };
            match app {
                Some(Value::Null) => Reply::empty(204),
                Some(app) => Reply::json(200, &app),
                None => fail(asked, "404"),
            }
        }
        ("GET", ["report", "all"]) => {
            let report = |number: u64| json!({ "fileName": format!("report-{number}.csv"), "reportName": format!("report {number}"), "size": 64 });
            Reply::json(200, &json!((1..=items.min(100)).map(report).collect::<Vec<_>>()))
        }
        ("POST", ["report", "download"]) if asked.text("fileName").is_empty() => fail(asked, "400"),
        ("POST", ["report", "download"]) => {
            Reply::text(200, "application/octet-stream", "\"application\",\"users\"\n\"web\",\"1\"\n")
        }
        ("GET", ["reports", _]) => Reply::json(200, &json!([])),
        (_, ["customapps"] | ["report", "all" | "download"]) => fail(asked, "405"),
        _ => fail(asked, "404"),
    }
}

/// ZCell: pages that are counted from 0.
pub fn cellular(state: &mut State, asked: &Asked, rest: &[&str], items: u64) -> Reply {
    match (asked.method.as_str(), rest) {
        ("GET", [name @ ("sim-location-groups" | "tag" | "regions")]) => {
            let place = format!("zcell/{name}");
            let (Ok(page), Ok(size)) = (asked.number("page", 0), asked.number("size", 20)) else {
                return fail(asked, "400");
            };
            if size == 0 || size > LARGEST {
                return fail(asked, "400");
            }
            content(state, &place, name, page, size, items)
        }
        ("POST", ["sims", "search"]) => {
            let (Ok(page), Ok(size)) = (asked.number("page", 0), asked.number("size", 20)) else {
                return fail(asked, "400");
            };
            content(state, "zcell/sims", "sim", page, size.clamp(1, LARGEST), items)
        }
        ("GET", ["sims", "details"]) => match asked.query("iccId") {
            None | Some("") => fail(asked, "400"),
            Some(iccid) => {
                Reply::json(200, &json!({ "iccid": iccid, "status": "ACTIVE", "isImported": false, "tags": [] }))
            }
        },
        (_, ["sim-location-groups" | "tag" | "regions"] | ["sims", "search" | "details"]) => fail(asked, "405"),
        _ => fail(asked, "404"),
    }
}

fn content(state: &mut State, place: &str, kind: &str, page: u64, size: u64, items: u64) -> Reply {
    let (content, total) = state.shelf(place).page(kind, items, page.saturating_mul(size), size);
    let body = json!({ "content": content, "totalPages": total.div_ceil(size), "totalElements": total, "number": page, "size": size });
    Reply::json(200, &body)
}

/// GraphQL: the status is 200 whatever happens; a query that cannot be read gets `errors`.
pub fn graphql(asked: &Asked, items: u64) -> Reply {
    if asked.method != "POST" {
        return fail(asked, "405");
    }
    let query = asked.text("query");
    let Some((domain, field)) = selected(&query) else {
        let error = json!({ "message": "Invalid syntax: the query selects nothing", "locations": [{ "line": 1, "column": 1 }],
            "extensions": { "classification": "InvalidSyntax" } });
        return Reply::json(200, &json!({ "data": null, "errors": [error] }));
    };
    let limit = asked.json()["variables"]["limit"].as_u64().unwrap_or(10).min(1000);
    let entry = |number: u64| json!({ "name": format!("{field} {number}"), "total": number });
    let entries: Vec<Value> = (1..=items.min(limit)).map(entry).collect();
    Reply::json(200, &json!({ "data": { domain: { field: { "obfuscated": false, "entries": entries } } } }))
}

/// The first name that a query selects, and the first inside it; `None` when its braces do not match.
fn selected(query: &str) -> Option<(&str, &str)> {
    let count = |brace| query.matches(brace).count();
    if count('{') != count('}') {
        return None;
    }
    let name = |text: &str| text.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::len);
    let (_, domain) = query.split_once('{')?;
    let domain = domain.trim_start();
    let (first, rest) = domain.split_at(name(domain)?);
    let (_, field) = rest.split_once('{')?;
    let field = field.trim_start();
    let second = &field[..name(field)?];
    (!first.is_empty() && !second.is_empty()).then_some((first, second))
}
