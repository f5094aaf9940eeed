//! Our clients against our simulator: every row of the catalogue, and the vendors' ordinary answers.

use crate::simulate::{Simulator, path_of};
use futures::TryStreamExt;
use scanyard_client::arctic_wolf::{self, aurora, managed};
use scanyard_client::tenable::export::Waiting;
use scanyard_client::tenable::filters::{Assets, Vulns, What};
use scanyard_client::zscaler::{self, zpa_path};
use scanyard_client::{Answer, Error, Hidden, Request, Retrying, Settings, scan_api, tenable};
use scanyard_contract::catalogue::rows_of;
use scanyard_contract::usage::{UsageQuota, UsageSummary};
use scanyard_contract::{Contract, Row, ScanType, Service};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// One attempt, so that a failure is told as it came.
fn once() -> Settings {
    Settings { retrying: Retrying { attempts: 1, ..Retrying::default() }, keep_limits: false, ..Settings::default() }
}

fn quick() -> Settings {
    let ms = Duration::from_millis;
    Settings { retrying: Retrying { base: ms(1), lock_base: ms(2), ..Retrying::default() }, ..Settings::default() }
}

fn tenable_at(url: &str, settings: Settings) -> tenable::Client {
    let credential = tenable::Credential::Keys { access: Hidden::new("access"), secret: Hidden::new("secret") };
    tenable::Client::at(url, credential, settings).unwrap()
}

fn zscaler_at(url: &str, settings: Settings) -> zscaler::Client {
    let place = zscaler::Place { gateway: url.to_string(), login: url.to_string() };
    let client_secret = Hidden::new("client-secret");
    zscaler::Client::new(&place, zscaler::Credential::Secret { client_id: "id".to_string(), client_secret }, settings)
        .unwrap()
}

fn aurora_at(url: &str, settings: Settings) -> aurora::Client {
    let application_secret = Hidden::new("application-secret");
    let (tenant_id, application_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
    aurora::Client::at(url, aurora::Credential { tenant_id, application_id, application_secret }, settings).unwrap()
}

fn managed_at(url: &str, settings: Settings) -> arctic_wolf::Client {
    arctic_wolf::Client::new(&managed::Place::at(url), Hidden::new("personal-key"), settings).unwrap()
}

/// The failure of a row, through the client that would meet it.
async fn meet(url: &str, row: &Row) -> Result<Answer, Error> {
    let wanted = row.code.map_or(row.status.unwrap().to_string(), |_| row.id());
    let path = path_of(row.service).trim_start_matches('/');
    let path = if row.code == Some("password") { "users/1/chpasswd" } else { path };
    let request = Request::post(path).header("x-scanyard-fail".parse().unwrap(), wanted.parse().unwrap());
    match (row.contract, row.service) {
        (Contract::Tenable, _) if row.code == Some("X-Impersonate") => {
            tenable_at(url, once()).impersonate("bob").unwrap().request(&request).await
        }
        (Contract::Tenable, _) => tenable_at(url, once()).request(&request).await,
        (Contract::ArcticWolf, Some(Service::Aurora)) => aurora_at(url, once()).request(&request).await,
        (Contract::ArcticWolf, service) => managed_at(url, once()).request(service.unwrap(), &request).await,
        (_, service) => zscaler_at(url, once()).any(service.unwrap()).request(&request).await,
    }
}

#[tokio::test]
async fn every_row_is_met_by_a_client_as_its_kind() {
    for contract in [Contract::Tenable, Contract::Zscaler, Contract::ArcticWolf] {
        let simulator = Simulator::start(&[contract.as_str()]);
        let mut met = 0;
        for row in rows_of(contract).filter(|row| row.status.is_some_and(|status| status >= 400)) {
            let error = meet(&simulator.url(), row).await.unwrap_err();
            assert_eq!((error.status, error.kind), (row.status, row.kind), "{}: {error}", row.id());
            // What a status means by itself comes with the code that the vendor sends most.
            let is_it = |found: &String| found == &row.id() || (row.code.is_none() && found.starts_with(&row.id()));
            assert!(error.row.as_ref().is_some_and(is_it), "{} is not {:?}: {error}", row.id(), error.row);
            met += 1;
        }
        assert!(met > 15, "{contract}: {met}");
    }
}

#[tokio::test]
async fn tenables_exports_are_read_to_their_end() {
    let simulator = Simulator::start(&["tenable"]);
    let client = tenable_at(&simulator.url(), quick());
    let waiting = Waiting { first: Duration::from_millis(5), ..Waiting::default() };
    for what in [What::Vulns(Vulns::default()), What::Assets(Assets::default())] {
        let export = client.export(&what, waiting).await.unwrap();
        let items: Vec<Value> = export.items().try_collect().await.unwrap();
        assert!(!items.is_empty(), "{}", what.kind());
    }
    client.users().await.unwrap();
    client.scans(&Default::default()).await.unwrap();
}

#[tokio::test]
async fn a_session_of_tenables_is_opened_with_a_password() {
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
    let graphql = |query: &str| Request::post("zins/graphql").json(&serde_json::json!({"query": query}));
    let answer: Value =
        client.any(Service::Graphql).fetch(graphql("query Q { A { b { entries { name } } } }")).await.unwrap();
    assert_eq!(answer["data"]["A"]["b"]["entries"].as_array().unwrap().len(), 10);
    let error = client.any(Service::Graphql).request(&graphql("query Q { A {")).await.unwrap_err();
    assert_eq!((error.status, error.row.as_deref()), (Some(200), Some("zscaler/graphql/200/errors")));
    let writes = (0..3).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let rule = serde_json::json!({"name": format!("rule {number}")});
            client.zpa().request(&Request::post(zpa_path(1, "1", "policySet/1/rule")).json(&rule)).await
        })
    });
    for write in writes.collect::<Vec<_>>() {
        assert_eq!(write.await.unwrap().unwrap().attempts, 1);
    }
}

#[tokio::test]
async fn arctic_wolfs_services_are_read() {
    let simulator = Simulator::start(&["arctic-wolf"]);
    let devices = aurora_at(&simulator.url(), quick()).list(aurora::Collection::Devices, 200).unwrap();
    let devices: Vec<Value> = devices.try_collect().await.unwrap();
    assert!(!devices.is_empty());
    let client = managed_at(&simulator.url(), quick());
    let organization = client.organizations().await.unwrap().remove(0);
    let tickets: Vec<Value> = client.tickets(organization.id, &[]).try_collect().await.unwrap();
    assert!(!tickets.is_empty());
    client.data_sources(&organization.customer_id).await.unwrap();
}

#[tokio::test]
async fn a_file_for_tenable_is_uploaded_and_imported() {
    let simulator = Simulator::start(&["tenable"]);
    let client = tenable_at(&simulator.url(), quick());
    let name = client.upload("report.nessus", b"<NessusClientData_v2/>", false).await.unwrap();
    assert_eq!(name, "report.nessus");
    assert_eq!(client.import_scan(&name, None).await.unwrap()["scan"]["id"], 251);
}

#[tokio::test]
async fn the_empty_instance_of_our_own_api_is_read_whole() {
    let simulator = Simulator::start(&["scan-api"]);
    let key = Hidden::new("cix_sk_0123456789012345678901234567890123456789");
    let client = scan_api::Client::with(&simulator.url(), scan_api::Credential::Key(key), once()).unwrap();
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
