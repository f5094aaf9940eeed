//! Whom the server does not call, whatever a caller of the API asks for.

use crate::harness::Test;
use crate::hooked::{ALL, Hooked};
use crate::receiver::{Receiver, trust};
use scanyard_contract::ScanStatus;
use scanyard_engines::resolve::Resolver;
use scanyard_server::config::Allow;
use scanyard_server::webhook::guard::{Guard, Refusal, parse_url};
use serde_json::json;

#[tokio::test]
async fn without_the_operators_word_no_inner_address_is_called() {
    let receiver = Receiver::new().await;
    let t = Test::with(|config| {
        trust(config);
        config.webhooks.allow = Vec::new();
    });
    let t = t.await;
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "loopback.example.test", "metadata.example.test"] {
        let url = format!("https://{host}:{}/", receiver.port);
        let refused = t.key(ALL).post("/webhooks", json!({"name": "a", "url": url})).await;
        refused.is(400, "WEBHOOK_URL_UNREACHABLE");
        let detail = &refused.details()[0];
        assert!(detail.ends_with("it is not public") && !detail.contains("169.254"), "{host}: {detail}");
    }
    assert_eq!(t.rows("webhook").await, 0);
}

#[tokio::test]
async fn a_host_that_the_operator_names_is_called_at_its_private_address() {
    let h = Hooked::with(|config| config.webhooks.allow = vec![Allow::Host("loopback.example.test".into())]).await;
    let port = h.receiver.port;
    let webhook = h.webhook_at(&format!("https://Loopback.Example.Test:{port}/x"), "scan.completed").await;
    assert_eq!(h.post(&webhook, "test", json!({})).await.ok(200).data()["status"], "delivered");
    let literal = json!({"name": "a", "url": format!("https://127.0.0.1:{port}/")});
    h.caller().post("/webhooks", literal).await.is(400, "WEBHOOK_URL_UNREACHABLE");
}

#[tokio::test]
async fn metadata_services_are_refused_whatever_the_operator_allows() {
    let h = Hooked::with(|config| {
        config.webhooks.allow =
            vec![Allow::Net("0.0.0.0/0".parse().unwrap()), Allow::Host("metadata.example.test".into())];
    });
    let h = h.await;
    for host in ["169.254.169.254", "metadata.example.test", "[fe80::1]", "[fd00:ec2::254]"] {
        let body = json!({"name": "a", "url": format!("https://{host}/")});
        let refused = h.caller().post("/webhooks", body).await;
        assert!(refused.is(400, "WEBHOOK_URL_UNREACHABLE").details()[0].ends_with("it is not public"), "{host}");
    }
}

#[tokio::test]
async fn a_name_is_checked_again_at_each_connection() {
    let h = Hooked::with(|config| config.webhooks.allow = vec![Allow::Host("loopback.example.test".into())]).await;
    let url = format!("https://loopback.example.test:{}/x", h.receiver.port);
    let webhook = h.webhook_at(&url, "scan.completed").await;
    // As if the name had got another address since.
    h.t.sql("UPDATE webhook SET url = 'https://metadata.example.test/latest'").await;
    h.scan(ScanStatus::Completed).await;
    assert_eq!(h.tick().await, 1);
    let delivery = h.deliveries(&webhook).await.remove(0);
    let attempt = h.delivery(&webhook, &delivery).await["attempts"][0].clone();
    let expected = "metadata.example.test resolves to an address that this server does not call: it is not public";
    assert_eq!((attempt["error"].as_str().unwrap(), attempt.get("statusCode")), (expected, None));
    assert!(h.receiver.calls().is_empty());

    h.t.sql("UPDATE webhook SET url = 'https://169.254.169.254/latest'").await;
    h.t.pass(6_000);
    assert_eq!(h.tick().await, 1);
    let attempt = h.delivery(&webhook, &delivery).await["attempts"][1].clone();
    assert!(attempt["error"].as_str().unwrap().ends_with("it is not public"), "{attempt}");
}

#[tokio::test]
async fn one_refused_address_refuses_the_name() {
    let dns = crate::dns::serve().await;
    let guard = Guard::new(Resolver::new(&[dns]).unwrap(), &[]);
    let url = |host: &str| parse_url(&format!("https://{host}/")).unwrap();
    assert_eq!(guard.addresses(&url("public.example.test")).await.unwrap(), ["93.184.215.14:443".parse().unwrap()]);
    let mixed = guard.addresses(&url("mixed.example.test")).await;
    assert_eq!(mixed, Err(Refusal::Name("mixed.example.test".into())));
    let nowhere = guard.addresses(&url("nowhere.example.test.")).await;
    assert_eq!(nowhere, Err(Refusal::NotFound("nowhere.example.test".into())));
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_read_stops_the_start() {
    let database = crate::support::TestDatabase::new().await;
    for (text, reason) in [(None, "reading"), (Some("not a certificate"), "holds no certificate")] {
        let path = database.dir.path().join("ca.pem");
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let mut config = scanyard_server::config::Config { data_dir: database.dir.path().into(), ..Default::default() };
        config.webhooks.ca_file = Some(path);
        let opened = scanyard_server::App::open(config, database.options.clock.clone(), Default::default()).await;
        let error = format!("{:#}", opened.err().unwrap());
        assert!(error.contains("webhooks.ca_file: ") && error.contains(reason), "{error}");
    }
}
