//! What holds for every vendor: retries, waits, errors, secrets.

use crate::fake::{Asked, Fake, Reply, empty, json, text};
use crate::quick;
use scanyard_client::tenable::{Client, Credential};
use scanyard_client::{Hidden, OnRetry, Request, Retrying, Settings, Stop};
use scanyard_contract::Kind;
use serde_json::{Value, json as value};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ACCESS: &str = "a0a1a2a3a4a5a6a7a8a9";
const SECRET: &str = "b0b1b2b3b4b5b6b7b8b9";

fn client(fake: &Fake, settings: Settings) -> Client {
    let credential = Credential::Keys { access: Hidden::new(ACCESS), secret: Hidden::new(SECRET) };
    Client::at(&fake.url, credential, settings).unwrap()
}

/// Answers with the script's replies in turn, and with the last one for ever.
async fn scripted(script: Vec<Reply>) -> Fake {
    Fake::start(move |_, before: &[Asked]| script[before.len().min(script.len() - 1)].clone()).await
}

fn ok() -> Reply {
    json(200, value!({"users": []}))
}

#[tokio::test]
async fn a_stated_wait_is_never_cut_short_and_the_keys_are_in_one_header() {
    let fake = scripted(vec![json(429, value!({"error": "slow down"})).with("retry-after", "1"), ok()]).await;
    client(&fake, quick()).users().await.unwrap();
    let asked = fake.asked();
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(1));
    let keys = format!("accessKey={ACCESS}; secretKey={SECRET};");
    assert_eq!(asked[0].header("x-apikeys"), Some(keys.as_str()));
}

#[tokio::test]
async fn a_post_is_not_sent_again_after_a_500_unless_the_caller_says_so() {
    let fake = scripted(vec![json(500, value!({"error": "oops"})), json(200, value!({}))]).await;
    let post = Request::post("tags/values").json(&value!({"value": "x"}));
    let error = client(&fake, quick()).request(&post).await.unwrap_err();
    assert_eq!((error.kind, error.attempts, error.stop), (Kind::Server, 1, Some(Stop::NotIdempotent)));
    assert!(error.to_string().ends_with("(not sent again: the request may have taken effect)"), "{error}");

    let fake = scripted(vec![json(500, value!({"error": "oops"})), json(200, value!({}))]).await;
    assert_eq!(client(&fake, quick()).request(&post.clone().idempotent()).await.unwrap().attempts, 2);

    let fake = scripted(vec![json(429, value!({"error": "x"})).with("retry-after", "0"), json(200, value!({}))]).await;
    assert_eq!(client(&fake, quick()).request(&post).await.unwrap().attempts, 2);
}

#[tokio::test]
async fn the_last_answer_is_kept_and_nothing_is_slept_after_it() {
    let fail = json(503, value!({"statusCode": 503, "error": "Service Unavailable", "message": "not ready"}));
    let fake = scripted(vec![fail.with("x-request-uuid", "0123456789abcdef0123456789abcdef")]).await;
    let error = client(&fake, quick()).users().await.unwrap_err();
    assert_eq!((error.kind, error.cause_kind), (Kind::RetriesExhausted, Kind::Unavailable));
    assert_eq!((error.attempts, error.status, error.stop), (5, Some(503), Some(Stop::Attempts)));
    assert_eq!(error.request_id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
    assert!(error.message.contains("not ready") && error.body.as_ref().unwrap().contains("not ready"));
    assert_eq!(fake.asked().len(), 5);
}

#[tokio::test]
async fn a_wait_above_the_cap_is_an_error_at_once() {
    let fake = scripted(vec![json(429, value!({"error": "x"})).with("retry-after", "593")]).await;
    let error = client(&fake, quick()).users().await.unwrap_err();
    assert_eq!((error.kind, error.stop, error.wait_ms), (Kind::RateLimited, Some(Stop::WaitTooLong), Some(593_000)));
    assert!(error.to_string().contains("the wait of 593 s is too long"), "{error}");
}

#[tokio::test]
async fn not_implemented_is_never_tried_again() {
    let fake = scripted(vec![empty(501)]).await;
    let error = client(&fake, quick()).users().await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (Kind::NotImplemented, 1));
}

#[tokio::test]
async fn a_server_that_hangs_is_a_timeout_and_the_deadline_holds() {
    let fake = scripted(vec![ok().after(10_000)]).await;
    let retrying = Retrying { attempts: 2, ..quick().retrying };
    let settings = Settings { attempt_timeout: Duration::from_millis(50), retrying, ..quick() };
    let error = client(&fake, settings).users().await.unwrap_err();
    assert_eq!((error.cause_kind, error.attempts), (Kind::Timeout, 2));

    let fake = scripted(vec![ok().after(10_000)]).await;
    let retrying = Retrying { deadline: Duration::from_millis(80), ..quick().retrying };
    let settings = Settings { attempt_timeout: Duration::from_secs(60), retrying, ..quick() };
    let error = client(&fake, settings).users().await.unwrap_err();
    assert_eq!((error.kind, error.stop), (Kind::Timeout, Some(Stop::Deadline)));
}

#[tokio::test]
async fn a_stranger_is_a_connection_error_until_the_application_has_answered() {
    let page = || text(200, "text/html", "<html>It works!</html>");
    let fake = scripted(vec![page()]).await;
    let error = client(&fake, quick()).users().await.unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Connection, Some(200)));

    let fake = scripted(vec![text(404, "text/html", "<html>nginx</html>")]).await;
    assert_eq!(client(&fake, quick()).users().await.unwrap_err().kind, Kind::Connection);

    let fake = scripted(vec![ok(), page(), text(404, "text/html", "<html>nginx</html>")]).await;
    let client = client(&fake, quick());
    client.users().await.unwrap();
    assert_eq!(client.users().await.unwrap_err().kind, Kind::Decode);
    assert_eq!(client.users().await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn nothing_secret_is_in_any_error_or_debug_output() {
    let echo =
        json(400, value!({"error": format!("bad keys accessKey={ACCESS}; secretKey={SECRET};"), "token": "tok-1"}));
    let fake = scripted(vec![echo.with("set-cookie", "sid=cookie-1")]).await;
    let client = client(&fake, quick());
    let error =
        client.change_password(1, &Hidden::new("old-password"), &Hidden::new("new-password")).await.unwrap_err();
    let shown = format!("{client:?} {error:?} {error} {}", serde_json::to_string(&error).unwrap());
    for secret in [ACCESS, SECRET, "tok-1", "cookie-1", "old-password", "new-password"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    let json: Value = serde_json::to_value(&error).unwrap();
    assert_eq!((&json["contract"], &json["headers"]["set-cookie"]), (&value!("tenable"), &value!("[secret]")));
}

#[tokio::test]
async fn whoever_asks_is_told_of_every_repeat() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = told.clone();
    let on_retry =
        OnRetry(Arc::new(move |repeat| teller.lock().unwrap().push((repeat.sent, repeat.status, repeat.kind))));
    let fake = scripted(vec![empty(502), empty(504), ok()]).await;
    client(&fake, Settings { on_retry: Some(on_retry), ..quick() }).users().await.unwrap();
    let expected = [(1, Some(502), Kind::Unavailable), (2, Some(504), Kind::Timeout)];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn no_path_leads_out_of_the_base() {
    let fake = scripted(vec![ok()]).await;
    let credential = Credential::Keys { access: Hidden::new(ACCESS), secret: Hidden::new(SECRET) };
    let client = Client::at(&format!("{}/inner/api", fake.url), credential, quick()).unwrap();
    for path in ["../x", "a/../../x", "%2e%2e/x", "..%2f../../x"] {
        match client.request(&Request::get(path)).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind, Kind::UnexpectedValue, "{path}"),
        }
    }
    assert!(fake.asked().iter().all(|asked| asked.path.starts_with("/inner/api/")), "{:?}", fake.lines());
}
