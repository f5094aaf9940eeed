//! Our clients against our simulator: every row of the catalogue, and the vendors' ordinary answers.

use crate::simulator::{Simulator, path_of};
use futures::TryStreamExt;
use scanyard_client::arctic_wolf::{self, aurora, managed};
use scanyard_client::zscaler::{self, zpa_path};
use scanyard_client::{Answer, Error, Hidden, Request, Retrying, Settings, scan_api, tenable};
use scanyard_contract::catalogue::rows_of;
use scanyard_contract::usage::{UsageQuota, UsageSummary};
use scanyard_contract::{Contract, Kind, Row, ScanType, Service};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// One attempt, so that a failure is told as it came.
pub fn once() -> Settings {
    Settings { retrying: Retrying { attempts: 1, ..Retrying::default() }, keep_limits: false, ..Settings::default() }
}

pub fn quick() -> Settings {
    let ms = Duration::from_millis;
    Settings { retrying: Retrying { base: ms(1), lock_base: ms(2), ..Retrying::default() }, ..Settings::default() }
}

pub fn tenable_at(url: &str, settings: Settings) -> tenable::Client {
    let credential = tenable::Credential::Keys { access: Hidden::new("access"), secret: Hidden::new("secret") };
    tenable::Client::at(url, credential, settings).unwrap()
}

pub fn zscaler_at(url: &str, settings: Settings) -> zscaler::Client {
    let place = zscaler::Place { gateway: url.to_string(), login: url.to_string() };
    let client_secret = Hidden::new("client-secret");
    zscaler::Client::new(&place, zscaler::Credential::Secret { client_id: "id".to_string(), client_secret }, settings)
        .unwrap()
}

pub fn aurora_at(url: &str, settings: Settings) -> aurora::Client {
    let application_secret = Hidden::new("application-secret");
    let (tenant_id, application_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
    aurora::Client::at(url, aurora::Credential { tenant_id, application_id, application_secret }, settings).unwrap()
}

pub fn managed_at(url: &str, settings: Settings) -> arctic_wolf::Client {
    arctic_wolf::Client::new(&managed::Place::at(url), Hidden::new("personal-key"), settings).unwrap()
}

fn scan_api_at(url: &str) -> scan_api::Client {
    let key = Hidden::new("cix_sk_0123456789012345678901234567890123456789");
    scan_api::Client::with(url, scan_api::Credential::Key(key), once()).unwrap()
}

/// A status that no vendor lists.
const UNLISTED: u16 = 418;

/// The failure of a row, through the client that would meet it.
async fn meet(url: &str, row: &Row) -> Result<Answer, Error> {
    let wanted = if row.status.is_none() && row.code.is_none() { UNLISTED.to_string() } else { row.id() };
    let path = path_of(row.service).trim_start_matches('/');
    let path = if row.code == Some("password") { "users/1/chpasswd" } else { path };
    let request = Request::post(path).header("x-scanyard-fail".parse().unwrap(), wanted.parse().unwrap());
    match (row.contract, row.service) {
        (Contract::ScanApi, _) => scan_api_at(url).request(&request).await,
        (Contract::Tenable, _) if row.code == Some("X-Impersonate") => {
            tenable_at(url, once()).impersonate("bob").unwrap().request(&request).await
        }
        (Contract::Tenable, _) => tenable_at(url, once()).request(&request).await,
        (Contract::ArcticWolf, Some(Service::Aurora)) => aurora_at(url, once()).request(&request).await,
        (Contract::ArcticWolf, service) => managed_at(url, once()).request(service.unwrap(), &request).await,
        (_, service) => zscaler_at(url, once()).any(service.unwrap_or(Service::Common)).request(&request).await,
    }
}

#[tokio::test]
async fn every_row_is_met_by_a_client_as_its_kind() {
    for contract in [Contract::ScanApi, Contract::Tenable, Contract::Zscaler, Contract::ArcticWolf] {
        let simulator = Simulator::start(&[contract.as_str()]);
        let mut met = 0;
        for row in rows_of(contract).filter(|row| row.status.is_none_or(|status| status >= 400)) {
            let error = meet(&simulator.url(), row).await.unwrap_err();
            let status = row.status.unwrap_or(if row.code.is_some() { 400 } else { UNLISTED });
            assert_eq!((error.status, error.kind), (Some(status), row.kind), "{}: {error}", row.id());
            // What a status means by itself comes with the code that the vendor sends most.
            let is_it = |found: &String| found == &row.id() || (row.code.is_none() && found.starts_with(&row.id()));
            let is_unlisted = row.status.is_none() && row.code.is_none();
            let is_met = if is_unlisted { error.row.is_none() } else { error.row.as_ref().is_some_and(is_it) };
            assert!(is_met, "{} is not {:?}: {error}", row.id(), error.row);
            met += 1;
        }
        assert!(met > 15, "{contract}: {met}");
    }
}

#[tokio::test]
async fn the_wait_of_each_429_of_zscaler_is_read_wherever_it_stands() {
    let simulator = Simulator::start(&["zscaler"]);
    let seconds = |from: u64, to: u64| Some(from * 1000..=to * 1000);
    for (service, wait) in [
        (Service::Common, seconds(1, 1)),
        (Service::Zia, seconds(1, 1)),
        (Service::Cbc, seconds(0, 0)),
        (Service::Zpa, seconds(13, 13)),
        (Service::Zcc, seconds(60, 60)),
        (Service::Zdx, seconds(1, 5)),
        (Service::Bi, None),
    ] {
        let row = rows_of(Contract::Zscaler).find(|row| row.service == Some(service) && row.status == Some(429));
        let error = meet(&simulator.url(), row.unwrap()).await.unwrap_err();
        match (error.wait_ms, &wait) {
            (Some(got), Some(wait)) => assert!(wait.contains(&got), "{service}: {got:?}"),
            (got, wait) => assert_eq!((got, wait.is_some()), (None, false), "{service}"),
        }
    }
}

#[tokio::test]
async fn the_lists_of_zscalers_services_are_read_and_concurrent_writes_of_a_policy_set_do_not_collide() {
    let simulator = Simulator::start(&["zscaler"]);
    let client = zscaler_at(&simulator.url(), quick());
    let lists = [
        (Service::Zia, "zia/api/v1/locations".to_string()),
        (Service::Zpa, format!("zpa/{}", zpa_path(1, "1", "application"))),
        (Service::Zidentity, "ziam/admin/api/v1/users".to_string()),
        (Service::Bi, "bi/api/v1/customapps".to_string()),
        (Service::Zcell, "zcell/config/api/v1/customers/7/tag".to_string()),
    ];
    for (service, path) in lists {
        let items: Vec<Value> = client.any(service).list(Request::get(path), 100).unwrap().try_collect().await.unwrap();
        assert_eq!(items.len(), 250, "{service}");
    }
    let graphql = |query: &str| Request::post("zins/graphql").json(&json!({"query": query}));
    let answer: Value =
        client.any(Service::Graphql).fetch(graphql("query Q { A { b { entries { name } } } }")).await.unwrap();
    assert_eq!(answer["data"]["A"]["b"]["entries"].as_array().unwrap().len(), 10);
    let error = client.any(Service::Graphql).request(&graphql("query Q { A {")).await.unwrap_err();
    assert_eq!((error.status, error.row.as_deref()), (Some(200), Some("zscaler/graphql/200/errors")));
    let writes = (0..3).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let rule = json!({"name": format!("rule {number}")});
            client.zpa().request(&Request::post(zpa_path(1, "1", "policySet/1/rule")).json(&rule)).await
        })
    });
    for write in writes.collect::<Vec<_>>() {
        assert_eq!(write.await.unwrap().unwrap().attempts, 1);
    }
}

#[tokio::test]
async fn each_service_of_zscaler_has_a_client_of_its_own() {
    let simulator = Simulator::start(&["zscaler", "--items", "30"]);
    let client = zscaler_at(&simulator.url(), quick());
    let zpa = zpa_path(1, "1", "segmentGroup");
    for (api, path, size) in [
        (client.zia(), "ruleLabels", 20),
        (client.zpa(), zpa.as_str(), 20),
        (client.zcc(), "v1/getDevices", 20),
        (client.cbc(), "ecgroup", 20),
        // Its pages are no smaller.
        (client.zidentity(), "groups", 100),
        (client.zdx(), "apps", 20),
    ] {
        let items: Vec<Value> = api.list(Request::get(path), size).unwrap().try_collect().await.unwrap();
        assert_eq!(items.len(), 30, "{}", api.service());
    }
    for (api, path) in [(client.zia(), "ruleLabels"), (client.cbc(), "ecgroup")] {
        api.request(&Request::post(path).json(&json!({"name": "new"}))).await.unwrap();
        assert_eq!(api.activate().await.unwrap()["status"], "ACTIVE", "{}", api.service());
    }
}

#[tokio::test]
async fn arctic_wolfs_services_are_read() {
    let simulator = Simulator::start(&["arctic-wolf"]);
    let devices = aurora_at(&simulator.url(), quick()).list(aurora::Collection::Devices, 200).unwrap();
    let devices: Vec<Value> = devices.try_collect().await.unwrap();
    assert_eq!(devices.len(), 250);
    let client = managed_at(&simulator.url(), quick());
    let organization = client.organizations().await.unwrap().remove(0);
    let tickets: Vec<Value> = client.tickets(organization.id, &[]).try_collect().await.unwrap();
    assert_eq!(tickets.len(), 250);
    client.data_sources(&organization.customer_id).await.unwrap();
    let query = |parameters: Value| {
        let (client, customer) = (&client, &organization.customer_id);
        async move { client.execute_query(customer, "events", "latest", &parameters, &[]).await }
    };
    let start = json!([{"name": "start_time", "comparisonOperator": "EQ", "value": "2026-01-01T00:00:00Z"}]);
    assert_eq!(query(start).await.unwrap()["columns"][0]["name"], "at_timestamp");
    assert_eq!(query(json!([])).await.unwrap_err().kind, Kind::BadRequest);
    let path = format!("api/v1beta/organizations/{}/data-sources", organization.customer_id);
    let sources: Vec<Value> = client.list(Service::DataRetrieval, Request::get(path)).try_collect().await.unwrap();
    assert_eq!(sources, [json!({"name": "events", "timeout": "30s"})]);
}

#[tokio::test]
async fn tickets_of_arctic_wolf_are_commented_on_and_closed_and_reports_are_made() {
    let simulator = Simulator::start(&["arctic-wolf"]);
    let client = managed_at(&simulator.url(), quick());
    let id = client.organizations().await.unwrap().remove(0).id;
    client.comment(id, 7, &json!({"body": "we look at it"})).await.unwrap();
    assert_eq!(client.comment(id, 7, &json!({})).await.unwrap_err().kind, Kind::BadRequest);
    assert_eq!(client.ticket(id, 7).await.unwrap()["status"], "OPEN");
    client.close_ticket(id, 7, Some("done")).await.unwrap();
    assert_eq!(client.ticket(id, 7).await.unwrap()["status"], "CLOSED");
    assert_eq!(client.close_ticket(id, 999, None).await.unwrap_err().kind, Kind::NotFound);

    let made = client.create_report(id, &json!({"reportType": "FULL_SESSION_HISTORY"})).await.unwrap();
    assert_eq!(client.create_report(id, &json!({})).await.unwrap_err().kind, Kind::Conflict);
    let report = made["reportUuid"].as_str().unwrap();
    assert_eq!(client.report_status(id, report).await.unwrap()["status"], "IN_PROGRESS");
    assert_eq!(client.report_status(id, report).await.unwrap()["status"], "AVAILABLE");
    let reports: Vec<Value> = client.reports(id).try_collect().await.unwrap();
    assert_eq!(reports.len(), 1);
}

#[tokio::test]
async fn a_limit_and_an_outage_of_our_own_api_are_waited_out() {
    for (status, kind) in [(429, Kind::RateLimited), (503, Kind::Unavailable)] {
        let simulator = Simulator::start(&["scan-api"]);
        let limited = json!({"status": status, "times": 2, "headers": {"retry-after": "0"}});
        let plan = json!({"rules": [{"match": {"path": "/api/v1/scans"}, "then": [limited, {"status": 200}]}]});
        assert_eq!(simulator.ask("PUT", "/__scanyard/plan", &[], &plan.to_string()).status, 204);
        let credential = || scan_api::Credential::Key(Hidden::new("cix_sk_0123456789012345678901234567890123456789"));
        let client = scan_api::Client::with(&simulator.url(), credential(), quick()).unwrap();
        assert_eq!(client.request(&Request::get("scans")).await.unwrap().attempts, 3);
        assert_eq!(simulator.ask("PUT", "/__scanyard/plan", &[], &plan.to_string()).status, 204);
        let client = scan_api::Client::with(&simulator.url(), credential(), once()).unwrap();
        assert_eq!(client.request(&Request::get("scans")).await.unwrap_err().cause_kind, kind);
    }
}

#[tokio::test]
async fn the_empty_instance_of_our_own_api_is_read_whole() {
    let simulator = Simulator::start(&["scan-api"]);
    let client = scan_api_at(&simulator.url());
    assert!(client.list(&Default::default()).await.unwrap().is_empty());
    assert!(client.uploads().await.unwrap().is_empty());
    for list in ["scan-templates", "webhooks", "users", "tenants", "api-keys", "audit", "usage/by-key", "usage/logs"] {
        let items: Vec<Value> = client.items(Request::get(list)).try_collect().await.unwrap();
        assert!(items.is_empty(), "{list}");
    }
    assert!(client.engines().await.unwrap().is_empty());
    client.status().await.unwrap();
    let summary: UsageSummary = client.data(Request::get("usage/summary")).await.unwrap();
    let quota: UsageQuota = client.data(Request::get("usage/quota")).await.unwrap();
    assert_eq!((summary.counts.total_calls, quota.used), (0, 0));
    assert_eq!(client.error("KEY_EXPIRED").await.unwrap().status, Some(401));
    assert_eq!(client.openapi().await.unwrap()["openapi"], "3.1.0");
    let error = client.get_scan(Uuid::nil(), ScanType::Nmap).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("SCAN_NOT_FOUND"));
}
