//! `scanyard simulate`: each vendor answers and fails as it does.

use crate::simulator::{Answer, FORM, JSON, KEYS, Simulator, exchange, path_of};
use crate::support::{fail, scanyard};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use scanyard_contract::catalogue::rows_of;
use scanyard_contract::{Category, Code, Context, Contract, Service, classify};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[test]
fn every_failure_of_the_catalogue_can_be_had_and_is_classified_as_its_row() {
    for contract in [Contract::Tenable, Contract::Zscaler, Contract::ArcticWolf] {
        let simulator = Simulator::start(&[contract.as_str()]);
        let mut met = 0;
        for row in rows_of(contract).filter(|row| row.status.is_some_and(|status| status >= 400)) {
            let (id, status) = (row.id(), row.status.unwrap());
            let answer = simulator.ask("POST", path_of(row.service), &[&format!("x-scanyard-fail: {id}")], "");
            assert_eq!(answer.status, status, "{id}");
            let context = Context {
                method: "POST",
                is_impersonated: row.code == Some("X-Impersonate"),
                is_password_change: row.code == Some("password"),
                ..Context::of(contract, row.service)
            };
            let found = classify(&context, answer.status, &answer.headers, &answer.body, SystemTime::now());
            assert_eq!(found.kind, row.kind, "{id}: {answer:?}");
            met += 1;
        }
        assert!(met > 15, "{contract}: {met}");
    }
}

#[test]
fn the_scan_api_is_simulated_with_every_code() {
    let simulator = Simulator::start(&["scan-api"]);
    for code in Code::ALL {
        let answer = simulator.get("/api/v1/scans", &[&format!("x-scanyard-fail: {code}")]);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (code.status(), Some(code.as_str())));
        let message = answer.json()["error"].as_str().unwrap().to_string();
        assert!(!message.contains(['{', '}']), "{code}: {message}");
    }
    let message = |code: &str| {
        let answer = simulator.get("/api/v1/scans", &[&format!("x-scanyard-fail: {code}")]).json();
        answer["error"].as_str().unwrap().to_string()
    };
    assert_eq!(message("ENGINE_UNAVAILABLE"), "Engine nmap is not available");
    assert_eq!(message("INVALID_FIELD_TYPE"), "Field target must be of type string");
    assert_eq!(message("METHOD_NOT_ALLOWED"), "Method GET is not allowed here");
    assert_eq!(
        simulator.get("/api/v1/nowhere", &["x-api-key: cix_sk_x"]).json()["error"],
        "No such route: /api/v1/nowhere"
    );
    assert_eq!(simulator.get("/api/v1/scans", &[]).json()["code"], "MISSING_API_KEY");
    assert_eq!(simulator.get("/api/v1/scans", &["x-api-key: cix_sk_x"]).json()["data"], json!([]));
}

#[test]
fn the_help_of_every_failure_of_the_scan_api_is_there_and_every_answer_has_an_id_of_its_own() {
    let simulator = Simulator::start(&["scan-api"]);
    let failure = simulator.get("/api/v1/scans", &["x-scanyard-fail: KEY_EXPIRED"]);
    let help = simulator.get(failure.json()["help"].as_str().unwrap(), &[]);
    assert_eq!((help.status, help.json()["data"]["code"].as_str()), (200, Some("KEY_EXPIRED")));
    let get = |path: &str| simulator.get(&format!("/api/v1/errors{path}"), &[]);
    assert_eq!(get("/zscaler/zia/403/STATE_READONLY").json()["data"]["id"], "zscaler/zia/403/STATE_READONLY");
    assert_eq!(get("/KEY_EXPIRED").json()["data"]["id"], "scan-api/KEY_EXPIRED");
    assert_eq!(get("/scan-api/NOPE").json()["code"], "ERROR_NOT_FOUND");
    let listed = |query: &str| get(query).json()["data"].as_array().unwrap().len();
    assert_eq!(listed(""), Code::ALL.len());
    assert_eq!(listed("?contract=zscaler"), rows_of(Contract::Zscaler).count());
    let zpa = rows_of(Contract::Zscaler).filter(|row| row.category == Category::Zpa).count();
    assert_eq!(listed("?contract=zscaler&category=zscaler-zpa"), zpa);
    assert_eq!(get("?contract=nobody").json()["code"], "INVALID_PARAMETER");

    let again = simulator.get("/api/v1/scans", &["x-scanyard-fail: KEY_EXPIRED"]);
    let success = simulator.get("/api/v1/scans", &["x-api-key: cix_sk_x"]);
    let ids = [&failure, &help, &again, &success].map(|answer| answer.header("x-request-id").to_string());
    assert!(ids.iter().all(|id| id.len() == 36) && ids[0] < ids[1] && ids[1] < ids[2] && ids[2] < ids[3], "{ids:?}");
    assert_eq!(
        [&failure, &again].map(|answer| answer.json()["requestId"].as_str().unwrap().to_string()),
        [&ids[0], &ids[2]].map(String::clone)
    );
}

#[test]
fn a_status_of_the_scan_api_is_the_answer_that_means_what_the_status_means_everywhere() {
    let simulator = Simulator::start(&["scan-api"]);
    let code = |status: u16| {
        let answer = simulator.get("/api/v1/scans", &[&format!("x-scanyard-fail: {status}")]);
        assert_eq!(answer.status, status);
        answer.json()["code"].as_str().unwrap().to_string()
    };
    assert_eq!([429, 503, 500].map(code), ["RATE_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR"]);
}

#[test]
fn ids_do_not_begin_anew_with_the_record() {
    let simulator = Simulator::start(&["tenable"]);
    let forget = || assert_eq!(simulator.ask("DELETE", "/__scanyard/requests", &[], "").status, 204);
    let export = || simulator.post("/vulns/export", &[KEYS], &json!({})).json()["export_uuid"].clone();
    let first = export();
    let status = format!("/vulns/export/{}/status", first.as_str().unwrap());
    assert_eq!([(); 3].map(|()| simulator.get(&status, &[KEYS]).json()["status"].clone())[2], "FINISHED");
    forget();
    assert_ne!(export(), first);
    assert_eq!(simulator.get(&status, &[KEYS]).json()["status"], "FINISHED");
    let login = || {
        forget();
        simulator.post("/session", &[], &json!({"username": "ada", "password": "x"})).json()["token"].clone()
    };
    assert_ne!(login(), login());
    assert_eq!(simulator.get("/__scanyard/requests", &[]).json()["count"], 1);
}

#[test]
fn a_body_that_is_not_read_at_all_is_refused_as_the_vendor_does() {
    let simulator = Simulator::start(&["tenable"]);
    let mut stream = TcpStream::connect(&simulator.address).unwrap();
    write!(stream, "POST /users HTTP/1.1\r\nhost: x\r\n{KEYS}\r\n{JSON}\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = "x".repeat(1024 * 1024);
    for _ in 0..17 {
        if write!(stream, "100000\r\n{chunk}\r\n").is_err() {
            break;
        }
    }
    let mut head = String::new();
    let _ = BufReader::new(stream).read_to_string(&mut head);
    assert!(head.starts_with("HTTP/1.1 413 ") && head.contains("x-request-uuid: "), "{head}");
    let record = simulator.get("/__scanyard/requests", &[]).json();
    assert_eq!((&record["count"], &record["requests"][0]["status"]), (&json!(1), &json!(413)));
}

#[test]
fn maintenance_is_only_there_where_the_vendor_has_it() {
    for contract in ["tenable", "arctic-wolf", "scan-api"] {
        let mut simulate = scanyard(&["simulate", contract, "--read-only", "--listen", "127.0.0.1:0"]);
        let output = simulate.timeout(Duration::from_secs(10)).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(&format!("--read-only: {contract} is not known")), "{err}");
    }
    let simulator = Simulator::start(&["tenable"]);
    let mode = |is_on: bool| simulator.post("/__scanyard/mode", &[], &json!({"readOnly": is_on})).status;
    assert_eq!([mode(true), mode(false)], [400, 204]);
}

#[test]
fn a_plan_fails_twice_and_then_lets_the_request_through() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan.toml");
    let text = "[[rules]]\nmatch = { method = \"GET\", path = \"/sca*\" }\n\
                then = [{ status = 429, times = 2, headers = { retry-after = \"13s\" } }, { status = 200 },\n\
                { status = 502, body = \"<html>\" }]\n";
    std::fs::write(&plan, text).unwrap();
    let simulator = Simulator::start(&["tenable", "--plan", plan.to_str().unwrap()]);
    let got: Vec<u16> = (0..5).map(|_| simulator.get("/scans", &[KEYS]).status).collect();
    assert_eq!(got, [429, 429, 200, 502, 200]);
    let record = simulator.get("/__scanyard/requests", &[]).json();
    assert_eq!(record["count"], 5);
    let times: Vec<u64> =
        record["requests"].as_array().unwrap().iter().map(|request| request["atMs"].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
    assert!(!record.to_string().contains("secretKey"), "the record holds a secret");
    for (name, text) in
        [("bad.toml", "[[rules]]\nthen = []"), ("bad.json", "{\"rules\": [{\"then\": [{\"status\": 42}]}]}")]
    {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert_eq!(fail(&["simulate", "tenable", "--plan", path.to_str().unwrap()]).1, 2, "{name}");
    }
}

#[test]
fn the_record_shows_what_was_asked_without_its_secrets() {
    let simulator = Simulator::start(&["tenable"]);
    let secret = "Correct-Horse-1";
    let user = json!({"username": "bob@example.test", "password": secret, "permissions": 16});
    assert_eq!(simulator.post("/users", &[KEYS], &user).status, 200);
    let deep =
        json!({"settings": {"name": "x"}, "credentials": {"add": [{"password": 4711}, {"secret_key": [secret]}]}});
    simulator.post("/scans", &[KEYS], &deep);
    simulator.ask("POST", "/scans", &[KEYS, JSON], &format!("{{\"name\": \"cut\", \"password\": \"{secret}"));
    simulator.ask("POST", "/signin", &[FORM], &format!("client_id=me&client%5Fsecret={secret}&x=1"));
    simulator.ask("GET", &format!("/users?api_key={secret}&f=1"), &["proxy-authorization: Basic Correct-Horse-1"], "");
    let record = simulator.get("/__scanyard/requests", &[]).json();
    assert!(!record.to_string().contains(secret) && !record.to_string().contains("4711"), "{record}");
    let bodies: Vec<&str> =
        record["requests"].as_array().unwrap().iter().map(|asked| asked["body"].as_str().unwrap()).collect();
    assert!(bodies[0].contains("bob@example.test") && bodies[0].contains(r#""password":"[secret]""#), "{bodies:?}");
    assert!(bodies[2].contains("cut"), "{bodies:?}");
    assert_eq!(bodies[3], "client_id=me&client%5Fsecret=[secret]&x=1");
    assert_eq!(record["requests"][4]["query"], json!([["api_key", "[secret]"], ["f", "1"]]));
}

#[test]
fn a_step_changes_the_ordinary_answer_and_replaces_the_vendors_headers() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan.toml");
    let text = "[[rules]]\nthen = [{ headers = { x-request-uuid = \"mine\", x-extra = \"1\" } }, { body = { mine = true } },\n\
                { status = 200, headers = { x-extra = \"2\" } }, { status = 204 }]\n";
    std::fs::write(&plan, text).unwrap();
    let simulator = Simulator::start(&["tenable", "--plan", plan.to_str().unwrap()]);
    let got: Vec<Answer> = (0..4).map(|_| simulator.get("/scans", &[KEYS])).collect();
    assert_eq!(got.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 200, 204]);
    assert_eq!((got[0].header("x-request-uuid"), got[0].header("x-extra")), ("mine", "1"));
    assert!(got[0].json()["scans"].is_array() && got[2].json() == got[0].json());
    assert_eq!(got[1].json(), json!({"mine": true}));
    assert_eq!(got[2].header("x-extra"), "2");
    assert!(got[3].body.is_empty());
}

#[test]
fn tenable_fails_by_its_documented_causes() {
    let simulator = Simulator::start(&["tenable", "--body-timeout", "1", "--max-body", "1000"]);
    assert_eq!(simulator.get("/server/status", &[]).json()["status"], "ready");
    let nobody = simulator.get("/scans", &[]);
    assert_eq!((nobody.status, nobody.json()["statusCode"].as_u64()), (401, Some(401)));
    assert_eq!(nobody.header("x-request-uuid").len(), 32);
    let status = |method: &str, path: &str, headers: &[&str], body: &str| {
        simulator.ask(method, path, &[headers, &[KEYS]].concat(), body).status
    };
    assert_eq!(status("DELETE", "/scans", &[], ""), 405);
    let download = "/workbenches/export/1/download";
    assert_eq!(status("GET", download, &["accept: application/json"], ""), 406);
    assert_eq!(status("GET", download, &["accept: */*"], ""), 200);
    assert_eq!(status("GET", download, &["accept: application/octet-stream"], ""), 200);
    assert_eq!(status("POST", "/users", &["content-type: text/xml"], "<a/>"), 415);
    assert_eq!(status("POST", "/users", &[JSON], &"x".repeat(1001)), 413);
    assert_eq!(status("POST", "/scans/1/launch", &[], ""), 200);
    let user = r#"{"username": "bob@example.test", "password": "Correct-Horse-1", "permissions": 16}"#;
    assert_eq!(status("POST", "/users", &[JSON], user), 200);
    assert_eq!(status("POST", "/users", &[JSON], user), 409);
    assert_eq!(status("PUT", "/users/1/chpasswd", &[JSON], r#"{"password": "short"}"#), 400);
    assert_eq!(status("GET", "/session", &["x-impersonate: username=nobody@example.test"], ""), 403);
    assert_eq!(status("GET", "/session", &["x-impersonate: username=bob@example.test"], ""), 200);
    assert_eq!(status("GET", "/nowhere", &[], ""), 404);
    let mut slow = TcpStream::connect(&simulator.address).unwrap();
    write!(slow, "POST /users HTTP/1.1\r\nhost: x\r\n{JSON}\r\ncontent-length: 5\r\n\r\n{{").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[test]
fn a_session_of_tenable_is_kept_by_its_cookie() {
    let simulator = Simulator::start(&["tenable"]);
    let login = simulator.post("/session", &[], &json!({"username": "ada@example.test", "password": "x"}));
    let cookie = format!("cookie: {}", login.header("set-cookie").split(';').next().unwrap());
    assert_eq!(simulator.get("/session", &[&cookie]).status, 200);
    let token = format!("x-cookie: token={}", login.json()["token"].as_str().unwrap());
    assert_eq!(simulator.get("/session", &[&token]).status, 200);
    // Who signs out ends no more than the own session; keys are none.
    let other = simulator.post("/session", &[], &json!({"username": "bob@example.test", "password": "x"})).json();
    let other = format!("x-cookie: token={}", other["token"].as_str().unwrap());
    assert_eq!(simulator.ask("DELETE", "/session", &[KEYS], "").status, 200);
    assert_eq!(simulator.ask("DELETE", "/session", &[&other], "").status, 200);
    assert_eq!([&other, &cookie].map(|session| simulator.get("/session", &[session]).status), [401, 200]);
    assert_eq!(simulator.post("/__scanyard/expire", &[], &json!({})).status, 204);
    assert_eq!(simulator.get("/session", &[&cookie]).status, 401);
    assert_eq!(simulator.post("/session", &[], &json!({"username": "a", "password": "wrong"})).status, 401);
}

#[test]
fn an_export_runs_through_its_states_and_a_second_one_is_told_of_the_first() {
    let simulator = Simulator::start(&["tenable", "--items", "120"]);
    for kind in ["vulns", "assets", "compliance"] {
        let path = format!("/{kind}/export");
        let job = simulator.post(&path, &[KEYS], &json!({})).json()["export_uuid"].as_str().unwrap().to_string();
        let second = simulator.post(&path, &[KEYS], &json!({}));
        assert_eq!((second.status, second.json()["active_job_id"].as_str()), (409, Some(job.as_str())));
        let status = || simulator.get(&format!("{path}/{job}/status"), &[KEYS]).json();
        assert_eq!(status()["status"], "QUEUED");
        assert_eq!(status()["chunks_available"], json!([1]));
        assert_eq!(status()["status"], "FINISHED");
        let chunks = [1, 2, 3].map(|chunk| simulator.get(&format!("{path}/{job}/chunks/{chunk}"), &[KEYS]));
        let items: usize = chunks.iter().map(|chunk| chunk.json().as_array().unwrap().len()).sum();
        assert_eq!(items, 120);
        assert_eq!(simulator.get(&format!("{path}/{job}/chunks/4"), &[KEYS]).status, 404);
        let other = simulator.post(&path, &[KEYS], &json!({"filters": {"since": 1}})).json();
        let cancel = format!("{path}/{}/cancel", other["export_uuid"].as_str().unwrap());
        assert_eq!(simulator.ask("POST", &cancel, &[KEYS], "").json()["status"], "CANCELLED");
    }
    for (kind, name, few) in
        [("vulns", "num_assets", 49), ("assets", "chunk_size", 50), ("compliance", "num_findings", 5001)]
    {
        let refused = simulator.post(&format!("/{kind}/export"), &[KEYS], &json!({name: few}));
        assert_eq!((refused.status, &refused.json()["validation"]["keys"]), (400, &json!([name])), "{kind}");
    }
}

fn zscaler_token(simulator: &Simulator) -> String {
    let form = "grant_type=client_credentials&client_id=a&client_secret=b&audience=https%3A%2F%2Fapi.zscaler.com";
    let answer = simulator.ask("POST", "/oauth2/v1/token", &[FORM], form);
    format!("authorization: Bearer {}", answer.json()["access_token"].as_str().unwrap())
}

#[test]
fn zscalers_services_page_as_each_of_them_does() {
    let simulator = Simulator::start(&["zscaler", "--items", "45"]);
    let bad = "grant_type=client_credentials&client_id=a&client_secret=wrong";
    assert_eq!(simulator.ask("POST", "/oauth2/v1/token", &[FORM], bad).json()["error"], "invalid_client");
    let token = zscaler_token(&simulator);
    let get = |path: &str| simulator.get(path, &[&token]);
    assert_eq!(get("/zia/api/v1/urlCategories?page=3&pageSize=20").json().as_array().unwrap().len(), 5);
    assert_eq!(get("/zia/api/v1/urlCategories?page=4&pageSize=20").json(), json!([]));
    let zpa =
        |page: u32| get(&format!("/zpa/mgmtconfig/v1/admin/customers/7/application?page={page}&pagesize=20")).json();
    assert_eq!((zpa(1)["totalPages"].as_str(), zpa(3)["list"].as_array().unwrap().len()), (Some("3"), 5));
    assert_eq!(zpa(4)["list"], json!([]));
    assert_eq!(get("/zpa/mgmtconfig/v1/admin/customers/7/application?pagesize=501").status, 400);
    assert_eq!(get("/zcc/papi/public/v1/getDevices?pageSize=30&page=2").json().as_array().unwrap().len(), 15);
    assert_eq!([99, 1001].map(|limit| get(&format!("/ziam/admin/api/v1/users?limit={limit}")).status), [400, 400]);
    assert_eq!(get("/ztw/api/v1/ecgroup").json().as_array().unwrap().len(), 45);
    let missing = get("/zpa/mgmtconfig/v1/admin/customers/7/application/99");
    assert_eq!((missing.status, missing.json()["id"].as_str()), (400, Some("resource.not.found")));
    let gateway = simulator.get("/zia/api/v1/urlCategories", &[]);
    assert_eq!((gateway.status, gateway.json()["detail"].as_str()), (401, Some("unauthorized")));
    assert_eq!(simulator.post("/__scanyard/expire", &[], &json!({})).status, 204);
    assert_eq!(get("/zia/api/v1/urlCategories").status, 401);
}

#[test]
fn a_page_of_zidentity_links_to_the_next() {
    let simulator = Simulator::start(&["zscaler", "--items", "250"]);
    let users = simulator.get("/ziam/admin/api/v1/users?offset=100&limit=100", &[&zscaler_token(&simulator)]).json();
    assert!(users["next_link"].as_str().unwrap().contains("offset=200"), "{users}");
    assert!(users["prev_link"].as_str().unwrap().contains("offset=0"), "{users}");
}

#[test]
fn zpa_fails_with_the_bodies_of_its_reference() {
    let simulator = Simulator::start(&["zscaler"]);
    let fail = |wanted: &str| {
        let answer = simulator.get(path_of(Some(Service::Zpa)), &[&format!("x-scanyard-fail: {wanted}")]);
        (answer.status, answer.json())
    };
    let concurrent = json!({"id": "api.concurrent.access.error", "params": ["com.zscaler.zpn.model.PolicySet"],
        "reason": "Unable to modify the resource due to concurrent change requests. Try again"});
    for wanted in ["409", "api.concurrent.access.error", "zscaler/zpa/409/api.concurrent.access.error"] {
        assert_eq!(fail(wanted), (409, concurrent.clone()), "{wanted}");
    }
    assert_eq!(fail("zscaler/zpa/409").1["id"], "Conflict");
    let missing = "No resource exists with the given id/name :0";
    let missing = json!({"id": "resource.not.found", "reason": missing, "params": ["0"]});
    assert_eq!(fail("resource.not.found"), (400, missing));
    assert_eq!(fail("404"), (404, json!({"id": "resource.not.found", "reason": "No handler found"})));
    assert_eq!(fail("401"), (401, json!({"id": "access.denied", "reason": "Access denied"})));
    let limited = json!({"exception": "invalid.toomanyrequests", "id": "invalid.toomanyrequests",
        "reason": "Exceeded the number of requests allowed"});
    assert_eq!(fail("429"), (429, limited));
    let busy = "An error occurred. Refer to the Retry-After header, and then try again.";
    assert_eq!(fail("503"), (503, json!({"id": "retryable.server.error", "reason": busy})));
}

#[test]
fn changes_wait_for_their_activation_and_maintenance_refuses_writes_alone() {
    let simulator = Simulator::start(&["zscaler"]);
    let token = zscaler_token(&simulator);
    let post = |path: &str, body: Value| simulator.post(path, &[&token], &body);
    let status = || simulator.get("/zia/api/v1/status", &[&token]).json()["status"].clone();
    assert_eq!(status(), "ACTIVE");
    assert_eq!(post("/zia/api/v1/ruleLabels", json!({})).json()["message"], "Rule Name is mandatory");
    assert_eq!(post("/zia/api/v1/ruleLabels", json!({"name": "a"})).status, 200);
    assert_eq!(status(), "PENDING");
    assert_eq!(post("/zia/api/v1/status/activate", json!({})).status, 200);
    assert_eq!(status(), "ACTIVE");
    assert_eq!(post("/__scanyard/mode", json!({"readOnly": true})).status, 204);
    let refused = post("/zia/api/v1/ruleLabels", json!({"name": "b"}));
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("STATE_READONLY")));
    assert_eq!(refused.header("x-zscaler-mode"), "read-only");
    assert_eq!(simulator.get("/zia/api/v1/ruleLabels", &[&token]).status, 200);
}

#[test]
fn two_writes_to_one_policy_set_do_not_overlap() {
    let simulator = Simulator::start(&["zscaler"]);
    let token = zscaler_token(&simulator);
    let write = |set: u32| {
        let path = format!("/zpa/mgmtconfig/v1/admin/customers/7/policySet/{set}/rule");
        simulator.post(&path, &[&token], &json!({"name": "x"})).status
    };
    let both = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| write(1))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(both.contains(&201) && both.contains(&409), "{both:?}");
    assert_eq!([write(1), write(1), write(2)], [201, 201, 201]);
}

#[test]
fn the_older_sessions_of_zscaler_are_kept_by_a_cookie() {
    let simulator = Simulator::start(&["zscaler"]);
    let login = json!({"apiKey": "abc", "username": "ada", "password": "x", "timestamp": "1"});
    for path in ["/api/v1/authenticatedSession", "/api/v1/auth"] {
        let answer = simulator.post(path, &[], &login);
        let cookie = format!("cookie: {}", answer.header("set-cookie").split(';').next().unwrap());
        assert_eq!(simulator.get("/api/v1/users", &[&cookie]).status, 200);
        assert_eq!(simulator.ask("DELETE", path, &[&cookie], "").status, 200);
        assert_eq!(simulator.get("/api/v1/users", &[&cookie]).status, 401);
    }
    let nobody = simulator.get("/api/v1/urlCategories", &[]);
    assert_eq!((nobody.status, nobody.json()["code"].as_str()), (401, Some("SESSION_NOT_VALID")));
    let fail = |status: u16| simulator.get("/api/v1/urlCategories", &[&format!("x-scanyard-fail: {status}")]);
    assert_eq!((fail(429).header("retry-after"), fail(409).json()), ("1", json!({"message": "Conflict"})));
    let zpa = simulator.ask("POST", "/signin", &[FORM], "client_id=a&client_secret=b").json();
    assert_eq!(zpa["expires_in"], "3600");
}

#[test]
fn arctic_wolf_takes_an_auth_token_once_and_answers_in_four_shapes() {
    let simulator = Simulator::start(&["arctic-wolf"]);
    // {"exp":4102444800,"iss":"http://cylance.com","sub":"a","tid":"t","jti":"j"}
    let claims = "eyJleHAiOjQxMDI0NDQ4MDAsImlzcyI6Imh0dHA6Ly9jeWxhbmNlLmNvbSIsInN1YiI6ImEiLCJ0aWQiOiJ0IiwianRpIjoiaiJ9";
    let exchange = || simulator.post("/auth/v2/token", &[], &json!({"auth_token": format!("e30.{claims}.x")}));
    let token = format!("authorization: Bearer {}", exchange().json()["access_token"].as_str().unwrap());
    assert_eq!(exchange().status, 401);
    let users = simulator.get("/users/v2?page=2&page_size=200", &[&token]).json();
    assert_eq!((users["total_pages"].as_u64(), users["page_items"].as_array().unwrap().len()), (Some(2), 50));
    assert_eq!(simulator.post("/users/v2", &[&token], &json!({"email": "a@example.test"})).status, 201);
    assert_eq!(simulator.post("/users/v2", &[&token], &json!({"email": "a@example.test"})).status, 409);
    let key = "authorization: Bearer personal";
    let organizations = simulator.get("/api/v1/organizations", &[key]).json();
    let (id, customer) = (organizations[0]["id"].as_str().unwrap(), organizations[0]["customerID"].as_str().unwrap());
    assert_eq!(simulator.get("/api/v1/organizations", &[]).body, b"");
    let tickets = simulator.get(&format!("/api/v1/organizations/{id}/tickets?offset=200"), &[key]).json();
    assert_eq!((tickets["results"].as_array().unwrap().len(), tickets["meta"]["limit"].as_u64()), (20, Some(20)));
    assert_eq!(simulator.get(&format!("/api/v1/organizations/{id}/tickets/999"), &[key]).json()["code"], "not_found");
    assert_eq!(simulator.get(&format!("/api/v1beta/organizations/{id}/data-sources"), &[key]).status, 404);
    assert_eq!(simulator.get(&format!("/api/v1beta/organizations/{customer}/data-sources"), &[key]).status, 200);
}

#[test]
fn arctic_wolfs_managed_services_fail_with_the_words_of_their_definitions() {
    let simulator = Simulator::start(&["arctic-wolf"]);
    let body = |service, status: u16| {
        let answer = simulator.get(path_of(Some(service)), &[&format!("x-scanyard-fail: {status}")]);
        assert_eq!(answer.status, status);
        answer.json()
    };
    for (service, status, expected) in [
        (
            Service::Ticket,
            401,
            json!({"code": "unauthorized", "description": "Invalid or expired authentication token."}),
        ),
        (
            Service::Ticket,
            500,
            json!({"code": "internal_server_error", "description": "An unexpected error occurred while processing your request."}),
        ),
        (Service::DataRetrieval, 401, json!({"error": "Authentication required"})),
        (
            Service::DataRetrieval,
            403,
            json!({"error": "Access denied: insufficient permissions for this organization"}),
        ),
        (
            Service::Reports,
            401,
            json!({"code": "not_authorised", "description": "User not authorised to create report"}),
        ),
    ] {
        assert_eq!(body(service, status), expected, "{service} {status}");
    }
}

#[test]
fn arctic_wolfs_pages_have_bounds_and_tickets_files() {
    let simulator = Simulator::start(&["arctic-wolf"]);
    let key = "authorization: Bearer personal";
    let id = simulator.get("/api/v1/organizations", &[key]).json()[0]["id"].as_str().unwrap().to_string();
    let get = |path: &str| simulator.get(&format!("/api/v1/organizations/{id}/{path}"), &[key]);
    for list in ["tickets", "reports", "reports/configs"] {
        for (query, name, bound) in [
            ("offset=100001", "offset", "less than or equal to 100000"),
            ("limit=101", "limit", "less than or equal to 100"),
            ("limit=0", "limit", "greater than or equal to 1"),
            ("limit=x", "limit", "an integer"),
        ] {
            let refused = get(&format!("{list}?{query}"));
            assert_eq!(
                (refused.status, refused.json()["code"].as_str()),
                (400, Some("invalid_request")),
                "{list} {query}"
            );
            assert_eq!(refused.json()["description"], format!("The '{name}' parameter must be {bound}."));
        }
        assert_eq!(get(&format!("{list}?limit=100&offset=100000")).status, 200, "{list}");
    }
    let whole = get("tickets/7?includeComments=true").json();
    let attachment = whole["attachments"][0]["id"].as_u64().unwrap();
    let url = get(&format!("tickets/7/attachments/{attachment}")).json()["url"].as_str().unwrap().to_string();
    assert!(url.starts_with("https://"), "{url}");
    assert_eq!(simulator.get(url.strip_prefix("https://files.example.test").unwrap(), &[]).status, 200);
    let missing = get("tickets/7/attachments/8");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["description"], "Attachment with ID 8 belonging to Ticket with ID 7 was not found.");
}

#[test]
fn a_report_of_arctic_wolf_is_made_listed_and_downloaded() {
    let simulator = Simulator::start(&["arctic-wolf"]);
    let key = "authorization: Bearer personal";
    let organizations = simulator.get("/api/v1/organizations", &[key]).json();
    let [reports, others] = [0, 1].map(|index: usize| {
        let id = organizations[index]["id"].as_str().unwrap();
        format!("/api/v1/organizations/{id}/reports")
    });
    let made = simulator.post(&reports, &[key], &json!({}));
    assert_eq!((made.status, simulator.post(&reports, &[key], &json!({})).status), (202, 409));
    let id = made.json()["reportUuid"].as_str().unwrap().to_string();
    let get = |path: &str| simulator.get(&format!("{reports}{path}"), &[key]);
    assert_eq!(get("").json()["results"], json!([{"reportUuid": id, "status": "IN_PROGRESS"}]));
    assert_eq!(get(&format!("/{id}/download")).status, 404);
    let status = || get(&format!("/{id}/status")).json()["status"].clone();
    assert_eq!([status(), status()], ["IN_PROGRESS", "AVAILABLE"]);
    assert!(get(&format!("/{id}/download")).json()["url"].as_str().unwrap().contains(&id));
    assert_eq!(get("").json()["results"][0]["status"], "AVAILABLE");
    assert_eq!(simulator.get(&others, &[key]).json()["meta"]["total"], 0);
}

#[test]
fn a_client_that_only_knows_its_vendors_host_is_served_through_the_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let simulator = Simulator::start(&["zscaler", "--ca-file", ca.to_str().unwrap()]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    for host in ["acme.zslogin.net", "api.zsapi.net"] {
        let mut stream = TcpStream::connect(&simulator.address).unwrap();
        write!(stream, "CONNECT {host}:443 HTTP/1.1\r\nhost: {host}:443\r\n\r\n").unwrap();
        let mut answer = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        while line.trim() != "" {
            line.clear();
            answer.read_line(&mut line).unwrap();
        }
        let name = ServerName::try_from(host).unwrap();
        let tls = StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), stream);
        let form = "grant_type=client_credentials&client_id=a&client_secret=b";
        assert_eq!(exchange(tls, "POST", "/oauth2/v1/token", &[FORM], form).status, 200, "{host}");
    }
    let record = simulator.get("/__scanyard/requests", &[]).json();
    assert_eq!(record["requests"][0]["host"], "acme.zslogin.net");
}
