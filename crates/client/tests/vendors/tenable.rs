//! Tenable: keys, sessions, impersonation, users, lists, files.

use crate::fake::{Asked, Fake, empty, json, text};
use crate::quick;
use futures::TryStreamExt;
use scanyard_client::tenable::scans::ExportScan;
use scanyard_client::tenable::{Client, Credential};
use scanyard_client::{Hidden, Request};
use scanyard_contract::Kind;
use serde_json::{Value, json as value};
use std::time::Duration;

fn with_keys(fake: &Fake) -> Client {
    let credential = Credential::Keys { access: Hidden::new("access"), secret: Hidden::new("secret") };
    Client::at(&fake.url, credential, quick()).unwrap()
}

fn with_password(fake: &Fake) -> Client {
    let credential = Credential::Password { username: "ada".to_string(), password: Hidden::new("correct horse") };
    Client::at(&fake.url, credential, quick()).unwrap()
}

/// A session is the number of its login; sessions up to `over` have ended.
fn sessions(over: usize) -> impl Fn(&Asked, &[Asked]) -> crate::fake::Reply {
    move |asked, before| {
        if asked.line() == "POST /session" {
            assert_eq!(asked.json(), value!({"username": "ada", "password": "correct horse"}));
            let number = before.iter().filter(|asked| asked.line() == "POST /session").count() + 1;
            return json(200, value!({"token": format!("t{number}")}))
                .with("set-cookie", &format!("sid=s{number}; Path=/"));
        }
        let session = asked.header("cookie").and_then(|cookie| cookie.strip_prefix("sid=s")?.parse().ok()).unwrap_or(0);
        match session > over {
            true => json(200, value!({"users": []})),
            false => json(401, value!({"statusCode": 401, "error": "Unauthorized", "message": "Invalid Credentials"})),
        }
    }
}

#[tokio::test]
async fn an_ended_session_is_renewed_once_for_all_clones() {
    let fake = Fake::start(sessions(1)).await;
    let client = with_password(&fake);
    let calls = (0..6).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.users().await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(fake.count("POST /session"), 2);
    assert_eq!(fake.asked().last().unwrap().header("x-cookie"), Some("token=t2"));
    client.log_out().await.unwrap();
    assert_eq!(fake.lines().last().unwrap(), "DELETE /session");
}

#[tokio::test]
async fn a_second_401_is_the_callers_with_its_body() {
    let fake = Fake::start(sessions(99)).await;
    let error = with_password(&fake).users().await.unwrap_err();
    assert_eq!((error.kind, error.status, error.attempts), (Kind::Unauthenticated, Some(401), 2));
    assert!(error.message.contains("Invalid Credentials"), "{error}");
    assert_eq!((fake.count("POST /session"), fake.count("GET /users")), (2, 2));
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let refuse = |_: &Asked, _: &[Asked]| json(401, value!({"error": "Invalid Credentials"}));
    let fake = Fake::start(refuse).await;
    let error = with_password(&fake).users().await.unwrap_err();
    assert_eq!((error.kind, error.url.as_str()), (Kind::Unauthenticated, format!("{}/session", fake.url).as_str()));
    assert_eq!(fake.lines(), ["POST /session"]);
}

#[tokio::test]
async fn a_403_while_impersonating_is_an_impersonation_failure() {
    let refuse = |_: &Asked, _: &[Asked]| json(403, value!({"statusCode": 403, "error": "Forbidden", "message": "no"}));
    let fake = Fake::start(refuse).await;
    let client = with_keys(&fake);
    assert_eq!(client.me().await.unwrap_err().kind, Kind::Permission);
    let error = client.impersonate("bob@example.test").unwrap().me().await.unwrap_err();
    assert_eq!(error.kind, Kind::Impersonation);
    assert_eq!(fake.asked()[1].header("x-impersonate"), Some("username=bob@example.test"));
    assert_eq!(client.impersonate("bob\r\nx: y").unwrap_err().kind, Kind::UnexpectedValue);
}

#[tokio::test]
async fn a_weak_password_is_named_as_one_and_sent_once() {
    let weak = |_: &Asked, _: &[Asked]| json(400, value!({"error": "Password too short"}));
    let fake = Fake::start(weak).await;
    let error = with_keys(&fake).change_password(7, &Hidden::new("old"), &Hidden::new("short")).await.unwrap_err();
    assert_eq!(error.kind, Kind::PasswordComplexity);
    let asked = &fake.asked()[0];
    assert_eq!(asked.line(), "PUT /users/7/chpasswd");
    assert_eq!(asked.json(), value!({"password": "short", "current_password": "old"}));
}

#[tokio::test]
async fn a_list_is_all_of_its_pages_and_a_failed_one_is_an_error() {
    let answer = |asked: &Asked, _: &[Asked]| match asked.query.contains("offset=0") {
        true => json(200, value!({"history": [{"id": 1}, {"id": 2}], "pagination": {"total": 3}})),
        false => json(200, value!({"history": [{"id": 3}], "pagination": {"total": 3}})),
    };
    let fake = Fake::start(answer).await;
    let runs: Vec<Value> = with_keys(&fake).scan_history(7).unwrap().try_collect().await.unwrap();
    assert_eq!(runs, [value!({"id": 1}), value!({"id": 2}), value!({"id": 3})]);

    let answer = |asked: &Asked, _: &[Asked]| match asked.query.contains("offset=0") {
        true => json(200, value!({"history": [{"id": 1}], "pagination": {"total": 3}})),
        false => json(403, value!({"error": "no"})),
    };
    let fake = Fake::start(answer).await;
    let mut runs = with_keys(&fake).scan_history(7).unwrap();
    assert_eq!(runs.try_next().await.unwrap(), Some(value!({"id": 1})));
    assert_eq!(runs.try_next().await.unwrap_err().kind, Kind::Permission);
}

#[tokio::test]
async fn a_full_page_without_a_total_is_not_the_end() {
    let full: Vec<u64> = (0..500).collect();
    let (page, same) = (full.clone(), full);
    let fake = Fake::start(move |asked: &Asked, _: &[Asked]| match asked.query.contains("offset=0") {
        true => json(200, value!({"values": page})),
        false => json(200, value!({"values": [500]})),
    })
    .await;
    let values: Vec<u64> =
        with_keys(&fake).list::<u64>(Request::get("x/values"), "values").try_collect().await.unwrap();
    assert_eq!((values.len(), fake.asked().len()), (501, 2));

    let fake = Fake::start(move |_: &Asked, _: &[Asked]| json(200, value!({"values": same}))).await;
    let values: Vec<u64> =
        with_keys(&fake).list::<u64>(Request::get("x/values"), "values").try_collect().await.unwrap();
    assert_eq!((values.len(), fake.asked().len()), (500, 2), "it pays no heed to paging");
}

#[tokio::test]
async fn a_scans_file_is_made_waited_for_and_read_piece_by_piece() {
    let content = "x".repeat(300_000);
    let file = content.clone();
    let answer = move |asked: &Asked, _: &[Asked]| match asked.line().as_str() {
        "POST /scans/7/export" => json(200, value!({"file": 12})),
        "GET /scans/7/export/12/status" => json(200, value!({"status": "ready"})),
        "GET /scans/7/export/12/download" => text(200, "application/octet-stream", &file),
        other => panic!("{other}"),
    };
    let fake = Fake::start(answer).await;
    let export = ExportScan { format: "nessus".to_string(), ..ExportScan::default() };
    let mut download = with_keys(&fake).export_scan(7, &export, Duration::from_secs(5)).await.unwrap();
    let mut read = Vec::new();
    while let Some(piece) = download.next().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert_eq!(read, content.as_bytes());
    assert_eq!(fake.asked()[2].header("accept"), Some("*/*"));
}

#[tokio::test]
async fn a_file_that_breaks_off_is_an_error_and_one_that_failed_names_its_job() {
    let answer = |_: &Asked, _: &[Asked]| text(200, "application/octet-stream", "half").cut();
    let fake = Fake::start(answer).await;
    let mut download = with_keys(&fake).download(Request::get("scans/7/export/12/download")).await.unwrap();
    let error = loop {
        match download.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a file that was cut off looked whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, Kind::Connection);

    let answer = |asked: &Asked, _: &[Asked]| match asked.method.as_str() {
        "POST" => json(200, value!({"file": "SSE-1"})),
        _ => json(200, value!({"status": "error"})),
    };
    let fake = Fake::start(answer).await;
    let export = ExportScan { format: "csv".to_string(), ..ExportScan::default() };
    let error = with_keys(&fake).export_scan(7, &export, Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((error.kind, error.export.as_ref().unwrap().job_id.as_str()), (Kind::ExportFailed, "SSE-1"));
}

#[tokio::test]
async fn what_tenable_would_refuse_is_not_sent() {
    let fake = Fake::start(|_: &Asked, _: &[Asked]| empty(200)).await;
    let client = with_keys(&fake);
    let errors = [
        client.asset("no-uuid").await.unwrap_err(),
        client.create_scan("basic", &value!({})).await.unwrap_err(),
        client.delete_scan("../users/1").await.unwrap_err(),
        client.export_scan(1, &ExportScan::default(), Duration::from_secs(1)).await.unwrap_err(),
        client.plugins(None, 10_001).err().unwrap(),
    ];
    for error in errors {
        assert_eq!((error.kind, error.attempts), (Kind::UnexpectedValue, 0), "{error}");
        assert!(error.refused.is_some(), "{error}");
    }
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn an_empty_200_of_a_delete_is_a_success() {
    let fake = Fake::start(|_: &Asked, _: &[Asked]| empty(200)).await;
    with_keys(&fake).delete_scan(7).await.unwrap();
    assert_eq!(fake.lines(), ["DELETE /scans/7"]);
}

#[tokio::test]
async fn a_file_is_the_one_field_of_a_form_and_can_be_imported_by_the_name_it_gets() {
    let fake = Fake::start(|asked, _| match asked.path.as_str() {
        "/file/upload" => json(200, value!({"fileuploaded": "report-1.nessus"})),
        _ => json(200, value!({"scan": {"id": 7}})),
    })
    .await;
    let client = with_keys(&fake);
    let name = client.upload("report.nessus", b"<NessusClientData_v2/>", true).await.unwrap();
    client.import_scan(&name, Some(&Hidden::new("the-password"))).await.unwrap();
    let asked = fake.asked();
    assert_eq!((asked[0].line().as_str(), asked[0].query.as_str()), ("POST /file/upload", "no_enc=1"));
    let boundary = asked[0].header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let form = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"Filedata\"; filename=\"report.nessus\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n<NessusClientData_v2/>\r\n--{boundary}--\r\n"
    );
    assert_eq!(asked[0].body, form);
    assert_eq!(asked[1].json(), value!({"file": "report-1.nessus", "password": "the-password"}));
    for name in ["", "a\"b", "../x", "a\r\nb", &"x".repeat(256)] {
        let error = client.upload(name, b"", false).await.unwrap_err();
        assert_eq!((error.kind, error.attempts), (Kind::UnexpectedValue, 0), "{name}");
    }
}
