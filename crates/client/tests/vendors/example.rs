//! The example of `examples/`, against a Tenable that misbehaves.

#[path = "../../examples/export-vulns.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod export_vulns;

use crate::fake::{Asked, Fake, Reply, empty, json};
use crate::quick;
use scanyard_client::Hidden;
use scanyard_client::tenable::export::Waiting;
use scanyard_client::tenable::{Client, Credential};
use serde_json::json as value;
use std::time::Duration;

const JOB: &str = "11111111-2222-4333-8444-555555555555";

/// Two 429s at the start, a session that ends before the second chunk, and a first chunk that fails six times.
fn answer(asked: &Asked, before: &[Asked]) -> Reply {
    let times = |line: &str| before.iter().filter(|earlier| earlier.line() == line).count();
    let logins = times("POST /session");
    if asked.line() == "POST /session" {
        return json(200, value!({})).with("set-cookie", &format!("sid=s{}", logins + 1));
    }
    let is_over = asked.path.ends_with("/chunks/2") && asked.header("cookie") == Some("sid=s1");
    if is_over {
        return json(401, value!({"statusCode": 401, "error": "Unauthorized", "message": "Invalid session"}));
    }
    match asked.path.strip_prefix("/vulns/export").unwrap().trim_start_matches(&format!("/{JOB}/")) {
        "" if times("POST /vulns/export") < 2 => json(429, value!({"error": "slow down"})).with("retry-after", "0"),
        "" => json(200, value!({"export_uuid": JOB})),
        "status" => json(200, value!({"status": "FINISHED", "chunks_available": [1, 2]})),
        "chunks/1" if times(&asked.line()) < 6 => empty(503),
        chunk => json(200, value!([{"chunk": chunk}, {"chunk": chunk}])),
    }
}

#[tokio::test]
async fn the_example_gets_through_two_429s_an_expired_token_and_a_failed_chunk() {
    let fake = Fake::start(answer).await;
    let credential = Credential::Password { username: "ada".to_string(), password: Hidden::new("pw-1234") };
    let client = Client::at(&fake.url, credential, quick()).unwrap();
    let (waiting, mut out) = (Waiting { first: Duration::from_millis(2), ..Waiting::default() }, Vec::new());
    let count = export_vulns::export(&client, waiting, &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!((count, out.lines().count()), (4, 4), "{out}");
    assert_eq!((fake.count("POST /vulns/export"), fake.count("POST /session")), (3, 2));
    assert_eq!(fake.count(&format!("GET /vulns/export/{JOB}/chunks/1")), 7);
}
