//! The client of our own API against our own server: every operation that it wraps.

use crate::support::Server;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use scanyard_client::scan_api::{Client, Credential, ListScans};
use scanyard_client::{Error, Retrying, Settings};
use scanyard_contract::api_key::{RotateApiKey, UpdateApiKey};
use scanyard_contract::scan::ScanEvent;
use scanyard_contract::template::UpdateTemplate;
use scanyard_contract::tenant::UpdateTenant;
use scanyard_contract::user::{ChangePassword, Tokens, UpdateUser};
use scanyard_contract::webhook::{PatchWebhook, RedeliverSince, RotateSecret};
use scanyard_contract::{ApiKeyStatus, Kind, ScanStatus, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const EMAIL: &str = "ada@example.test";
const PASSWORD: &str = "Correct-Horse-1";

fn client(server: &Server, credential: Credential) -> Client {
    Client::with(&server.url, credential, Settings::default()).unwrap()
}

fn with_key(server: &Server) -> Client {
    Client::new(&server.url, Some(server.key.clone()), Retrying::default()).unwrap()
}

fn body<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// An owner's session, with its tokens.
async fn log_in(server: &Server) -> (Client, Tokens) {
    let owner = json!({"email": EMAIL, "role": "owner", "password": PASSWORD});
    with_key(server).create_user(&body(owner)).await.unwrap();
    let login = body(json!({"email": EMAIL, "password": PASSWORD}));
    let tokens = client(server, Credential::Nobody).log_in(&login).await.unwrap();
    (client(server, Credential::Token(tokens.access_token.clone())), tokens)
}

async fn count<T>(items: BoxStream<'static, Result<T, Error>>) -> usize {
    items.try_collect::<Vec<T>>().await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_tenants_usage_and_the_audit_log() {
    let server = Server::start();
    let client = with_key(&server);
    let (owner, _) = log_in(&server).await;
    let key = owner.create_api_key(&body(json!({"name": "ci", "scopes": ["scans:read"]}))).await.unwrap();
    let id = key.api_key.id.as_str();
    assert_eq!(count(owner.api_keys()).await, 2);
    assert_eq!(owner.suspend_api_key(id).await.unwrap().status, ApiKeyStatus::Suspended);
    assert_eq!(owner.resume_api_key(id).await.unwrap().status, ApiKeyStatus::Active);
    let change = UpdateApiKey { name: Some("ci 2".to_string()), ..UpdateApiKey::default() };
    assert_eq!(owner.update_api_key(id, &change).await.unwrap().name, "ci 2");
    assert_eq!(owner.api_key(id).await.unwrap().name, "ci 2");
    assert_ne!(owner.rotate_api_key(id, &RotateApiKey::default()).await.unwrap().key, key.key);
    assert!(owner.revoke_api_key(id).await.unwrap().deleted);
    assert_eq!(owner.api_key("../users").await.unwrap_err().kind, Kind::NotFound);

    let tenant = client.create_tenant(&body(json!({"name": "Example Org"}))).await.unwrap();
    let id = tenant.id.to_string();
    assert_eq!(client.tenant(&id).await.unwrap().name, "Example Org");
    let change: UpdateTenant = body(json!({"plan": "gold"}));
    client.update_tenant(&id, &change).await.unwrap();
    client.suspend_tenant(&id).await.unwrap();
    client.resume_tenant(&id).await.unwrap();
    assert_eq!(count(client.tenants()).await, 2);

    client.usage(None).await.unwrap();
    assert!(!client.usage_history(None, None).await.unwrap().is_empty());
    client.quota().await.unwrap();
    count(client.usage_by_key(None)).await;
    count(client.usage_by_scan_type(None)).await;
    count(client.usage_by_endpoint(None)).await;
    count(client.usage_logs(&[("status", "4xx")])).await;
    assert!(count(client.audit()).await >= 5);
    client.status().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_their_sessions() {
    let server = Server::start();
    let (operator, nobody) = (with_key(&server), client(&server, Credential::Nobody));
    let (ada, tokens) = log_in(&server).await;
    let (id, refresh) = (tokens.user.id.as_str(), tokens.refresh_token.unwrap());
    assert_eq!(ada.me().await.unwrap().user.email, EMAIL);
    let change: ChangePassword = body(json!({"currentPassword": PASSWORD, "newPassword": "Correct-Horse-22"}));
    ada.change_password(&change).await.unwrap();
    let error = ada.change_password(&change).await.unwrap_err();
    assert!(!format!("{error:?}").contains("Correct-Horse"), "{error:?}");
    let next = nobody.refresh(&refresh).await.unwrap();
    nobody.log_out(&next.refresh_token.unwrap()).await.unwrap();

    let change = UpdateUser { name: Some(Some("Ada".to_string())), ..UpdateUser::default() };
    assert_eq!(operator.update_user(id, &change).await.unwrap().name.as_deref(), Some("Ada"));
    assert_eq!(operator.user(id).await.unwrap().email, EMAIL);
    operator.unlock_user(id).await.unwrap();
    assert_eq!(count(operator.users()).await, 1);
    let other = json!({"email": "bob@example.test", "role": "viewer"});
    let other = operator.create_user(&body(other)).await.unwrap();
    assert!(operator.delete_user(&other.user.id).await.unwrap().deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_and_their_scans() {
    let server = Server::start();
    let client = with_key(&server);
    let template = client.create_template(&body(json!({"name": "nightly", "scanType": "sentinel"}))).await.unwrap();
    let id = template.id.to_string();
    let change = UpdateTemplate { name: Some("weekly".to_string()), ..UpdateTemplate::default() };
    assert_eq!(client.update_template(&id, &change).await.unwrap().name, "weekly");
    assert_eq!((client.template(&id).await.unwrap().name.as_str(), count(client.templates()).await), ("weekly", 1));
    let launch = json!({"target": "127.0.0.1", "options": {"ports": "1"}});
    let scan = client.launch_template(&id, &body(launch)).await.unwrap();
    let events: Vec<ScanEvent> = client.events(scan.id, scan.scan_type).try_collect().await.unwrap();
    let ends: Vec<bool> = events.iter().map(|event| event.is_final).collect();
    assert_eq!(ends.iter().rposition(|is_final| !is_final), ends.len().checked_sub(2), "{events:?}");
    assert_eq!((events[0].status, events[0].progress), (ScanStatus::Queued, 0));
    let scan = client.get_scan(scan.id, scan.scan_type).await.unwrap();
    assert_eq!(Some(scan.status), events.last().map(|event| event.status));
    client.results(scan.id, scan.scan_type).await.unwrap();
    assert!(!client.report(scan.id, scan.scan_type).await.unwrap().is_empty());
    let filter = ListScans { target: Some("127.0.0.1".to_string()), ..ListScans::default() };
    assert_eq!(count(client.scans(&filter)).await, 1);
    assert!(client.delete_scan(scan.id, scan.scan_type).await.unwrap().deleted);
    assert!(client.delete_template(&id).await.unwrap().deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_asked_for_where_they_are() {
    let server = Server::start();
    let client = with_key(&server);
    let webhook = json!({"name": "ci", "url": "https://hooks.example.test/x"});
    let error = client.create_webhook(&body(webhook)).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("WEBHOOK_URL_UNREACHABLE"));
    assert_eq!(count(client.webhooks()).await, 0);
    let id = "wh-00000000-0000-4000-8000-000000000000";
    let delivery = "dlv-00000000-0000-4000-8000-000000000000";
    let change = PatchWebhook { name: Some("ci 2".to_string()), ..PatchWebhook::default() };
    let errors = [
        client.webhook(id).await.unwrap_err(),
        client.update_webhook(id, &change).await.unwrap_err(),
        client.rotate_webhook_secret(id, RotateSecret::default()).await.unwrap_err(),
        client.test_webhook(id).await.unwrap_err(),
        client.deliveries(id, None).try_collect::<Vec<_>>().await.unwrap_err(),
        client.delivery(id, delivery).await.unwrap_err(),
        client.redeliver(id, delivery).await.unwrap_err(),
        client.redeliver_since(id, RedeliverSince { since: Timestamp(0) }).await.unwrap_err(),
        client.delete_webhook(id).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code.as_deref(), Some("WEBHOOK_NOT_FOUND"), "{error}");
    }
}
