//! The loop that sends what is due.
//!
//! At least once: a delivery is claimed for a time, sent, and settled with what follows. No receiver can hold up another:
//! each webhook has a few places, one that failed last time has one, and a tenant has a part of all places.

use super::rule;
use super::send::Answered;
use super::sign::{self, Call};
use crate::store::audit::{self, Actor, AuditRecord};
use crate::store::delivery::NewDelivery;
use crate::store::outbox::{self, Claimed, Next, Receiver};
use crate::store::webhook::WebhookRecord;
use crate::store::{StoreError, delivery, webhook};
use crate::{App, config};
use scanyard_contract::Timestamp;
use scanyard_contract::webhook::{DeliveryAttempt, DeliveryEvent, DisabledReason, PingData, WebhookPayload};
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};

/// How often the loop looks without a hint.
const POLL: Duration = Duration::from_secs(1);

/// How long a claim holds beyond the time-out of its call: for signing, and for a database that is slow to take the end.
const LEASE_MARGIN_MS: i64 = 20_000;

/// How long a stop waits for calls that are under way.
const STOP_MARGIN: Duration = Duration::from_secs(3);

/// How long to wait before the end of an attempt is written again, when the database did not take it.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// The most lanes looked at in one claim.
const LANES: u32 = 1000;

/// How often old deliveries are looked for, and how many go at one time.
const SWEEP: Duration = Duration::from_secs(60);
const SWEPT: u32 = 500;

/// Sends until `app.draining`, then gives what is under way a moment and the rest back.
pub async fn deliver(app: App) {
    if app.config.webhooks.concurrency == 0 {
        return;
    }
    let mut flights = JoinSet::new();
    let mut sweep = tokio::time::interval(SWEEP);
    while !app.draining.is_cancelled() {
        while let Some(ended) = flights.try_join_next() {
            log_panic(ended);
        }
        match app.store.guard(tick(&app, &mut flights)).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => {
                if !app.store.is_down() {
                    tracing::warn!(%error, "claiming deliveries");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        tokio::select! {
            () = app.webhooks.hinted() => {}
            () = tokio::time::sleep(POLL) => {}
            Some(ended) = flights.join_next(), if !flights.is_empty() => log_panic(ended),
            _ = sweep.tick() => if let Err(error) = app.store.guard(sweep_tick(&app)).await {
                tracing::warn!(%error, "forgetting old deliveries");
            },
            () = app.draining.cancelled() => {}
        }
    }
    let ended = async {
        while let Some(ended) = flights.join_next().await {
            log_panic(ended);
        }
    };
    let _ = tokio::time::timeout(STOP_MARGIN, ended).await;
    give_back(&app, flights).await;
}

/// A flight that panicked has left its place; its claim ends by itself.
fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a delivery ended in a fault of ours");
    }
}

async fn give_back(app: &App, mut flights: JoinSet<()>) {
    let claims = app.webhooks.flights.claims();
    flights.shutdown().await;
    if claims.is_empty() {
        return;
    }
    let given = async {
        let now = app.store.now().await?;
        app.store.write(move |conn| Box::pin(async move { outbox::give_back(conn, now, &claims).await })).await
    };
    if let Err(error) = given.await {
        tracing::warn!(%error, "giving deliveries back; their claims will end");
    }
}

/// Claims as many due deliveries as there is room for and starts to send them; answers how many.
pub async fn tick(app: &App, flights: &mut JoinSet<()>) -> Result<usize, StoreError> {
    let settings = &app.config.webhooks;
    let now = app.store.now().await?;
    let lanes = outbox::lanes(&mut *app.store.read().await?, now, LANES).await?;
    let room = app.webhooks.flights.room(lanes, settings.concurrency, settings.per_webhook);
    if room.is_empty() {
        return Ok(0);
    }
    let lease_ms = lease_ms(settings);
    let claim = app.store.write(move |conn| Box::pin(async move { outbox::claim(conn, now, lease_ms, &room).await }));
    let claimed = claim.await?;
    let count = claimed.len();
    for claimed in claimed {
        let place = app.webhooks.flights.begin(&claimed);
        let app = app.clone();
        flights.spawn(async move {
            attempt(&app, &claimed).await;
            drop(place);
        });
    }
    Ok(count)
}

/// How long a claim holds.
pub fn lease_ms(settings: &config::Webhooks) -> i64 {
    settings.timeout.as_millis() as i64 + LEASE_MARGIN_MS
}

/// A test call of a webhook, to be claimed at once.
pub fn ping(webhook: &WebhookRecord, now: i64) -> Result<NewDelivery, StoreError> {
    let payload = WebhookPayload {
        id: outbox::new_id("evt"),
        event: DeliveryEvent::Ping,
        api_version: outbox::API_VERSION,
        timestamp: Timestamp(now),
        data: PingData { webhook_id: webhook.id.clone() },
    };
    Ok(NewDelivery {
        id: outbox::new_id("dlv"),
        tenant_id: webhook.tenant_id.clone(),
        webhook_id: Some(webhook.id.clone()),
        callback_url: None,
        event: DeliveryEvent::Ping,
        scan_id: None,
        payload: serde_json::to_string(&payload)?,
        created_at: now,
    })
}

/// Makes one attempt of a delivery and settles it.
pub async fn attempt(app: &App, claimed: &Claimed) -> Answered {
    let at = app.store.local_now();
    let answered = call(app, claimed, at).await;
    while let Err(error) = settle(app, claimed, &answered, at).await {
        tracing::warn!(delivery = %claimed.delivery_id, %error, "storing an attempt");
        tokio::select! {
            () = tokio::time::sleep(WRITE_AGAIN) => {}
            // Its claim ends, and another attempt is made.
            () = app.draining.cancelled() => break,
        }
    }
    let outcome = if answered.error.is_none() { "delivered" } else { "failed" };
    metrics::counter!("scanyard_webhook_attempts_total", "outcome" => outcome).increment(1);
    answered
}

async fn call(app: &App, claimed: &Claimed, at: i64) -> Answered {
    let (url, secrets) = match &claimed.receiver {
        Receiver::Callback { url } => (url, Ok(Vec::new())),
        Receiver::Webhook { id, url, secret, old_secret } => {
            let old = old_secret.as_ref().filter(|(_, until)| *until > at).map(|(secret, _)| secret);
            let opened: Result<Vec<_>, _> =
                std::iter::once(secret).chain(old).map(|sealed| app.vault.open(sealed, id)).collect();
            (url, opened)
        }
    };
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(error) => {
            tracing::error!(delivery = %claimed.delivery_id, %error, "opening a webhook's secret");
            let error = Some("the server could not read the webhook's secret: rotate it".to_string());
            return Answered { duration_ms: 0, status: None, error, excerpt: None };
        }
    };
    let secrets: Vec<&str> = secrets.iter().map(|secret| secret.expose()).collect();
    let call = Call {
        delivery_id: &claimed.delivery_id,
        event: claimed.event,
        timestamp: at.div_euclid(1000),
        body: &claimed.payload,
    };
    app.webhooks.sender.post(url, sign::headers(&call, &secrets), claimed.payload.clone()).await
}

/// Stores an attempt, what follows for its delivery, and what it says about its webhook.
async fn settle(app: &App, claimed: &Claimed, answered: &Answered, at: i64) -> Result<(), StoreError> {
    let settings = &app.config.webhooks;
    let now = app.store.now().await?;
    let next = rule::next(answered, claimed.event, &claimed.delivery_id, claimed.tries, &settings.retries, now);
    let attempt = DeliveryAttempt {
        number: 0,
        at: Timestamp(at),
        duration_ms: answered.duration_ms,
        status_code: answered.status,
        error: answered.error.clone(),
        response_excerpt: answered.excerpt.clone(),
    };
    let (claimed, is_gone, limit) = (claimed.clone(), rule::is_gone(answered), settings.disable_after);
    let settled = app.store.write(move |conn| {
        Box::pin(async move {
            outbox::settle(conn, &claimed, &attempt, next, now).await?;
            let Receiver::Webhook { id, .. } = &claimed.receiver else { return Ok(None) };
            let reason = match (next, claimed.event) {
                (Next::Delivered, _) => {
                    webhook::succeeded(conn, id).await?;
                    return Ok(None);
                }
                (Next::Again(_) | Next::Failed, _) if is_gone => DisabledReason::Gone,
                // A test that fails is an answer, not a fault of the webhook's.
                (Next::Again(_) | Next::Failed, DeliveryEvent::Ping) => return Ok(None),
                (Next::Again(_) | Next::Failed, _) => match webhook::failed(conn, id).await? {
                    Some(failures) if failures >= limit => DisabledReason::Failures,
                    Some(_) | None => return Ok(None),
                },
            };
            if webhook::disable(conn, id, reason, now).await?.is_none() {
                return Ok(None);
            }
            let record = AuditRecord::new(now, &claimed.tenant_id, Actor::system(), "webhook.disabled", id);
            audit::insert(conn, &record.with("reason", reason.as_str())).await?;
            Ok(Some((id.clone(), reason)))
        })
    });
    if let Some((id, reason)) = settled.await? {
        tracing::warn!(webhook = %id, %reason, "a webhook was disabled");
        metrics::counter!("scanyard_webhooks_disabled_total", "reason" => reason.as_str()).increment(1);
    }
    Ok(())
}

/// Forgets deliveries that are over their time.
pub async fn sweep_tick(app: &App) -> Result<(), StoreError> {
    let before = app.store.now().await? - app.config.webhooks.keep.as_millis() as i64;
    loop {
        let gone = app.store.write(move |conn| Box::pin(async move { delivery::expire(conn, before, SWEPT).await }));
        if gone.await? < u64::from(SWEPT) {
            return Ok(());
        }
    }
}
