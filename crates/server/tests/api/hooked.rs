//! What the tests of webhooks share: a node that trusts our receivers, scans that move without an engine, and the loop by hand.

use crate::harness::{Answer, Caller, Test};
use crate::receiver::{Receiver, trust};
use scanyard_contract::scan::{Coverage, Failure, FailureReason};
use scanyard_contract::{Code, ScanStatus};
use scanyard_server::config::Config;
use scanyard_server::store::claim::{Claim, Claimed, claim};
use scanyard_server::store::finish::Finish;
use scanyard_server::webhook::deliver;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Every scope that these tests need.
pub const ALL: &str =
    "scans:create scans:read scans:cancel webhooks:create webhooks:read webhooks:update webhooks:delete";

/// A node, a caller with every scope and a receiver.
pub struct Hooked {
    pub t: Test,
    pub receiver: Receiver,
}

impl Hooked {
    pub async fn new() -> Hooked {
        Hooked::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Hooked {
        let t = Test::with(|config| {
            trust(config);
            change(config);
        });
        Hooked { t: t.await, receiver: Receiver::new().await }
    }

    pub fn caller(&self) -> Caller<'_> {
        self.t.key(ALL)
    }

    /// Registers the receiver for these events, parted by blanks; answers the webhook as it was shown.
    pub async fn webhook(&self, events: &str) -> Value {
        self.webhook_at(&self.receiver.url(), events).await
    }

    pub async fn webhook_at(&self, url: &str, events: &str) -> Value {
        let events: Vec<&str> = events.split_whitespace().collect();
        let body = json!({"name": "ci", "url": url, "events": events});
        self.caller().post("/webhooks", body).await.ok(201).data().clone()
    }

    /// Submits a scan.
    pub async fn submit(&self) -> Value {
        self.submit_with(json!({"target": "127.0.0.1", "scanType": "sentinel", "tags": ["ci"]})).await
    }

    pub async fn submit_with(&self, body: Value) -> Value {
        self.caller().post("/scans", body).await.ok(201).data().clone()
    }

    /// Claims the next scan, as a worker does.
    pub async fn claim(&self) -> Claimed {
        let now = self.t.app.store.now().await.unwrap();
        let scan_types = self.t.app.engines.runnable();
        let ask = Claim {
            now,
            scan_types,
            labels: vec!["default".into()],
            limit: 1,
            lease_ms: 30_000,
            per_tenant: 100,
            per_host: 100,
        };
        let claimed = self.t.app.store.write(move |conn| Box::pin(async move { claim(conn, &ask).await }));
        claimed.await.unwrap().pop().expect("a scan to claim")
    }

    /// Ends a run.
    pub async fn finish(&self, claimed: &Claimed, status: ScanStatus) -> bool {
        let failure = (status == ScanStatus::Failed).then(|| Failure {
            reason: FailureReason::TargetUnreachable,
            message: "no answer".into(),
            last_lines: vec!["last".into()],
        });
        let end = Finish {
            scan: claimed.scan.clone(),
            run_id: claimed.run_id,
            status,
            failure,
            coverage: Coverage { hosts: 1, reached: 1 },
            records: Default::default(),
            findings: Vec::new(),
            report: None,
            engine_version: None,
        };
        self.t.app.store.end(end).await.unwrap()
    }

    /// Submits a scan and brings it to this end.
    pub async fn scan(&self, status: ScanStatus) -> Value {
        let scan = self.submit().await;
        let claimed = self.claim().await;
        assert!(self.finish(&claimed, status).await);
        scan
    }

    /// Sends what is due, once; answers how many calls were made.
    pub async fn tick(&self) -> usize {
        let mut flights = JoinSet::new();
        let count = deliver::tick(&self.t.app, &mut flights).await.unwrap();
        while let Some(ended) = flights.join_next().await {
            ended.unwrap();
        }
        count
    }

    /// The webhook as it is now.
    pub async fn shown(&self, webhook: &Value) -> Value {
        self.caller().get(&path(webhook)).await.ok(200).data().clone()
    }

    pub async fn patch(&self, webhook: &Value, body: Value) -> Answer {
        self.caller().patch(&path(webhook), body).await
    }

    /// The deliveries of the webhook, newest first.
    pub async fn deliveries(&self, webhook: &Value) -> Vec<Value> {
        let listed = self.caller().get(&format!("{}/deliveries?limit=100", path(webhook))).await;
        listed.ok(200).data().as_array().unwrap().clone()
    }

    /// A delivery with its attempts.
    pub async fn delivery(&self, webhook: &Value, delivery: &Value) -> Value {
        let id = delivery["id"].as_str().unwrap();
        self.caller().get(&format!("{}/deliveries/{id}", path(webhook))).await.ok(200).data().clone()
    }

    /// Calls an operation of the webhook by POST.
    pub async fn post(&self, webhook: &Value, operation: &str, body: Value) -> Answer {
        self.caller().post(&format!("{}/{operation}", path(webhook)), body).await
    }
}

/// The path of a webhook.
pub fn path(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().unwrap())
}

/// The request that provokes a code of webhooks.
pub async fn provoke(code: Code) -> Answer {
    let h = Hooked::new().await;
    let none = json!({"id": "wh-019bc000-0000-7000-8000-000000000000"});
    let create =
        |url: &str, event: &str| h.caller().post("/webhooks", json!({"name": "a", "url": url, "events": [event]}));
    let url = h.receiver.url();
    match code {
        Code::InvalidWebhookUrl => create("http://127.0.0.1/", "scan.failed").await,
        Code::WebhookUrlUnreachable => create("https://127.0.0.1:1/", "scan.failed").await,
        Code::InvalidWebhookEvent => create(&url, "scan.done").await,
        Code::WebhookDisabled => {
            let webhook = h.webhook("scan.failed").await;
            h.patch(&webhook, json!({"isActive": false})).await.ok(200);
            h.post(&webhook, "test", json!({})).await
        }
        Code::DeliveryNotFound => {
            let webhook = h.webhook("scan.failed").await;
            h.caller().get(&format!("{}/deliveries/dlv-1", path(&webhook))).await
        }
        Code::SecretAlreadyShown => {
            let caller = h.caller().header("idempotency-key", "k").made().await;
            let body = json!({"name": "a", "url": url});
            caller.again().post("/webhooks", body.clone()).await.ok(201);
            caller.post("/webhooks", body).await
        }
        _ => h.caller().get(&path(&none)).await,
    }
}
