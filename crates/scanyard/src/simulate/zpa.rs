//! Zscaler Private Access: lists in numbered pages, and policy sets that take one write at a time.

use super::State;
use super::exchange::{Asked, Reply};
use super::failure;
use scanyard_contract::Contract;
use serde_json::json;

/// The collections that are simulated.
const LISTS: [&str; 9] = [
    "application",
    "segmentGroup",
    "serverGroup",
    "server",
    "appConnectorGroup",
    "connector",
    "serviceEdgeGroup",
    "provisioningKey",
    "idp",
];

fn fail(asked: &Asked, name: &str) -> Reply {
    failure::by_name(Contract::Zscaler, asked, name).unwrap_or_else(|| Reply::empty(500))
}

/// Answers what stands behind the customer's id; the second part is the policy set that is busy with this write.
pub fn answer(state: &mut State, asked: &Asked, rest: &[&str], items: u64) -> (Reply, Option<String>) {
    match rest {
        ["policySet", set, ..] if asked.is_write() => write_policy(state, asked, set),
        ["policySet", "policyType", kind] => (policy(kind), None),
        ["policySet", "rules", "policyType", _] => (list(state, asked, "rules", items), None),
        [name] if LISTS.contains(name) => (collection(state, asked, name, items), None),
        [name, id] if LISTS.contains(name) => (object(state, asked, name, id, items), None),
        _ => (fail(asked, "404"), None),
    }
}

fn policy(kind: &str) -> Reply {
    Reply::json(200, &json!({ "id": "1", "name": kind, "policyType": "1", "enabled": true, "rules": [] }))
}

/// Two writes to one policy set at the same time: the second one is refused.
fn write_policy(state: &mut State, asked: &Asked, set: &str) -> (Reply, Option<String>) {
    if !state.busy.insert(set.to_string()) {
        return (fail(asked, "api.concurrent.access.error"), None);
    }
    let reply = match asked.method.as_str() {
        "POST" => Reply::json(201, &json!({ "id": state.requests.to_string(), "name": asked.text("name") })),
        _ => Reply::empty(204),
    };
    (reply, Some(set.to_string()))
}

fn list(state: &mut State, asked: &Asked, name: &str, items: u64) -> Reply {
    let (Ok(page), Ok(size)) = (asked.number("page", 1), asked.number("pagesize", 20)) else {
        return fail(asked, "400");
    };
    if page == 0 || size == 0 || size > 500 {
        return fail(asked, "400");
    }
    let (list, total) = state.shelf(&format!("zpa/{name}")).page(name, items, (page - 1).saturating_mul(size), size);
    // The numbers are texts, and ids too; a page past the end is an empty list.
    let list: Vec<_> = list
        .into_iter()
        .map(|mut object| {
            object["id"] = json!(object["id"].to_string());
            object
        })
        .collect();
    let pages = total.div_ceil(size).to_string();
    Reply::json(200, &json!({ "totalPages": pages, "totalCount": total.to_string(), "list": list }))
}

fn collection(state: &mut State, asked: &Asked, name: &str, items: u64) -> Reply {
    match asked.method.as_str() {
        "GET" => list(state, asked, name, items),
        "POST" if asked.text("name").is_empty() => fail(asked, "400"),
        "POST" => {
            let mut object = state.shelf(&format!("zpa/{name}")).add(name, items, &asked.json());
            object["id"] = json!(object["id"].to_string());
            Reply::json(201, &object)
        }
        _ => fail(asked, "405"),
    }
}

fn object(state: &mut State, asked: &Asked, name: &str, id: &str, items: u64) -> Reply {
    let place = format!("zpa/{name}");
    let missing = || {
        let reason = format!("No resource exists with the given id/name :{id}");
        Reply::json(400, &json!({ "id": "resource.not.found", "reason": reason, "params": [id] }))
    };
    let Ok(number) = id.parse() else { return missing() };
    let shelf = state.shelf(&place);
    let is_there = match asked.method.as_str() {
        "GET" => {
            return shelf.get(name, number, items).map_or_else(missing, |mut object| {
                object["id"] = json!(id);
                Reply::json(200, &object)
            });
        }
        "PUT" => shelf.change(name, number, items, &asked.json()).is_some(),
        "DELETE" => shelf.delete(name, number, items),
        _ => return fail(asked, "405"),
    };
    if is_there { Reply::empty(204) } else { missing() }
}
