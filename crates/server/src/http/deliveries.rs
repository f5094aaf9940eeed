//! The deliveries of a webhook: what was sent, how it was answered, and sending it again.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{Answer, Listed};
use crate::http::auth::Auth;
use crate::http::change::{self, Outcome};
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::posted::Posted;
use crate::http::query::{Query, Segments};
use crate::http::webhooks::{find, find_active};
use crate::scope::Scope;
use crate::store::webhook::WebhookRecord;
use crate::store::{audit, delivery};
use axum::extract::State;
use axum::response::Response;
use scanyard_contract::Code;
use scanyard_contract::webhook::{Delivery, DeliveryStatus, RedeliverSince, Redelivered};
use scanyard_contract::wire::{Page, Success};
use sqlx::AnyConnection;

/// Attempts of a delivery that are shown.
const ATTEMPTS: u32 = 50;

/// Deliveries are counted up to here.
const COUNTED: u64 = 10_000;

/// The deliveries of a webhook
///
/// Newest first. They are kept for `webhooks.keep`.
#[utoipa::path(get, path = "/webhooks/{webhookId}/deliveries", operation_id = "list_deliveries", tag = "webhooks",
    params(
        ("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID"),
        ("status" = Option<DeliveryStatus>, Query, description = "Only deliveries in this status"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of deliveries", body = Page<Delivery>)),
    security(("apiKey" = [])))]
pub async fn list_deliveries(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Listed<Delivery>, ApiError> {
    auth.require(Scope::WebhooksRead)?;
    let [page, limit, cursor] = PARAMETERS;
    let params = query.only(&["status", page, limit, cursor])?;
    let status: Option<DeliveryStatus> = params.word("status", DeliveryStatus::words)?;
    let page = PageQuery::read(&params)?;
    let start = page.start("dlv-")?;
    let webhook = find(&app, &auth, &segments).await?;
    let mut conn = app.store.read().await?;
    let mut found = delivery::list(&mut conn, &webhook.id, status, &start, page.limit + 1).await?;
    let total = delivery::count(&mut conn, &webhook.id, status, COUNTED + 1).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    let mut pagination = page.pagination(total.min(COUNTED), next);
    pagination.total_is_exact = total <= COUNTED;
    let is_active = webhook.disabled.is_none();
    Ok(Listed { data: found.iter().map(|delivery| delivery.to_wire(is_active)).collect(), pagination })
}

/// The id of the delivery in the path; what has not its form names none.
fn delivery_id(segments: &Segments) -> Result<String, ApiError> {
    segments.prefixed_at(1, "dlv-").ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(Code::DeliveryNotFound)
}

/// A delivery with its attempts and what is sent.
pub(super) async fn whole(conn: &mut AnyConnection, webhook: &WebhookRecord, id: &str) -> Outcome<Delivery> {
    let Some(found) = delivery::get(conn, &webhook.id, id).await? else { return Ok(Err(not_found())) };
    let mut wire = found.to_wire(webhook.disabled.is_none());
    wire.attempts = Some(delivery::attempts(conn, id, ATTEMPTS).await?);
    wire.payload = Some(serde_json::from_str(&found.payload)?);
    Ok(Ok(wire))
}

/// A delivery with its attempts
#[utoipa::path(get, path = "/webhooks/{webhookId}/deliveries/{deliveryId}", operation_id = "get_delivery", tag = "webhooks",
    params(
        ("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID"),
        ("deliveryId" = String, Path, description = "Id of the delivery: `dlv-` and a UUID"),
    ),
    responses((status = 200, description = "The delivery, its attempts and its payload", body = Success<Delivery>)),
    security(("apiKey" = [])))]
pub async fn get_delivery(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Delivery>, ApiError> {
    auth.require(Scope::WebhooksRead)?;
    query.none()?;
    let webhook = find(&app, &auth, &segments).await?;
    let id = delivery_id(&segments)?;
    Ok(Answer(whole(&mut *app.store.read().await?, &webhook, &id).await??))
}

/// Send a delivery again
///
/// Whatever its status, with the id and the body it had: a receiver that has seen it can tell.
#[utoipa::path(post, path = "/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver", operation_id = "redeliver_delivery",
    tag = "webhooks",
    params(
        ("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID"),
        ("deliveryId" = String, Path, description = "Id of the delivery: `dlv-` and a UUID"),
    ),
    responses((status = 200, description = "The delivery, pending", body = Success<Delivery>)),
    security(("apiKey" = [])))]
pub async fn redeliver_delivery(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::WebhooksUpdate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    change.received.nothing()?;
    let webhook = find_active(&app, &auth, &segments).await?;
    let id = delivery_id(&segments)?;
    let now = app.store.now().await?;
    let record = auth.audit(now, "webhook.redelivered", &webhook.id).with("delivery", id.as_str());
    let redelivered = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            if !delivery::redeliver(conn, &webhook.id, &id, now).await? {
                return Ok(Err(not_found()));
            }
            audit::insert(conn, &record).await?;
            whole(conn, &webhook, &id).await
        })
    });
    let answer = redelivered.await?;
    app.webhooks.hint();
    Ok(answer)
}

/// Send failed deliveries again
///
/// Those made since a time whose attempts have all failed, each with the id and the body it had.
#[utoipa::path(post, path = "/webhooks/{webhookId}/redeliver", operation_id = "redeliver_webhook", tag = "webhooks",
    params(
        ("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID"),
    ),
    request_body = RedeliverSince,
    responses((status = 200, description = "How many are sent again", body = Success<Redelivered>)),
    security(("apiKey" = [])))]
pub async fn redeliver_webhook(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::WebhooksUpdate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let RedeliverSince { since } = change.received.json("RedeliverSince")?;
    let webhook = find_active(&app, &auth, &segments).await?;
    let now = app.store.now().await?;
    let record = auth.audit(now, "webhook.redelivered", &webhook.id).with("since", since.to_string());
    let redelivered = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            let redelivered = delivery::redeliver_since(conn, &webhook.id, since.0, now).await?;
            audit::insert(conn, &record).await?;
            Ok(Ok(Redelivered { id: webhook.id, since, redelivered }))
        })
    });
    let answer = redelivered.await?;
    app.webhooks.hint();
    Ok(answer)
}
