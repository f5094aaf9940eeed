//! Our client of Tenable against the simulator: everything that it wraps.

use crate::clients::{quick, tenable_at};
use crate::simulator::{KEYS, Simulator};
use futures::TryStreamExt;
use scanyard_client::tenable::export::Waiting;
use scanyard_client::tenable::filters::{Assets, Compliance, Vulns, What};
use scanyard_client::tenable::scans::ExportScan;
use scanyard_client::tenable::users::CreateUser;
use scanyard_client::{Hidden, tenable};
use scanyard_contract::Kind;
use serde_json::{Value, json};
use std::time::Duration;

const MS: Duration = Duration::from_millis(5);
const SECOND: Duration = Duration::from_secs(10);

#[tokio::test]
async fn exports_are_read_to_their_end() {
    let simulator = Simulator::start(&["tenable"]);
    let client = tenable_at(&simulator.url(), quick());
    let waiting = Waiting { first: MS, ..Waiting::default() };
    let all = [What::Vulns(Vulns::default()), What::Assets(Assets::default()), What::Compliance(Compliance::default())];
    for what in all {
        let export = client.export(&what, waiting).await.unwrap();
        let items: Vec<Value> = export.items().try_collect().await.unwrap();
        assert_eq!(items.len(), 250, "{}", what.kind());
    }
}

#[tokio::test]
async fn a_session_is_opened_with_a_password() {
    let simulator = Simulator::start(&["tenable"]);
    let credential = tenable::Credential::Password {
        username: "ada@example.test".to_string(),
        password: Hidden::new("Correct-Horse-1"),
    };
    let client = tenable::Client::at(&simulator.url(), credential, quick()).unwrap();
    client.users().await.unwrap();
    client.log_out().await.unwrap();
}

#[tokio::test]
async fn a_file_is_uploaded_and_imported() {
    let simulator = Simulator::start(&["tenable"]);
    let client = tenable_at(&simulator.url(), quick());
    let name = client.upload("report.nessus", b"<NessusClientData_v2/>", false).await.unwrap();
    assert_eq!(name, "report.nessus");
    let scan = client.import_scan(&name, None).await.unwrap();
    assert_eq!((scan["scan"]["id"].as_u64(), scan["scan"]["status"].as_str()), (Some(101), Some("imported")));
    let error = client.launch_scan(101, &[]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Permission, "an imported scan cannot be launched");
}

#[tokio::test]
async fn a_scan_is_made_changed_run_exported_and_deleted() {
    let simulator = Simulator::start(&["tenable"]);
    let client = tenable_at(&simulator.url(), quick());
    let templates: Value = client.fetch(scanyard_client::Request::get("editor/scan/templates")).await.unwrap();
    let basic = templates["templates"].as_array().unwrap().iter().find(|one| one["name"] == "basic").unwrap();
    let made = client.create_scan(basic["uuid"].as_str().unwrap(), &json!({"name": "weekly"})).await.unwrap();
    assert_eq!((made.name.as_str(), made.status.as_str()), ("weekly", "empty"));
    // A scan that never ran is not waited for.
    assert_eq!(client.wait_for_scan(made.id, MS, SECOND).await.unwrap(), "empty");
    client.update_scan(made.id, &json!({"settings": {"name": "monthly"}})).await.unwrap();
    assert_eq!(client.scan(made.id, None).await.unwrap()["info"]["name"], "monthly");
    assert!(client.scans(&Default::default()).await.unwrap().iter().any(|scan| scan.name == "monthly"));

    assert!(!client.launch_scan(made.id, &["192.0.2.1".to_string()]).await.unwrap().is_empty());
    assert_eq!(client.launch_scan(made.id, &[]).await.unwrap_err().kind, Kind::Conflict, "it runs");
    assert_eq!(client.resume_scan(made.id).await.unwrap_err().kind, Kind::Conflict, "it is not paused");
    client.pause_scan(made.id).await.unwrap();
    assert_eq!(client.scan_status(made.id).await.unwrap(), "paused");
    client.resume_scan(made.id).await.unwrap();
    assert_eq!(client.wait_for_scan(made.id, MS, SECOND).await.unwrap(), "completed");
    assert_eq!(client.stop_scan(made.id).await.unwrap_err().kind, Kind::Conflict, "it is over");
    client.launch_scan(made.id, &[]).await.unwrap();
    client.stop_scan(made.id).await.unwrap();
    assert_eq!(client.scan_status(made.id).await.unwrap(), "stopped");

    let history: Vec<Value> = client.scan_history(made.id).unwrap().try_collect().await.unwrap();
    assert!(history.is_empty());
    let export = ExportScan { format: "nessus".to_string(), ..ExportScan::default() };
    let mut download = client.export_scan(made.id, &export, SECOND).await.unwrap();
    assert!(download.next().await.unwrap().is_some_and(|bytes| bytes.starts_with(b"<?xml")));
    client.delete_scan(made.id).await.unwrap();
    assert_eq!(client.scan(made.id, None).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_scan_that_does_not_end_is_waited_for_until_the_deadline() {
    let simulator = Simulator::start(&["tenable"]);
    let client = tenable_at(&simulator.url(), quick());
    let plan = json!({"rules": [{"match": {"path": "*/latest-status"}, "then": [{"body": {"status": "running"}}], "repeat": true}]});
    assert_eq!(simulator.ask("PUT", "/__scanyard/plan", &[], &plan.to_string()).status, 204);
    let error = client.wait_for_scan(1, MS, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
}

#[tokio::test]
async fn users_are_made_changed_given_keys_and_deleted() {
    let simulator = Simulator::start(&["tenable"]);
    let client = tenable_at(&simulator.url(), quick());
    assert_eq!(client.me().await.unwrap().username, client.user(1).await.unwrap().username);
    let bob = CreateUser {
        username: "bob@example.test".to_string(),
        password: Hidden::new("Correct-Horse-1"),
        permissions: 32,
        name: None,
        email: None,
    };
    let made = client.create_user(&bob).await.unwrap();
    assert_eq!((made.username.as_str(), made.permissions, made.enabled), ("bob@example.test", 32, true));
    assert!(!made.more.contains_key("password"));
    assert_eq!(client.create_user(&bob).await.unwrap_err().kind, Kind::Conflict);
    assert_eq!(client.impersonate("bob@example.test").unwrap().me().await.unwrap().id, 1);
    client.enable_user(made.id, false).await.unwrap();
    assert!(!client.user(made.id).await.unwrap().enabled);
    client
        .update_user(made.id, &json!({"permissions": 16, "enabled": true, "email": "bob@example.test"}))
        .await
        .unwrap();
    let users = client.users().await.unwrap();
    assert!(users.iter().any(|user| user.id == made.id && user.permissions == 16 && user.enabled));

    let [old, new, weak] = ["Correct-Horse-1", "Correct-Horse-2", "short"].map(Hidden::new);
    client.change_password(made.id, &old, &new).await.unwrap();
    client.change_own_password(&old, &new).await.unwrap();
    assert_eq!(client.change_own_password(&old, &weak).await.unwrap_err().kind, Kind::PasswordComplexity);
    assert_eq!(client.change_password(99, &old, &new).await.unwrap_err().kind, Kind::NotFound);
    let [first, second] = [client.create_keys(made.id).await.unwrap(), client.create_keys(made.id).await.unwrap()];
    assert_ne!(first.access_key, second.access_key);
    assert_ne!(first.secret_key, first.access_key);
    client.delete_user(made.id).await.unwrap();
    assert_eq!(client.user(made.id).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn assets_are_read_imported_and_tagged_and_plugins_are_read() {
    let simulator = Simulator::start(&["tenable", "--items", "30"]);
    let client = tenable_at(&simulator.url(), quick());
    let assets = client.assets().await.unwrap();
    let id = assets[0]["id"].as_str().unwrap().to_string();
    assert_eq!((assets.len(), client.asset(&id).await.unwrap()["id"].as_str()), (30, Some(id.as_str())));
    let host = json!({"fqdn": ["host.example.test"]});
    assert_eq!(client.import_assets("inventory", &[host]).await.unwrap().len(), 36);
    let values: Vec<Value> =
        client.list(scanyard_client::Request::get("tags/values"), "values").try_collect().await.unwrap();
    let tag = values[0]["uuid"].as_str().unwrap().to_string();
    assert_eq!(client.tag_assets("add", &[id], &[tag]).await.unwrap().len(), 36);

    let family = client.plugin_families().await.unwrap().remove(0);
    assert_eq!(client.plugin_family(family.id).await.unwrap()["plugins"][0]["id"], 1);
    assert_eq!(client.plugin(1).await.unwrap()["id"], 1);
    let plugins: Vec<Value> = client.plugins(None, 20).unwrap().try_collect().await.unwrap();
    assert_eq!(plugins.len(), 30);
}

#[test]
fn the_lists_that_programs_read_most_are_there() {
    let simulator = Simulator::start(&["tenable", "--items", "120"]);
    let get = |path: &str| {
        let answer = simulator.get(path, &[KEYS]);
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json; charset=utf-8"), "{path}");
        answer.json()
    };
    for (path, member, field) in [
        ("/users", "users", "username"),
        ("/groups", "groups", "uuid"),
        ("/folders", "folders", "default_tag"),
        ("/networks", "networks", "is_default"),
        ("/policies", "policies", "template_uuid"),
        ("/scanners", "scanners", "key"),
        ("/scanners/1/agents", "agents", "platform"),
        ("/scanners/1/agent-groups", "groups", "agents_count"),
        ("/tags/values", "values", "access_control"),
        ("/tags/categories", "categories", "value_count"),
        ("/exclusions", "exclusions", "schedule"),
        ("/audit-log/v1/events", "events", "actor"),
        ("/editor/scan/templates", "templates", "uuid"),
        ("/editor/policy/templates", "templates", "name"),
        ("/scans/timezones", "timezones", "value"),
        ("/filters/scans/agents", "filters", "operators"),
    ] {
        let first = &get(path)[member][0];
        assert!(!first[field].is_null(), "{path}: {first}");
        assert_eq!(simulator.ask("PATCH", path, &[KEYS], "").status, 405, "{path}");
    }
    let page = get("/scanners/1/agents?offset=100&limit=50");
    assert_eq!((page["agents"].as_array().unwrap().len(), page["pagination"]["total"].as_u64()), (20, Some(120)));
    let template = get("/editor/policy/templates")["templates"][1]["uuid"].as_str().unwrap().to_string();
    let inputs = get(&format!("/editor/policy/templates/{template}"))["settings"]["basic"]["inputs"].clone();
    assert_eq!(inputs[1]["options"][0]["id"], get("/scanners")["scanners"][0]["uuid"]);
    assert_eq!(get("/editor/scan/policy/1")["uuid"], get("/policies")["policies"][0]["template_uuid"]);
    assert_eq!(get("/editor/scan/1")["name"], get("/scans")["scans"][0]["name"]);
    for path in
        ["/folders/99", "/networks/x", "/editor/scan/templates/x", "/editor/scan/9999", "/scanners/x", "/nowhere"]
    {
        assert_eq!(simulator.get(path, &[KEYS]).status, 404, "{path}");
    }
}

#[test]
fn what_is_written_to_a_list_stays_there() {
    let simulator = Simulator::start(&["tenable"]);
    let post = |path: &str, body: Value| simulator.post(path, &[KEYS], &body).json();
    let get = |path: &str| simulator.get(path, &[KEYS]).json();
    let folder = post("/folders", json!({"name": "archive"}));
    assert_eq!(folder, json!({"id": 4}));
    assert_eq!(get("/folders")["folders"][3]["name"], "archive");
    assert_eq!(simulator.ask("DELETE", "/folders/4", &[KEYS], "").status, 200);
    assert_eq!(get("/folders")["folders"].as_array().unwrap().len(), 3);
    assert_eq!(
        post("/folders", json!({})),
        json!({"statusCode": 400, "error": "Bad Request", "message": "name is required"})
    );

    let network = post("/networks", json!({"name": "lab"}));
    let path = format!("/networks/{}", network["uuid"].as_str().unwrap());
    assert_eq!(get(&path), network);
    assert_eq!(
        simulator.ask("PUT", &path, &[KEYS, "content-type: application/json"], r#"{"name": "den"}"#).json()["name"],
        "den"
    );

    let policy = json!({"uuid": "00000000-007e-4000-8000-000000000001", "settings": {"name": "strict"}});
    assert_eq!(post("/policies", policy), json!({"policy_id": 3, "policy_name": "strict"}));
    assert_eq!(get("/policies/3")["settings"]["name"], "strict");
    assert_eq!(simulator.post("/policies", &[KEYS], &json!({"uuid": "x", "settings": "x"})).status, 200);
    let tag = post("/tags/values", json!({"category_name": "Owner", "value": "ops"}));
    assert_eq!((&tag["value"], &tag["category_name"]), (&json!("ops"), &json!("Owner")));

    let copy = post("/scans/1/copy", json!({"name": "again"}));
    assert_eq!((&copy["name"], &copy["status"]), (&json!("again"), &json!("empty")));
    let scans = get("/scans");
    assert!(scans["scans"].as_array().unwrap().contains(&copy));
}

#[test]
fn no_more_than_25_scans_run_at_once() {
    let simulator = Simulator::start(&["tenable"]);
    let launch = |id: u32| simulator.post(&format!("/scans/{id}/launch"), &[KEYS], &json!({})).status;
    let all: Vec<u16> = (1..=26).map(launch).collect();
    assert_eq!((&all[..25], all[25]), (&[200; 25][..], 429));
}
