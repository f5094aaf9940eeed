//! The simpler resources, as a table: lists of objects that can be read, made, changed and deleted, and answers that stay the
//! same. The fields are those that recorded answers have.

use super::{bad, fail, found, ok};
use crate::simulate::State;
use crate::simulate::data::{item, number_of, uuid};
use crate::simulate::exchange::{Asked, Reply};
use serde_json::{Value, json};

/// The only scanner.
pub const SCANNER: &str = "US Cloud Scanner";
/// Its UUID: the one by which a library finds the key for linking.
pub const SCANNER_UUID: &str = "00000000-0000-0000-0000-00000000000000000000000000001";
/// Items of a page by default.
const LIMIT: u64 = 50;
/// Items of the largest page.
const MAX_LIMIT: u64 = 5000;

/// One list.
struct List {
    /// Its path; `*` is any segment, `a|b` one of these.
    path: &'static str,
    /// Its name in the answer.
    member: &'static str,
    /// What an object is called by number.
    kind: &'static str,
    /// How many there are from the start; `None`: as many as the simulator has items.
    made: Option<u64>,
    /// The member by which an object is found: `id` or `uuid`.
    key: &'static str,
    is_paged: bool,
    /// What a new one must have, one of a group `a|b`; empty where none can be made.
    needs: &'static [&'static str],
    /// An object, with `{n}` for its number and `{uuid}`.
    one: &'static str,
}

const LISTS: [List; 12] = [
    List {
        path: "users",
        member: "users",
        kind: "user",
        made: Some(1),
        key: "id",
        is_paged: false,
        needs: &["username"],
        one: r#"{"uuid":"{uuid}","user_name":"ada@example.test","username":"ada@example.test","email":"ada@example.test","name":"Ada",
            "type":"local","permissions":64,"enabled":true,"login_fail_count":0,"login_fail_total":0,"lockout":0,"group_uuids":[],
            "preferences":{},"container_uuid":"{uuid}","uuid_id":"{uuid}"}"#,
    },
    List {
        path: "groups",
        member: "groups",
        kind: "group",
        made: Some(2),
        key: "id",
        is_paged: false,
        needs: &["name"],
        one: r#"{"uuid":"{uuid}","name":"","user_count":1,"permissions":0,"container_uuid":"{uuid}"}"#,
    },
    List {
        path: "folders",
        member: "folders",
        kind: "folder",
        made: Some(3),
        key: "id",
        is_paged: false,
        needs: &["name"],
        one: r#"{"name":"","type":"custom","default_tag":0,"custom":1,"unread_count":0}"#,
    },
    List {
        path: "networks",
        member: "networks",
        kind: "network",
        made: Some(2),
        key: "uuid",
        is_paged: true,
        needs: &["name"],
        one: r#"{"uuid":"{uuid}","name":"","description":"","owner_uuid":"{uuid}","is_default":false,"scanner_count":1,
            "created":1700000000000,"modified":1700000000000,"created_by":"{uuid}","modified_by":"{uuid}",
            "created_in_seconds":1700000000,"modified_in_seconds":1700000000}"#,
    },
    List {
        path: "policies",
        member: "policies",
        kind: "policy",
        made: Some(2),
        key: "id",
        is_paged: false,
        needs: &["uuid", "settings"],
        one: r#"{"name":"","description":null,"owner":"ada@example.test","owner_id":1,"no_target":"false","visibility":"private",
            "template_uuid":"00000000-007e-4000-8000-000000000002","shared":0,"user_permissions":128,
            "creation_date":1700000000,"last_modification_date":1700000000}"#,
    },
    List {
        path: "scanners",
        member: "scanners",
        kind: "scanner",
        made: Some(1),
        key: "id",
        is_paged: false,
        needs: &[],
        one: r#"{"uuid":"00000000-0000-0000-0000-00000000000000000000000000001","name":"US Cloud Scanner",
            "key":"0000000000000000000000000000000000000000000000000000000000000001","status":"on","type":"local","linked":1,
            "group":false,"pool":false,"source":"service","shared":1,"scan_count":0,"num_scans":0,"last_connect":null,
            "network_name":"Default","owner":"system","owner_id":1,"owner_name":"system","owner_uuid":"{uuid}","user_permissions":64,
            "supports_remote_logs":false,"supports_webapp":false,"supports_remote_settings":false,
            "timestamp":1700000000,"creation_date":1700000000,"last_modification_date":1700000000}"#,
    },
    List {
        path: "scanners/*/agents",
        member: "agents",
        kind: "agent",
        made: None,
        key: "id",
        is_paged: true,
        needs: &[],
        one: r#"{"uuid":"{uuid}","name":"","platform":"LINUX","distro":"es8-x86-64","ip":"192.0.2.1","status":"on",
            "linked_on":1700000000,"last_connect":1700000000,"core_version":"10.9.0","groups":[]}"#,
    },
    List {
        path: "scanners/*/agent-groups",
        member: "groups",
        kind: "agent group",
        made: Some(1),
        key: "id",
        is_paged: false,
        needs: &["name"],
        one: r#"{"uuid":"{uuid}","name":"","agents_count":0,"shared":1,"owner":"ada@example.test","owner_id":1,
            "owner_name":"ada@example.test","owner_uuid":"{uuid}","user_permissions":128,"timestamp":1700000000,
            "creation_date":1700000000,"last_modification_date":1700000000}"#,
    },
    List {
        path: "tags/values",
        member: "values",
        kind: "tag",
        made: Some(2),
        key: "uuid",
        is_paged: true,
        needs: &["value", "category_name|category_uuid"],
        one: r#"{"uuid":"{uuid}","category_uuid":"{uuid}","category_name":"Owner","category_description":"","value":"team {n}",
            "description":"","type":"static","product":"IO","assignment_count":0,"saved_search":false,
            "processing_status":"COMPLETE","created_at":"2026-01-01T00:00:00.000Z","created_by":"ada@example.test",
            "updated_at":"2026-01-01T00:00:00.000Z","updated_by":"ada@example.test",
            "access_control":{"current_user_permissions":["ALL"],"defined_domain_permissions":["ALL"],
            "all_users_permissions":["CAN_USE"],"current_domain_permissions":[],"version":1}}"#,
    },
    List {
        path: "tags/categories",
        member: "categories",
        kind: "category",
        made: Some(2),
        key: "uuid",
        is_paged: true,
        needs: &["name"],
        one: r#"{"uuid":"{uuid}","name":"","product":"IO","reserved":false,"value_count":1,"created_at":"2026-01-01T00:00:00.000Z",
            "created_by":"ada@example.test","updated_at":"2026-01-01T00:00:00.000Z","updated_by":"ada@example.test"}"#,
    },
    List {
        path: "exclusions",
        member: "exclusions",
        kind: "exclusion",
        made: Some(1),
        key: "id",
        is_paged: false,
        needs: &["name", "members"],
        one: r#"{"name":"","description":null,"members":"192.0.2.7","network_id":"00000000-0000-0000-0000-000000000000",
            "schedule":{"enabled":false,"starttime":null,"endtime":null,"timezone":null,"rrules":null},
            "creation_date":1700000000,"last_modification_date":1700000000}"#,
    },
    List {
        path: "audit-log/v1/events",
        member: "events",
        kind: "event",
        made: Some(1),
        key: "id",
        is_paged: true,
        needs: &[],
        one: r#"{"action":"user.authenticate.password","crud":"u","is_failure":false,"is_anonymous":null,"description":null,
            "received":"2026-01-01T00:00:00Z","actor":{"id":"{uuid}","name":"ada@example.test"},
            "target":{"id":"{uuid}","name":"ada@example.test","type":"User"},"fields":[]}"#,
    },
];

/// Answers that stay the same: method, path, what the body must have, body with `{uuid}` for a new one.
const ANSWERS: [(&str, &str, &[&str], &str); 6] = [
    (
        "GET",
        "scans/timezones",
        &[],
        r#"{"timezones":[{"name":"Etc/UTC","value":"Etc/UTC"},{"name":"Europe/Berlin","value":"Europe/Berlin"}]}"#,
    ),
    ("GET", "filters/scans/reports", &[], r#"{"filters":[]}"#),
    (
        "GET",
        "filters/scans/agents",
        &[],
        r#"{"wildcard_fields":["name"],"sort":{"sortable_fields":["name"]},"filters":[{"name":"name",
        "readable_name":"Name","operators":["eq","match"],"control":{"type":"entry","regex":".*","readable_regex":"Text"}}]}"#,
    ),
    ("POST", "import/assets", &["source", "assets"], r#"{"asset_import_job_uuid":"{uuid}"}"#),
    ("GET", "import/asset-jobs", &[], r#"{"asset_import_jobs":[]}"#),
    ("POST", "tags/assets/assignments", &["action", "assets", "tags"], r#"{"job_uuid":"{uuid}"}"#),
];

/// What the tables have for a request.
pub fn answer(state: &mut State, asked: &Asked, items: u64) -> Reply {
    let segments = asked.segments();
    let fixed: Vec<_> = ANSWERS.iter().filter(|(_, path, ..)| is_like(path, &segments)).collect();
    if let Some((_, _, needs, body)) = fixed.iter().find(|(method, ..)| *method == asked.method) {
        let new = uuid(0xf, state.requests);
        return lacking(asked, needs)
            .map_or_else(|| ok(filled(body, 0, &new)), |name| bad(&format!("{name} is required")));
    }
    if !fixed.is_empty() {
        return fail(asked, 405);
    }
    let last = segments.len().saturating_sub(1);
    let whole = LISTS.iter().find(|list| is_like(list.path, &segments));
    match (whole, LISTS.iter().find(|list| is_like(list.path, &segments[..last]))) {
        (Some(list), _) => all(state, asked, list, items),
        (None, Some(list)) => {
            let id = segments[last];
            let of_uuid = || number_of(id).filter(|number| list.uuid(*number) == id);
            let id = if list.key == "uuid" { of_uuid() } else { id.parse().ok() };
            id.map_or_else(|| fail(asked, 404), |id| object(state, asked, list, id, items))
        }
        (None, None) => fail(asked, 404),
    }
}

fn is_like(path: &str, segments: &[&str]) -> bool {
    let is = |part: &str, segment: &str| part.split('|').any(|word| word == "*" || word == segment);
    path.split('/').count() == segments.len() && path.split('/').zip(segments).all(|(part, segment)| is(part, segment))
}

/// The first member that a body should have and has not.
fn lacking<'a>(asked: &Asked, needs: &[&'a str]) -> Option<&'a str> {
    let body = asked.json();
    let has = |name: &str| match &body[name] {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
    };
    needs.iter().copied().find(|names| !names.split('|').any(has))
}

fn filled(text: &str, number: u64, uuid: &str) -> Value {
    let text = text.replace("{n}", &number.to_string()).replace("{uuid}", uuid);
    serde_json::from_str(&text).unwrap_or_default()
}

impl List {
    fn made(&self, items: u64) -> u64 {
        self.made.unwrap_or(items)
    }

    fn uuid(&self, number: u64) -> String {
        // Each list has its own.
        uuid(self.member.bytes().fold(0, |all, byte| all.wrapping_mul(31).wrapping_add(u16::from(byte))), number)
    }

    /// An object as the vendor shows it: what was said of it, before what the table has.
    fn shown(&self, kept: &Value) -> Value {
        let number = kept["id"].as_u64().unwrap_or_default();
        let mut object = filled(self.one, number, &self.uuid(number));
        let made_up = item(self.kind, number);
        if let (Some(fields), Some(kept)) = (object.as_object_mut(), kept.as_object()) {
            for (name, value) in kept {
                let is_ours = matches!(name.as_str(), "id" | "uuid" | "password") || value.is_null();
                let is_blank = fields.get(name).is_some_and(|field| field == "");
                if !is_ours && (is_blank || made_up.get(name) != Some(value)) {
                    fields.insert(name.clone(), value.clone());
                }
            }
            if self.key == "id" {
                fields.insert("id".to_string(), json!(number));
            }
        }
        object
    }

    /// What the vendor answers with an object: most often all of it.
    fn told(&self, method: &str, object: &Value) -> Reply {
        match (method, self.member) {
            ("POST", "folders") => ok(json!({ "id": object["id"] })),
            ("POST", "policies") => ok(json!({ "policy_id": object["id"], "policy_name": object["name"] })),
            ("GET", "policies") => {
                let settings = json!({ "name": object["name"], "description": object["description"] });
                ok(json!({ "uuid": object["template_uuid"], "settings": settings }))
            }
            _ => ok(object.clone()),
        }
    }
}

/// `GET` and `POST` of a whole list.
fn all(state: &mut State, asked: &Asked, list: &List, items: u64) -> Reply {
    match asked.method.as_str() {
        "GET" => {
            let (Ok(offset), Ok(limit)) = (asked.number("offset", 0), asked.number("limit", LIMIT)) else {
                return bad("offset and limit are numbers");
            };
            if list.is_paged && !(1..=MAX_LIMIT).contains(&limit) {
                return bad("limit is 1 to 5000");
            }
            let (offset, limit) = if list.is_paged { (offset, limit) } else { (0, u64::MAX) };
            let (kept, total) = state.shelf(list.path).page(list.kind, list.made(items), offset, limit);
            let objects: Vec<Value> = kept.iter().map(|kept| list.shown(kept)).collect();
            let mut body = json!({ list.member: objects });
            if list.is_paged {
                body["pagination"] = json!({ "total": total, "offset": offset, "limit": limit, "sort": [] });
            }
            ok(body)
        }
        "POST" if !list.needs.is_empty() => match lacking(asked, list.needs) {
            Some(name) => bad(&format!("{name} is required")),
            None => {
                let mut object = asked.json();
                // A policy's name stands in its settings.
                let name = object["settings"]["name"].clone();
                if name.is_string() {
                    object["name"] = name;
                }
                let kept = state.shelf(list.path).add(list.kind, list.made(items), &object);
                list.told("POST", &list.shown(&kept))
            }
        },
        _ => fail(asked, 405),
    }
}

/// What can be done with one object of a list.
fn object(state: &mut State, asked: &Asked, list: &List, id: u64, items: u64) -> Reply {
    let (shelf, made) = (state.shelf(list.path), list.made(items));
    let method = asked.method.as_str();
    let kept = match method {
        "GET" => shelf.get(list.kind, id, made),
        "PUT" if !list.needs.is_empty() => shelf.change(list.kind, id, made, &asked.json()),
        "DELETE" if !list.needs.is_empty() => {
            return if shelf.delete(list.kind, id, made) { Reply::empty(200) } else { fail(asked, 404) };
        }
        _ => return fail(asked, 405),
    };
    kept.map_or_else(|| fail(asked, 404), |kept| list.told(method, &list.shown(&kept)))
}

/// The users, whose passwords and keys have rules of their own.
fn users() -> &'static List {
    &LISTS[0]
}

/// One user.
pub fn user(state: &mut State, id: u64) -> Option<Value> {
    let list = users();
    state.shelf(list.path).get(list.kind, id, list.made(0)).map(|kept| list.shown(&kept))
}

/// A user who was not there before.
pub fn add_user(state: &mut State, user: &Value) -> Value {
    let list = users();
    list.shown(&state.shelf(list.path).add(list.kind, list.made(0), user))
}

/// A user who was changed.
pub fn change_user(state: &mut State, id: u64, changes: &Value) -> Option<Value> {
    let list = users();
    state.shelf(list.path).change(list.kind, id, list.made(0), changes).map(|kept| list.shown(&kept))
}

/// `GET /editor/scan/policy/{id}`: a policy as it is edited.
pub fn policy(state: &mut State, asked: &Asked, id: &str) -> Reply {
    let list = LISTS.iter().find(|list| list.path == "policies");
    let kept = list.zip(id.parse().ok()).and_then(|(list, id)| {
        let kept = state.shelf(list.path).get(list.kind, id, list.made(0))?;
        Some(list.shown(&kept))
    });
    let text = |policy: &Value, name: &str| policy[name].as_str().unwrap_or_default().to_string();
    found(
        asked,
        kept.map(|policy| super::scans::document(&text(&policy, "template_uuid"), &text(&policy, "name"), "Policy")),
    )
}
