//! Every client against a server that echoes all that it was sent: nothing secret comes back in an error, in `Debug` or in the log.

use crate::fake::{Asked, Fake, Reply, json};
use crate::quick;
use http::HeaderMap;
use scanyard_client::arctic_wolf::{self, aurora, managed};
use scanyard_client::zscaler::{self, Api, Place};
use scanyard_client::{Error, Hidden, Request, Settings, scan_api, tenable};
use scanyard_contract::{Context, Contract, Retry, Service};
use serde_json::json as value;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use uuid::Uuid;

/// Every secret that a client of this file holds, and every token that it is given.
const SECRETS: [&str; 8] = [
    "access-opensesame",
    "secret-opensesame",
    "password-opensesame",
    "cix_sk_opensesame",
    "token-opensesame",
    "sid-opensesame",
    // What ZIA makes of its key and the time is as good as the key.
    "key-opensesame",
    // In the body of a request that is not wrapped.
    "body-opensesame",
];

/// Without the limits of the vendors, which only take time here.
fn settings() -> Settings {
    Settings { keep_limits: false, ..quick() }
}

/// Keeps all that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for &Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Logs everybody in, and fails each call with all that it was sent.
fn echo(asked: &Asked, _: &[Asked]) -> Reply {
    match asked.path.as_str() {
        "/oauth2/v1/token" | "/signin" | "/auth/v2/token" => {
            json(200, value!({"access_token": "token-opensesame", "expires_in": 3600}))
        }
        "/papi/auth/v1/login" => json(200, value!({"jwtToken": "token-opensesame"})),
        "/session" => json(200, value!({"token": "token-opensesame"})).with("set-cookie", "sid=sid-opensesame; Path=/"),
        "/api/v1/authenticatedSession" | "/api/v1/auth" => {
            json(200, value!({"authType": "ADMIN_LOGIN"})).with("set-cookie", "JSESSIONID=sid-opensesame; Path=/;")
        }
        _ => {
            let sent: Vec<String> = asked.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let text = format!("{} {}", sent.join("; "), asked.body);
            json(500, value!({"error": text.clone(), "message": text}))
                .with("set-cookie", "sid=sid-opensesame")
                .with("retry-after", "0")
        }
    }
}

/// What a call shows to whoever looks: its client, its error in every form.
fn shown(client: &impl Debug, outcome: Result<impl Debug, Error>) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.status, Some(500), "{error}");
    format!("{client:?} {error:?} {error} {}", serde_json::to_string(&error).unwrap())
}

fn of_tenable(fake: &Fake) -> [tenable::Client; 2] {
    let password = Hidden::new("password-opensesame");
    [
        tenable::Credential::Keys {
            access: Hidden::new("access-opensesame"),
            secret: Hidden::new("secret-opensesame"),
        },
        tenable::Credential::Password { username: "ada".to_string(), password },
    ]
    .map(|credential| tenable::Client::at(&fake.url, credential, settings()).unwrap())
}

fn of_zscaler(fake: &Fake) -> Vec<Api> {
    let (secret, password, key) =
        (|| Hidden::new("secret-opensesame"), || Hidden::new("password-opensesame"), || Hidden::new("key-opensesame"));
    let place = Place { gateway: fake.url.clone(), login: fake.url.clone() };
    let credential = zscaler::Credential::Secret { client_id: "id".to_string(), client_secret: secret() };
    let oneapi = zscaler::Client::new(&place, credential, settings()).unwrap();
    vec![
        oneapi.zia(),
        oneapi.zpa(),
        oneapi.zidentity(),
        Api::legacy_zia(&fake.url, "ada", password(), key(), settings()).unwrap(),
        Api::legacy_cbc(&fake.url, "ada", password(), key(), settings()).unwrap(),
        Api::legacy_zpa(&fake.url, "id", secret(), settings()).unwrap(),
        Api::legacy_zcc(&fake.url, key(), secret(), settings()).unwrap(),
    ]
}

#[tokio::test]
async fn nothing_secret_is_in_the_errors_the_debug_output_and_the_log_of_any_client() {
    let log = Log::default();
    // For all threads: one that logs first, with nobody to listen, would close its place in the code for this one as well.
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let fake = Fake::start(echo).await;
    let mut all = String::new();
    for client in of_tenable(&fake) {
        all.push_str(&shown(&client, client.users().await));
        let (old, new) = (Hidden::new("password-opensesame"), Hidden::new("secret-opensesame"));
        all.push_str(&shown(&client, client.change_password(1, &old, &new).await));
        let body = value!({"password": "body-opensesame", "settings": [{"linking_key": "body-opensesame"}]});
        all.push_str(&shown(&client, client.request(&Request::put("users/1/chpasswd").json(&body)).await));
        let form = Request::put("users/1/chpasswd").form(&[("newPassword", "body-opensesame")]);
        all.push_str(&shown(&client, client.request(&form).await));
    }
    for api in of_zscaler(&fake) {
        all.push_str(&shown(&api, api.request(&Request::get("locations")).await));
    }
    let application_secret = Hidden::new("secret-opensesame");
    let credential = aurora::Credential { tenant_id: Uuid::nil(), application_id: Uuid::nil(), application_secret };
    let aurora = aurora::Client::at(&fake.url, credential, settings()).unwrap();
    all.push_str(&shown(&aurora, aurora.request(&Request::get("users/v2")).await));
    let key = Hidden::new("secret-opensesame");
    let managed = arctic_wolf::Client::new(&managed::Place::at(&fake.url), key, settings()).unwrap();
    all.push_str(&shown(
        &managed,
        managed.request(Service::Organizations, &Request::get("api/v1/organizations")).await,
    ));
    let key = scan_api::Credential::Key(Hidden::new("cix_sk_opensesame"));
    let ours = scan_api::Client::with(&fake.url, key, settings()).unwrap();
    all.push_str(&shown(&ours, ours.engines().await));

    let sent: String = fake.asked().iter().map(|asked| format!("{:?}{}", asked.headers, asked.body)).collect();
    let logged = log.0.lock().unwrap().clone();
    assert!(logged.contains("trying again"), "the log was not seen: {logged}");
    for secret in SECRETS {
        assert!(secret == "key-opensesame" || sent.contains(secret), "{secret} was never sent");
        assert!(!all.contains(secret), "{secret} is shown: {all}");
        assert!(!logged.contains(secret), "{secret} is logged: {logged}");
    }
}

#[test]
fn an_error_of_another_clients_answer_holds_none_of_the_secrets_that_were_sent() {
    let secret = "a-key-that-was-sent";
    let headers = HeaderMap::from_iter([
        ("x-request-uuid".parse().unwrap(), secret.parse().unwrap()),
        ("x-echo".parse().unwrap(), secret.parse().unwrap()),
    ]);
    let body = format!(
        r#"{{"code": "{secret}", "active_job_id": "{secret}", "message": "no {secret}", "errors": [{{"message": "{secret}"}}]}}"#
    );
    let url = format!("https://a.example.test/{secret}").parse().unwrap();
    let context = Context::of(Contract::Tenable, None);
    let sent = [Hidden::new(secret)];
    let error = Error::of_answer(&context, &url, 409, &headers, body.as_bytes(), SystemTime::now(), &sent);
    let shown = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
    assert!(!shown.contains(secret) && shown.contains("[secret]"), "{shown}");
    assert_eq!((error.retry, error.parameters.len(), error.details.len()), (Retry::Never, 1, 1));
}
