//! Zscaler: tokens, sessions, limits, locks, pages.

use crate::fake::{Asked, Fake, Reply, empty, json, text};
use crate::quick;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::TryStreamExt;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use scanyard_client::zscaler::{Api, Client, Credential, Place, zpa_path};
use scanyard_client::{Hidden, Request, Retrying, Settings, SetupError, Stop};
use scanyard_contract::{Kind, Service};
use serde_json::{Value, json as value};
use std::time::Duration;

const KEY: &str = include_str!("../samples/zscaler/private-key.pem");

fn at(fake: &Fake) -> Place {
    Place { gateway: fake.url.clone(), login: fake.url.clone() }
}

fn client(fake: &Fake, settings: Settings) -> Client {
    let credential =
        Credential::Secret { client_id: "client-1".to_string(), client_secret: Hidden::new("s3cret/+value") };
    Client::new(&at(fake), credential, settings).unwrap()
}

/// Gives tokens `t1`, `t2`, … and lets `answer` answer everything else.
fn granting(answer: impl Fn(&Asked, &[Asked]) -> Reply) -> impl Fn(&Asked, &[Asked]) -> Reply {
    move |asked, before| match asked.line().as_str() {
        "POST /oauth2/v1/token" => {
            let number = before.iter().filter(|asked| asked.path == "/oauth2/v1/token").count() + 1;
            json(200, value!({"access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": 3600}))
        }
        _ => answer(asked, before),
    }
}

fn times(asked: &Asked, before: &[Asked]) -> usize {
    before.iter().filter(|earlier| earlier.line() == asked.line()).count()
}

#[tokio::test]
async fn a_token_is_got_by_secret_once_and_renewed_once_after_a_401() {
    let fake = Fake::start(granting(|asked, _| match asked.header("authorization") {
        Some("Bearer token-2") => json(200, value!([])),
        _ => json(401, value!({"detail": "unauthorized", "type": "", "title": "", "status": ""})),
    }))
    .await;
    let client = client(&fake, quick());
    client.zia().fetch::<Value>(Request::get("urlCategories")).await.unwrap();
    client.zpa().fetch::<Value>(Request::get(zpa_path(1, "7", "segmentGroup"))).await.unwrap();
    let lines = [
        "POST /oauth2/v1/token",
        "GET /zia/api/v1/urlCategories",
        "POST /oauth2/v1/token",
        "GET /zia/api/v1/urlCategories",
        "GET /zpa/mgmtconfig/v1/admin/customers/7/segmentGroup",
    ];
    assert_eq!(fake.lines(), lines);
    let form = "grant_type=client_credentials&client_id=client-1&audience=https%3A%2F%2Fapi.zscaler.com&client_secret=s3cret%2F%2Bvalue";
    assert_eq!(fake.asked()[0].body, form);
}

#[tokio::test]
async fn a_401_that_no_token_cures_is_not_tried_again() {
    let fake = Fake::start(granting(|_, _| {
        let reason = "Feature flag ui.waf disabled for customer 123456789012345678";
        json(401, value!({"params": ["ui.waf"], "id": "authz.featureflag.permission.denied", "reason": reason}))
    }))
    .await;
    let error = client(&fake, quick()).zpa().request(&Request::get("x")).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("authz.featureflag.permission.denied"));
    assert_eq!((error.parameters.first().map(String::as_str), error.attempts), (Some("ui.waf"), 1), "{error}");
    assert_eq!(fake.count("POST /oauth2/v1/token"), 1);
}

#[tokio::test]
async fn a_refused_login_is_the_error_of_the_call_and_shows_no_secret() {
    let refuse = |_: &Asked, _: &[Asked]| {
        json(401, value!({"error": "invalid_client", "error_description": "s3cret/+value is wrong"}))
    };
    let fake = Fake::start(refuse).await;
    let error = client(&fake, quick()).zia().request(&Request::get("x")).await.unwrap_err();
    assert_eq!((error.status, error.service, error.attempts), (Some(401), Some(Service::Common), 1));
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("invalid_client") && !shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_token_that_is_none_is_an_error_and_its_answer_is_not_kept() {
    let odd = |_: &Asked, _: &[Asked]| json(200, value!({"accessToken": "hidden-in-a-strange-place"}));
    let fake = Fake::start(odd).await;
    let error = client(&fake, quick()).zia().request(&Request::get("x")).await.unwrap_err();
    assert_eq!((error.kind, error.body.clone()), (Kind::Decode, None));
}

#[tokio::test]
async fn a_private_key_signs_an_assertion_that_the_public_key_takes() {
    let fake = Fake::start(granting(|_, _| json(200, value!([])))).await;
    let credential = Credential::PrivateKey { client_id: "client-1".to_string(), private_key: Hidden::new(KEY) };
    let client = Client::new(&at(&fake), credential, quick()).unwrap();
    client.zia().request(&Request::get("x")).await.unwrap();
    let body = &fake.asked()[0].body;
    assert!(body.contains("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"));
    let token = body.split("client_assertion=").nth(1).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let key = RsaKeyPair::from_pkcs8(PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap().secret_pkcs8_der());
    let public = key.unwrap().public().as_ref().to_vec();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(signed.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&value!("client-1"), &value!("client-1")));
    assert_eq!(claims["aud"], "https://api.zscaler.com");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);

    let credential = Credential::PrivateKey { client_id: "c".to_string(), private_key: Hidden::new("no key") };
    assert!(matches!(Client::new(&at(&fake), credential, quick()), Err(SetupError::UnusablePrivateKey)));
}

#[tokio::test]
async fn an_edit_lock_is_waited_for_and_a_maintenance_is_not() {
    let fake = Fake::start(granting(|asked, before| match times(asked, before) {
        0 => json(409, value!({"code": "EDIT_LOCK_NOT_AVAILABLE"})),
        1 => json(412, value!({"code": "UNEXPECTED_ERROR", "message": "Failed during enter Org barrier"})),
        _ => json(200, value!({"status": "ACTIVE"})),
    }))
    .await;
    let settings = Settings { keep_limits: false, ..quick() };
    let answer = client(&fake, settings).zia().activate().await.unwrap();
    assert_eq!(answer["status"], "ACTIVE");
    assert_eq!(fake.count("POST /zia/api/v1/status/activate"), 3);

    let fake = Fake::start(granting(|_, _| {
        let message = "The API service is undergoing a scheduled upgrade and is in read-only mode.";
        json(403, value!({"code": "STATE_READONLY", "message": message})).with("x-zscaler-mode", "read-only")
    }))
    .await;
    let rule = Request::post("firewallFilteringRules").json(&value!({}));
    let error = client(&fake, quick()).zia().request(&rule).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (Kind::Maintenance, 1));
    assert_eq!(error.headers["x-zscaler-mode"], "read-only");
}

#[tokio::test]
async fn a_wait_with_a_unit_is_kept_in_header_and_body() {
    let fake = Fake::start(granting(|asked, before| match times(asked, before) {
        0 => json(429, value!({"id": "invalid.toomanyrequests", "reason": "x"})).with("retry-after", "1s"),
        _ => json(200, value!([])),
    }))
    .await;
    client(&fake, quick()).zpa().request(&Request::get("x")).await.unwrap();
    let asked = fake.asked();
    assert!(asked[2].at - asked[1].at >= Duration::from_secs(1));

    let fake = Fake::start(granting(|asked, before| match times(asked, before) {
        0 => json(429, value!({"message": "Rate Limit (1/SECOND) exceeded", "Retry-After": "0 seconds"})),
        _ => json(200, value!([])),
    }))
    .await;
    client(&fake, quick()).cbc().request(&Request::get("x")).await.unwrap();
}

#[tokio::test]
async fn the_21st_read_of_zpa_is_held_back_across_clones_before_zscaler_has_to() {
    let fake = Fake::start(granting(|_, _| json(200, value!([])))).await;
    let retrying = Retrying { max_pause: Duration::from_secs(5), ..quick().retrying };
    let client = client(&fake, Settings { retrying, ..quick() });
    for _ in 0..20 {
        client.clone().zpa().request(&Request::get("x")).await.unwrap();
    }
    let error = client.zpa().request(&Request::get("x")).await.unwrap_err();
    assert_eq!((error.kind, error.stop, error.attempts), (Kind::RateLimited, Some(Stop::WaitTooLong), 0));
    assert!(error.wait_ms.unwrap() > 5_000);
    client.zpa().request(&Request::put("x").json(&value!({}))).await.unwrap();
    assert_eq!(fake.count("GET /zpa/x"), 20);
}

#[tokio::test]
async fn writes_of_one_policy_set_go_one_at_a_time_across_clones() {
    let fake = Fake::start(granting(|_, _| json(200, value!({})).after(30))).await;
    let client = client(&fake, quick());
    let writes = (0..4).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let path = zpa_path(1, "7", &format!("policySet/12/rule/{number}"));
            client.zpa().request(&Request::put(path).json(&value!({}))).await.unwrap();
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }
    let mut at: Vec<_> = fake.asked().iter().filter(|asked| asked.method == "PUT").map(|asked| asked.at).collect();
    at.sort();
    assert_eq!(at.len(), 4);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(30)), "two writes overlapped");
}

#[tokio::test]
async fn every_services_pages_are_all_read_and_a_failed_second_page_is_an_error() {
    let fake = Fake::start(granting(|asked, _| {
        let second = asked.query.contains("page=2") || asked.query.contains("offset=2");
        match (asked.path.as_str(), second) {
            ("/zia/api/v1/list", false) => json(200, value!([1, 2])),
            ("/zia/api/v1/list", true) => json(200, value!([3])),
            ("/zpa/list", false) => json(200, value!({"totalPages": "2", "totalCount": "3", "list": [1, 2]})),
            ("/zpa/list", true) => json(200, value!({"totalPages": "2", "totalCount": "3", "list": [3]})),
            ("/ziam/admin/api/v1/list", false) => json(200, value!({"results_total": 3, "records": [1, 2]})),
            ("/ziam/admin/api/v1/list", true) => json(200, value!({"results_total": 3, "records": [3]})),
            ("/zcc/papi/public/list", false) => json(200, value!([1, 2])),
            (_, true) => json(403, value!({"title": "x", "errorCode": null, "errorMessage": "no"})),
            (other, false) => panic!("{other}"),
        }
    }))
    .await;
    let client = client(&fake, quick());
    for (api, size) in [(client.zia(), 2), (client.zpa(), 2), (client.zidentity(), 100)] {
        // A caller's own place and size are not the pager's.
        let request = Request::get("list").with("PAGE", 7).with("pagesize", 7).with("offset", 7).with("name", 7);
        let items: Vec<u64> = api.list::<u64>(request, size).unwrap().try_collect().await.unwrap();
        assert_eq!(items, [1, 2, 3], "{}", api.service());
        let last = fake.asked().last().unwrap().query.clone();
        assert_eq!(last.matches("=7").count(), if size == 2 { 2 } else { 3 }, "{last}");
    }
    let mut items = client.zcc().list::<u64>(Request::get("list"), 2).unwrap();
    assert_eq!((items.try_next().await.unwrap(), items.try_next().await.unwrap()), (Some(1), Some(2)));
    assert_eq!(items.try_next().await.unwrap_err().kind, Kind::Permission);
    let error = client.zpa().list::<u64>(Request::get("list"), 501).err().unwrap();
    assert_eq!(error.refused.as_ref().unwrap().allowed, "1 to 500");
    for size in [99, 1001] {
        let error = client.zidentity().list::<u64>(Request::get("list"), size).err().unwrap();
        let refused = error.refused.clone().unwrap();
        assert_eq!((refused.name.as_str(), refused.allowed.as_str()), ("limit", "100 to 1000"));
    }
}

#[tokio::test]
async fn a_list_whose_pages_are_all_the_same_ends() {
    let fake = Fake::start(granting(|_, _| json(200, value!([1, 2])))).await;
    let items: Vec<u64> =
        client(&fake, quick()).zia().list::<u64>(Request::get("list"), 2).unwrap().try_collect().await.unwrap();
    assert_eq!((items, fake.count("GET /zia/api/v1/list")), (vec![1, 2], 2));
}

#[tokio::test]
async fn an_html_success_is_an_error_and_never_an_empty_list() {
    let fake = Fake::start(granting(|_, _| text(200, "text/html", "<html>login</html>"))).await;
    let items = client(&fake, quick()).zia().list::<Value>(Request::get("list"), 100).unwrap();
    let error = items.try_collect::<Vec<_>>().await.unwrap_err();
    // The token's answer was the expected application's.
    assert_eq!((error.kind, error.status), (Kind::Decode, Some(200)));
}

#[tokio::test]
async fn a_legacy_session_is_obfuscated_kept_and_opened_anew_once() {
    let fake = Fake::start(|asked: &Asked, before: &[Asked]| match asked.line().as_str() {
        "POST /api/v1/authenticatedSession" => {
            let number = times(asked, before) + 1;
            json(200, value!({"authType": "ADMIN_LOGIN"})).with("set-cookie", &format!("JSESSIONID=j{number}; Path=/"))
        }
        _ if asked.header("cookie") == Some("JSESSIONID=j1") && before.len() > 2 => {
            json(401, value!({"code": "SESSION_NOT_VALID", "message": "Session is not valid"}))
        }
        _ => json(200, value!([])),
    })
    .await;
    let (password, key) = (Hidden::new("pass word"), Hidden::new("abcdefghijklmnop"));
    let zia = Api::legacy_zia(&fake.url, "admin@example.test", password, key, quick()).unwrap();
    for _ in 0..3 {
        zia.request(&Request::get("urlCategories")).await.unwrap();
    }
    assert_eq!((fake.count("POST /api/v1/authenticatedSession"), fake.count("GET /api/v1/urlCategories")), (2, 4));
    let login = fake.asked()[0].json();
    assert_eq!(
        (login["username"].as_str(), login["password"].as_str()),
        (Some("admin@example.test"), Some("pass word"))
    );
    let sent = login["apiKey"].as_str().unwrap();
    assert!(sent.len() == 12 && !"abcdefghijklmnop".contains(sent), "{sent}");
    assert_eq!(login["timestamp"].as_str().unwrap().len(), 13);
}

#[tokio::test]
async fn the_other_legacy_logins_are_as_their_services_want_them() {
    let fake = Fake::start(|asked: &Asked, _: &[Asked]| match asked.line().as_str() {
        "POST /api/v1/auth" => empty(200).with("set-cookie", "JSESSIONID=c1;"),
        "POST /signin" => json(200, value!({"access_token": "zpa-token", "expires_in": "3600"})),
        "POST /papi/auth/v1/login" => json(200, value!({"jwtToken": "zcc-token"})),
        _ => json(200, value!([])),
    })
    .await;
    let secret = || Hidden::new("abcdefghijklmnop");
    Api::legacy_cbc(&fake.url, "admin", secret(), secret(), quick())
        .unwrap()
        .request(&Request::get("x"))
        .await
        .unwrap();
    Api::legacy_zpa(&fake.url, "id", secret(), quick()).unwrap().request(&Request::get("x")).await.unwrap();
    Api::legacy_zcc(&fake.url, secret(), secret(), quick()).unwrap().request(&Request::get("x")).await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked[1].header("cookie"), Some("JSESSIONID=c1"));
    assert_eq!(
        (asked[2].body.as_str(), asked[3].header("authorization")),
        ("client_id=id&client_secret=abcdefghijklmnop", Some("Bearer zpa-token"))
    );
    assert_eq!((asked[5].path.as_str(), asked[5].header("auth-token")), ("/papi/public/x", Some("zcc-token")));
}

#[tokio::test]
async fn an_error_inside_a_200_is_an_error() {
    let fake = Fake::start(granting(|_, _| json(200, value!({"errors": [{"message": "no such field"}]})))).await;
    let client = client(&fake, quick());
    let error =
        client.any(Service::Graphql).request(&Request::post("zins/graphql").json(&value!({}))).await.unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (Some(200), "no such field"));
}
