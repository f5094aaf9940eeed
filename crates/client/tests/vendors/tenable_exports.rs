//! Tenable's exports, through all that goes wrong with them.

use crate::fake::{Asked, Fake, Reply, empty, json, text};
use crate::quick;
use futures::TryStreamExt;
use scanyard_client::Hidden;
use scanyard_client::tenable::export::{Checkpoint, Waiting};
use scanyard_client::tenable::filters::{Assets, Vulns, What};
use scanyard_client::tenable::{Client, Credential};
use scanyard_contract::Kind;
use serde_json::{Value, json as value};
use std::time::{Duration, Instant};

const JOB: &str = "11111111-2222-4333-8444-555555555555";

fn client(fake: &Fake) -> Client {
    let credential = Credential::Keys { access: Hidden::new("access"), secret: Hidden::new("secret") };
    Client::at(&fake.url, credential, quick()).unwrap()
}

fn waiting() -> Waiting {
    Waiting { first: Duration::from_millis(2), longest: Duration::from_millis(5), ..Waiting::default() }
}

fn vulns() -> What {
    What::Vulns(Vulns::default())
}

/// How often the same was asked before.
fn times(asked: &Asked, before: &[Asked]) -> usize {
    before.iter().filter(|earlier| earlier.line() == asked.line()).count()
}

/// An export of chunks 1 to `chunks` that are all there at the second look.
fn export(chunks: u64) -> impl Fn(&Asked, &[Asked]) -> Reply + Clone {
    move |asked, before| {
        let path = asked.path.trim_start_matches("/vulns/export");
        match (path.strip_prefix(&format!("/{JOB}/")), times(asked, before)) {
            (None, _) => json(200, value!({"export_uuid": JOB})),
            (Some("status"), 0) => json(200, value!({"status": "QUEUED", "chunks_available": []})),
            (Some("status"), 1) => json(200, value!({"status": "PROCESSING", "chunks_available": [1]})),
            (Some("status"), _) => {
                let ids: Vec<u64> = (1..=chunks).collect();
                json(200, value!({"status": "FINISHED", "chunks_available": ids, "total_chunks": chunks}))
            }
            (Some("cancel"), _) => json(200, value!({"status": "CANCELLED"})),
            (Some(chunk), _) => {
                let id: u64 = chunk.strip_prefix("chunks/").unwrap().parse().unwrap();
                text(
                    200,
                    "application/octet-stream",
                    &value!([{"chunk": id, "n": 1}, {"chunk": id, "n": 2}]).to_string(),
                )
            }
        }
    }
}

async fn all(client: &Client) -> Result<Vec<Value>, scanyard_client::Error> {
    client.export(&vulns(), waiting()).await?.items::<Value>().try_collect().await
}

#[tokio::test]
async fn an_export_is_every_item_of_every_chunk() {
    let fake = Fake::start(export(3)).await;
    let items = all(&client(&fake)).await.unwrap();
    let chunks: Vec<u64> = items.iter().map(|item| item["chunk"].as_u64().unwrap()).collect();
    assert_eq!(chunks, [1, 1, 2, 2, 3, 3]);
    assert_eq!(fake.asked()[0].json(), value!({"filters": {}}));
}

#[tokio::test]
async fn it_gets_through_two_429s_a_chunk_that_fails_a_chunk_that_is_cut_and_one_that_is_empty() {
    let good = export(3);
    let fake =
        Fake::start(move |asked: &Asked, before: &[Asked]| match (asked.line().as_str(), times(asked, before)) {
            ("POST /vulns/export", 0 | 1) => json(429, value!({"error": "slow"})).with("retry-after", "0"),
            (line, 0) if line.ends_with("/chunks/1") => empty(504),
            (line, 0) if line.ends_with("/chunks/2") => good(asked, before).cut(),
            (line, 0) if line.ends_with("/chunks/3") => empty(200),
            _ => good(asked, before),
        })
        .await;
    assert_eq!(all(&client(&fake)).await.unwrap().len(), 6);
    assert_eq!(fake.count("POST /vulns/export"), 3);
}

#[tokio::test]
async fn a_duplicate_is_adopted_unless_the_caller_does_not_want_it() {
    let good = export(1);
    let duplicate = move |asked: &Asked, before: &[Asked]| match asked.line().as_str() {
        "POST /vulns/export" => json(409, value!({"active_job_id": JOB, "failure_reason": "duplicate"})),
        _ => good(asked, before),
    };
    let fake = Fake::start(duplicate.clone()).await;
    let export = client(&fake).export(&vulns(), waiting()).await.unwrap();
    assert!(export.is_adopted());
    assert_eq!(export.items::<Value>().try_collect::<Vec<_>>().await.unwrap().len(), 2);

    let fake = Fake::start(duplicate).await;
    let alone = Waiting { adopt: false, ..waiting() };
    let error = client(&fake).export(&vulns(), alone).await.unwrap_err();
    assert_eq!((error.status, error.kind), (Some(409), Kind::Conflict));
}

#[tokio::test]
async fn a_duplicate_that_is_not_named_is_adopted_when_one_export_of_its_kind_runs() {
    let other = "22222222-2222-4333-8444-555555555555";
    let jobs = |others: &'static str| {
        let exports = value!({"exports": [{"uuid": JOB, "status": "PROCESSING"}, {"uuid": other, "status": others}]});
        move |asked: &Asked, before: &[Asked]| match (asked.line().as_str(), times(asked, before)) {
            // The first start took effect, and its answer was lost.
            ("POST /assets/export", 0) => empty(502),
            ("POST /assets/export", _) => {
                json(429, value!({"status": 429, "message": "Duplicate export not allowed. Please modify request"}))
            }
            ("GET /assets/export/status", _) => json(200, exports.clone()),
            (line, _) if line.ends_with("/status") => json(200, value!({"status": "FINISHED", "chunks_available": []})),
            other => panic!("{other:?}"),
        }
    };
    let assets = || What::Assets(Assets::default());
    let fake = Fake::start(jobs("FINISHED")).await;
    let export = client(&fake).export(&assets(), waiting()).await.unwrap();
    assert_eq!((export.is_adopted(), export.checkpoint().job_id.as_str()), (true, JOB));
    assert_eq!(fake.count("POST /assets/export"), 2);

    let fake = Fake::start(jobs("QUEUED")).await;
    let error = client(&fake).export(&assets(), waiting()).await.unwrap_err();
    assert_eq!((error.status, error.cause_kind), (Some(429), Kind::Conflict), "either may be meant");

    let fake = Fake::start(jobs("FINISHED")).await;
    let alone = Waiting { adopt: false, ..waiting() };
    assert_eq!(client(&fake).export(&assets(), alone).await.unwrap_err().status, Some(502));
    assert_eq!(fake.count("POST /assets/export"), 1, "a duplicate would not be adopted");
}

#[tokio::test]
async fn a_cancelled_or_failed_export_ends_with_its_kind_and_job() {
    for (status, words) in [("CANCELLED", "cancelled"), ("ERROR", "failed")] {
        let good = export(1);
        let fake = Fake::start(move |asked: &Asked, before: &[Asked]| match asked.path.ends_with("/status") {
            true => json(200, value!({"status": status, "chunks_available": []})),
            false => good(asked, before),
        })
        .await;
        let error = all(&client(&fake)).await.unwrap_err();
        let job = error.export.as_ref().unwrap();
        assert_eq!((error.kind, job.kind, job.job_id.as_str()), (Kind::ExportFailed, "vulns", JOB));
        assert!(error.message.contains(words), "{error}");
    }
}

#[tokio::test]
async fn chunks_that_tenable_lost_are_an_error_after_all_others() {
    let good = export(2);
    let fake = Fake::start(move |asked: &Asked, before: &[Asked]| match asked.path.ends_with("/status") {
        true => json(
            200,
            value!({"status": "FINISHED", "chunks_available": [1, 2], "chunks_failed": [3], "chunks_cancelled": [4]}),
        ),
        false => good(asked, before),
    })
    .await;
    let mut export = client(&fake).export(&vulns(), waiting()).await.unwrap();
    let first = export.next_chunk::<Value>().await.unwrap().unwrap();
    let second = export.next_chunk::<Value>().await.unwrap().unwrap();
    assert_eq!((first.id, second.id), (1, 2));
    let error = export.next_chunk::<Value>().await.unwrap_err();
    assert_eq!((error.kind, error.parameters.clone()), (Kind::ExportFailed, vec!["3".to_string(), "4".to_string()]));
}

#[tokio::test]
async fn at_its_deadline_an_export_is_cancelled_at_tenable_and_reported_as_timed_out() {
    let good = export(1);
    let fake = Fake::start(move |asked: &Asked, before: &[Asked]| match asked.path.ends_with("/status") {
        true => json(200, value!({"status": "PROCESSING", "chunks_available": []})),
        false => good(asked, before),
    })
    .await;
    let short = Waiting { deadline: Duration::from_secs(1), ..waiting() };
    let mut export = client(&fake).export(&vulns(), short).await.unwrap();
    let error = export.next_chunk::<Value>().await.unwrap_err();
    assert_eq!((error.kind, error.export.as_ref().unwrap().job_id.as_str()), (Kind::ExportTimedOut, JOB));
    assert_eq!(fake.count(&format!("POST /vulns/export/{JOB}/cancel")), 1);
}

/// A wait that the vendor asks for in place of any of the export's calls must not outlast the deadline.
#[tokio::test]
async fn no_wait_of_any_call_lasts_beyond_the_deadline_of_the_export() {
    let busy = || json(503, value!({"error": "busy"})).with("retry-after", "6");
    for (slow, cancels) in [("/chunks/1", 1), ("/status", 1), ("/export", 0)] {
        let good = export(1);
        let fake = Fake::start(move |asked: &Asked, before: &[Asked]| match asked.path.as_str() {
            path if path.ends_with(slow) => busy(),
            path if path.ends_with("/status") => json(200, value!({"status": "PROCESSING", "chunks_available": [1]})),
            _ => good(asked, before),
        })
        .await;
        let mut settings = quick();
        settings.retrying.max_pause = Duration::from_secs(10);
        settings.retrying.deadline = Duration::from_secs(60);
        let credential = Credential::Keys { access: Hidden::new("access"), secret: Hidden::new("secret") };
        let client = Client::at(&fake.url, credential, settings).unwrap();
        let (short, started) = (Waiting { deadline: Duration::from_secs(1), ..waiting() }, Instant::now());
        let error = match client.export(&vulns(), short).await {
            Ok(mut export) => export.next_chunk::<Value>().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind, Kind::ExportTimedOut, "{slow}: {error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{slow}: it slept on");
        assert_eq!(fake.count(&format!("POST /vulns/export/{JOB}/cancel")), cancels, "{slow}");
    }
}

#[tokio::test]
async fn an_export_goes_on_from_its_checkpoint() {
    let fake = Fake::start(export(3)).await;
    let mut export = client(&fake).export(&vulns(), waiting()).await.unwrap();
    export.next_chunk::<Value>().await.unwrap().unwrap();
    let kept = serde_json::to_string(&export.checkpoint()).unwrap();
    drop(export);
    let checkpoint: Checkpoint = serde_json::from_str(&kept).unwrap();
    let rest = client(&fake).resume(checkpoint, waiting()).unwrap();
    let items: Vec<Value> = rest.items::<Value>().try_collect().await.unwrap();
    assert_eq!(items.iter().map(|item| item["chunk"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 2, 3, 3]);
    assert_eq!(fake.count("POST /vulns/export"), 1);
    assert_eq!(fake.count(&format!("GET /vulns/export/{JOB}/chunks/1")), 1);
}

#[tokio::test]
async fn after_exhausted_retries_the_same_chunk_can_be_asked_for_again() {
    let good = export(1);
    let fake = Fake::start(move |asked: &Asked, before: &[Asked]| {
        match asked.path.ends_with("/chunks/1") && times(asked, before) < 5 {
            true => empty(502),
            false => good(asked, before),
        }
    })
    .await;
    let mut export = client(&fake).export(&vulns(), waiting()).await.unwrap();
    let error = export.next_chunk::<Value>().await.unwrap_err();
    assert_eq!((error.kind, error.cause_kind), (Kind::RetriesExhausted, Kind::Unavailable));
    assert_eq!(export.next_chunk::<Value>().await.unwrap().unwrap().id, 1);
    assert_eq!(export.next_chunk::<Value>().await.unwrap(), None);
    assert_eq!(export.progress().total, Some(1));
}

#[tokio::test]
async fn bounds_are_checked_before_anything_is_sent() {
    let fake = Fake::start(export(1)).await;
    let wrong = [
        What::Vulns(Vulns { num_assets: Some(49), ..Vulns::default() }),
        What::Vulns(Vulns { state: vec!["gone".to_string()], ..Vulns::default() }),
        What::Assets(Assets { chunk_size: Some(10_001), ..Assets::default() }),
    ];
    for what in wrong {
        assert_eq!(client(&fake).export(&what, waiting()).await.unwrap_err().kind, Kind::UnexpectedValue);
    }
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn ten_exports_are_counted_for_a_key_not_for_a_client() {
    let fake = Fake::start(|asked, before| match asked.path.ends_with("/export") {
        true => json(200, value!({"export_uuid": format!("11111111-2222-4333-8444-{:012}", before.len())})),
        false => json(200, value!({"status": "CANCELLED"})),
    })
    .await;
    let of = |access: &str| {
        let credential = Credential::Keys { access: Hidden::new(access), secret: Hidden::new("secret") };
        Client::at(&fake.url, credential, quick()).unwrap()
    };
    let (first, second) = (of("one"), of("one"));
    let short = Waiting { deadline: Duration::from_secs(1), ..waiting() };
    let mut running = Vec::new();
    for number in 0..10 {
        let client = if number % 2 == 0 { &first } else { &second };
        running.push(client.export(&vulns(), waiting()).await.unwrap());
    }
    assert_eq!(second.export(&vulns(), short).await.unwrap_err().kind, Kind::ExportTimedOut);
    assert!(of("another").export(&vulns(), short).await.is_ok());
    running[0].cancel().await.unwrap();
    assert!(second.export(&vulns(), short).await.is_ok());
}
