//! The 429 of each service of Zscaler, as it is recorded or documented.

use crate::simulator::{Answer, Simulator, path_of};
use scanyard_contract::Service;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const RATE_LIMIT: [&str; 3] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];

fn refused(simulator: &Simulator, path: &str) -> Answer {
    let answer = simulator.get(path, &["x-scanyard-fail: 429"]);
    assert_eq!(answer.status, 429, "{path}");
    answer
}

fn limits(answer: &Answer) -> [&str; 3] {
    RATE_LIMIT.map(|name| answer.header(name))
}

#[test]
fn each_service_tells_of_its_rate_limit_in_its_own_way() {
    let simulator = Simulator::start(&["zscaler"]);
    let of = |service| refused(&simulator, path_of(Some(service)));
    let gateway = ["5000, 5000;w=60", "4992", "34"];

    let zia = of(Service::Zia);
    assert_eq!(zia.json(), json!({"message": "Rate Limit (2/SECOND) exceeded", "Retry-After": "1 seconds"}));
    assert_eq!((zia.header("retry-after"), limits(&zia)), ("1", gateway));

    let cbc = of(Service::Cbc);
    assert_eq!(cbc.json(), json!({"message": "Rate Limit (1/SECOND) exceeded", "Retry-After": "0 seconds"}));
    assert_eq!((cbc.header("retry-after"), limits(&cbc)), ("", gateway));

    assert_eq!(of(Service::Zpa).header("retry-after"), "13s");

    let zcc = of(Service::Zcc);
    assert_eq!(limits(&zcc), ["100, 100;w=3600, 5000;w=60", "0", "60"]);
    assert_eq!(zcc.header("x-rate-limit-retry-after-seconds"), "60");
    assert_eq!((zcc.header("x-rate-limit-remaining"), zcc.body.is_empty()), ("0", true));
    let daily = refused(&simulator, "/zcc/papi/public/v1/downloadDevices");
    assert_eq!(daily.header("x-ratelimit-limit"), "3, 3;w=86400, 5000;w=60");

    let token = of(Service::Common);
    assert_eq!(limits(&token), ["500, 500;w=1, 10000;w=60", "0", "1"]);
}

#[test]
fn zdx_names_the_second_of_its_reset_and_business_insights_no_wait_at_all() {
    let simulator = Simulator::start(&["zscaler"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let zdx = refused(&simulator, path_of(Some(Service::Zdx)));
    let reset: u64 = zdx.header("ratelimit-reset").parse().unwrap();
    assert!((now + 1..now + 60).contains(&reset), "{reset} at {now}");
    assert_eq!((zdx.header("ratelimit-limit"), zdx.header("ratelimit-remaining")), ("5", "0"));
    assert_eq!(limits(&zdx), ["", "", ""]);

    let insights = refused(&simulator, path_of(Some(Service::Bi)));
    assert_eq!(insights.json()["errorCode"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(limits(&insights), ["", "", ""]);
}

#[test]
fn a_plan_can_take_a_header_away_and_names_a_services_code_by_its_status() {
    let simulator = Simulator::start(&["zscaler"]);
    let body = json!({"message": "Rate Limit (1/SECOND) exceeded", "Retry-After": "0 seconds"});
    let bare = json!({"status": 429, "headers": {"Retry-After": ""}, "body": body});
    let rule = |path: &str, step: Value| json!({"match": {"path": path}, "then": [step]});
    let rules = [rule("/zia/*", bare), rule("/bi/*", json!({"status": 429}))];
    assert_eq!(simulator.ask("PUT", "/__scanyard/plan", &[], &json!({"rules": rules}).to_string()).status, 204);
    let zia = simulator.get(path_of(Some(Service::Zia)), &[]);
    assert_eq!((zia.status, zia.json(), zia.headers.contains_key("retry-after")), (429, body, false));
    assert_eq!(simulator.get(path_of(Some(Service::Bi)), &[]).json()["errorCode"], "RATE_LIMIT_EXCEEDED");
}
