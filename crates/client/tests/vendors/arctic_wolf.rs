//! Arctic Wolf: Aurora's tokens and pages, the managed services.

use crate::fake::{Asked, Fake, empty, json, text};
use crate::quick;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::TryStreamExt;
use ring::hmac;
use scanyard_client::arctic_wolf::aurora::{self, Collection};
use scanyard_client::arctic_wolf::managed::{Client, Place};
use scanyard_client::{Hidden, Request, Settings, Stop};
use scanyard_contract::{Kind, Service};
use serde_json::{Value, json as value};
use std::time::Duration;
use uuid::Uuid;

fn aurora(fake: &Fake, settings: Settings) -> aurora::Client {
    let credential = aurora::Credential {
        tenant_id: Uuid::from_u128(1),
        application_id: Uuid::from_u128(2),
        application_secret: Hidden::new("application-secret"),
    };
    aurora::Client::at(&fake.url, credential, settings).unwrap()
}

fn managed(fake: &Fake) -> Client {
    Client::new(&Place::at(&fake.url), Hidden::new("personal-key"), quick()).unwrap()
}

#[tokio::test]
async fn auroras_token_is_asked_for_with_a_signed_proof_of_one_use() {
    let fake = Fake::start(|asked: &Asked, before: &[Asked]| match asked.path.as_str() {
        "/auth/v2/token" => json(200, value!({"access_token": format!("token-{}", before.len())})),
        _ if before.len() < 2 => empty(401),
        _ => json(200, value!({"page_number": 1, "total_pages": 1, "page_items": [{"id": 1}]})),
    })
    .await;
    let devices = aurora(&fake, quick()).list::<Value>(Collection::Devices, 200).unwrap();
    assert_eq!(devices.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    let proofs: Vec<String> = fake
        .asked()
        .iter()
        .filter(|asked| asked.path == "/auth/v2/token")
        .map(|asked| asked.json()["auth_token"].as_str().unwrap().to_string())
        .collect();
    assert_eq!(proofs.len(), 2);
    let claims = |proof: &str| -> Value {
        let (signed, tag) = proof.rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"application-secret");
        hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).unwrap()).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap()).unwrap()
    };
    let (first, second) = (claims(&proofs[0]), claims(&proofs[1]));
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!((&first["iss"], &first["tid"]), (&value!("http://cylance.com"), &value!(Uuid::from_u128(1))));
    assert_eq!(first["sub"], value!(Uuid::from_u128(2)));
    assert!(first["exp"].as_u64().unwrap() - first["iat"].as_u64().unwrap() <= 1800);
}

#[tokio::test]
async fn auroras_pages_are_asked_for_by_page_and_page_size() {
    let fake = Fake::start(|asked: &Asked, _: &[Asked]| match (asked.path.as_str(), asked.query.as_str()) {
        ("/auth/v2/token", _) => json(201, value!({"access_token": "t"})),
        (_, "page=1&page_size=2") => json(200, value!({"total_pages": 2, "page_items": [1, 2]})),
        (_, "page=2&page_size=2") => json(200, value!({"total_pages": 2, "page_items": [3]})),
        other => panic!("{other:?}"),
    })
    .await;
    let client = aurora(&fake, quick());
    let items: Vec<u64> = client.list::<u64>(Collection::Zones, 2).unwrap().try_collect().await.unwrap();
    assert_eq!(items, [1, 2, 3]);
    let error = client.list::<u64>(Collection::Zones, 201).err().unwrap();
    assert_eq!((error.kind, error.refused.as_ref().unwrap().name.as_str()), (Kind::UnexpectedValue, "page_size"));
}

#[tokio::test]
async fn a_429_without_a_wait_is_one_of_60_seconds() {
    let fake = Fake::start(|asked: &Asked, _: &[Asked]| match asked.path.as_str() {
        "/auth/v2/token" => json(200, value!({"access_token": "t"})),
        _ => text(429, "text/plain", "flood"),
    })
    .await;
    let mut settings = quick();
    settings.retrying.max_pause = Duration::from_secs(59);
    let error = aurora(&fake, settings).request(&Request::get("users/v2")).await.unwrap_err();
    assert_eq!((error.kind, error.stop, error.attempts), (Kind::RateLimited, Some(Stop::WaitTooLong), 1));
}

#[tokio::test]
async fn each_service_fails_in_its_own_shape_and_with_one_error() {
    let fake = Fake::start(|asked: &Asked, _: &[Asked]| match asked.path.as_str() {
        "/api/v1/organizations" => empty(403),
        path if path.contains("/tickets/") => {
            json(404, value!({"code": "not_found", "description": "Ticket with ID 7 was not found."}))
        }
        path if path.contains("/data-sources") => {
            json(400, value!({"error": "Missing required parameter: start_time"}))
        }
        path if path.ends_with("/reports") => json(409, value!({"code": "conflict", "description": "in progress"})),
        other => panic!("{other}"),
    })
    .await;
    let client = managed(&fake);
    let error = client.organizations().await.unwrap_err();
    assert_eq!((error.kind, error.service, error.body.clone()), (Kind::Permission, Some(Service::Organizations), None));
    let error = client.ticket(Uuid::nil(), 7).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (Kind::NotFound, Some("not_found")));
    assert_eq!(error.message, "Ticket with ID 7 was not found.");
    let error = client.execute_query("cid", "ds", "q1", &value!({}), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::BadRequest, "Missing required parameter: start_time"));
    let error = client.create_report(Uuid::nil(), &value!({})).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (Kind::Conflict, 1));
    assert!(fake.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer personal-key")));
    assert_eq!(client.data_sources("../x").await.unwrap_err().kind, Kind::UnexpectedValue);
}

#[tokio::test]
async fn tickets_are_all_of_their_pages() {
    let fake = Fake::start(|asked: &Asked, _: &[Asked]| {
        let first: Vec<u64> = (0..100).collect();
        match asked.query.as_str() {
            "status=OPEN&offset=0&limit=100" => {
                json(200, value!({"tickets": first, "meta": {"offset": 0, "limit": 100, "total": 101}}))
            }
            "status=OPEN&offset=100&limit=100" => {
                json(200, value!({"tickets": [100], "meta": {"offset": 100, "limit": 100, "total": 101}}))
            }
            other => panic!("{other}"),
        }
    })
    .await;
    let tickets: Vec<Value> = managed(&fake).tickets(Uuid::nil(), &[("status", "OPEN")]).try_collect().await.unwrap();
    assert_eq!(tickets.len(), 101);
}

#[tokio::test]
async fn tickets_beyond_the_furthest_offset_are_refused_here() {
    let many: Vec<u64> = (0..100_001).collect();
    let fake =
        Fake::start(move |_: &Asked, _: &[Asked]| json(200, value!({"tickets": many, "meta": {"total": 100_002}})))
            .await;
    let error = managed(&fake).tickets(Uuid::nil(), &[]).try_collect::<Vec<_>>().await.unwrap_err();
    let refused = error.refused.clone().unwrap();
    assert_eq!((refused.name.as_str(), refused.value.as_str(), fake.asked().len()), ("offset", "100001", 1));
    assert!(refused.allowed.starts_with("0 to 100000"), "{error}");
}

#[tokio::test]
async fn pods_are_those_that_there_are() {
    assert_eq!(Place::pod("eu001").unwrap().ticket, "https://ticket-api.managedgw.eu001-prod.arcticwolf.net");
    assert_eq!(Place::pod("xx001"), None);
}
