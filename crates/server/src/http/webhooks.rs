//! Webhooks: register, change, test and remove receivers of events.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{Answer, Created, Listed};
use crate::http::auth::Auth;
use crate::http::change;
use crate::http::page::{PARAMETERS, PageQuery};
use crate::http::posted::Posted;
use crate::http::query::{Query, Segments};
use crate::scope::Scope;
use crate::store::outbox::{self, new_id};
use crate::store::webhook::{self as webhooks, Change, WebhookRecord};
use crate::store::{audit, delivery};
use crate::webhook::{deliver, register, sign};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use scanyard_contract::webhook::{
    CreateWebhook, CreatedWebhook, Delivery, DisabledReason, PatchWebhook, RotateSecret, RotatedSecret, SigningSecret,
    Webhook,
};
use scanyard_contract::wire::{Deleted, Page, Success};
use scanyard_contract::{Code, Timestamp};

/// Register a webhook
///
/// The server connects to the URL and makes the TLS handshake first. The answer is the only one that holds the secret.
#[utoipa::path(post, path = "/webhooks", operation_id = "create_webhook", tag = "webhooks",
    request_body = CreateWebhook,
    responses((status = 201, description = "The webhook with its secret", body = Success<CreatedWebhook>, headers(
        ("Location" = String, description = "Path of the webhook"),
    ))),
    security(("apiKey" = [])))]
pub async fn create_webhook(
    auth: Auth,
    State(app): State<App>,
    query: Query,
    posted: Posted,
) -> Result<Response, ApiError> {
    auth.require(Scope::WebhooksCreate)?;
    query.none()?;
    let change = match change::begin(&app, &auth, posted).await? {
        Ok(change) => change,
        Err(replay) => return Ok(replay),
    };
    let create: CreateWebhook = change.received.json("CreateWebhook")?;
    register::name_faults(Some(&create.name))?;
    let url = register::url("url", &create.url)?;
    app.webhooks.require_reachable(&url).await?;
    let now = app.store.local_now();
    let id = new_id("wh");
    let (secret, sealed) = secret(&app, &id)?;
    let webhook = WebhookRecord {
        id: id.clone(),
        tenant_id: auth.tenant_id().to_string(),
        name: create.name,
        url: create.url,
        events: register::each_once(create.events),
        secret: sealed,
        old_secret: None,
        is_healthy: true,
        failures: 0,
        disabled: None,
        created_at: now,
        updated_at: now,
    };
    let record = auth.audit(now, "webhook.created", &id).with("name", webhook.name.as_str());
    let data = created(&webhook, secret);
    let location = format!("{}/webhooks/{id}", super::BASES[0]);
    let written = change.carry_out_secret(&app, &id, move |conn| {
        Box::pin(async move {
            webhooks::insert(conn, &webhook).await?;
            audit::insert(conn, &record).await?;
            Ok(Ok(()))
        })
    });
    written.await?;
    Ok(Created { data, location }.into_response())
}

/// A new secret for a webhook, as it is shown and as it is stored.
fn secret(app: &App, id: &str) -> Result<(SigningSecret, String), ApiError> {
    let broken = |what: &str| ApiError::new(Code::InternalError).caused_by(anyhow::anyhow!("{what}"));
    let secret = sign::new_secret().ok_or_else(|| broken("the system gives no random bytes"))?;
    let sealed = app.vault.seal(&secret, id).map_err(|error| ApiError::new(Code::InternalError).caused_by(error))?;
    Ok((SigningSecret(secret), sealed))
}

fn created(webhook: &WebhookRecord, secret: SigningSecret) -> CreatedWebhook {
    CreatedWebhook {
        id: webhook.id.clone(),
        name: webhook.name.clone(),
        url: webhook.url.clone(),
        secret,
        events: webhook.events.clone(),
        is_active: true,
        is_healthy: true,
        created_at: Timestamp(webhook.created_at),
    }
}

/// The tenant's webhooks
///
/// Newest first, without their secrets.
#[utoipa::path(get, path = "/webhooks", operation_id = "list_webhooks", tag = "webhooks",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Items on a page; default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; excludes `page`"),
    ),
    responses((status = 200, description = "One page of webhooks", body = Page<Webhook>)),
    security(("apiKey" = [])))]
pub async fn list_webhooks(auth: Auth, State(app): State<App>, query: Query) -> Result<Listed<Webhook>, ApiError> {
    auth.require(Scope::WebhooksRead)?;
    let page = PageQuery::read(&query.only(&PARAMETERS)?)?;
    let start = page.start("wh-")?;
    let mut conn = app.store.read().await?;
    let mut found = webhooks::list(&mut conn, auth.tenant_id(), &start, page.limit + 1).await?;
    let total = webhooks::count(&mut conn, auth.tenant_id()).await?;
    let next = page.cut(&mut found, |last| last.id.clone());
    Ok(Listed { data: found.iter().map(WebhookRecord::to_wire).collect(), pagination: page.pagination(total, next) })
}

/// The id of the webhook in the path; what has not its form names none.
fn webhook_id(segments: &Segments) -> Result<String, ApiError> {
    segments.prefixed("wh-").ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(Code::WebhookNotFound)
}

/// The caller's webhook in the path; another tenant's does not exist.
pub(super) async fn find(app: &App, auth: &Auth, segments: &Segments) -> Result<WebhookRecord, ApiError> {
    let id = webhook_id(segments)?;
    let found = webhooks::get(&mut *app.store.read().await?, auth.tenant_id(), &id).await?;
    found.ok_or_else(not_found)
}

/// The same, and it is active.
pub(super) async fn find_active(app: &App, auth: &Auth, segments: &Segments) -> Result<WebhookRecord, ApiError> {
    let webhook = find(app, auth, segments).await?;
    let Some((reason, at)) = webhook.disabled else { return Ok(webhook) };
    let why = match reason {
        DisabledReason::Failures => format!("{} attempts in a row failed", webhook.failures),
        DisabledReason::Gone => "the receiver answered 410".to_string(),
        DisabledReason::User => "isActive was set to false".to_string(),
    };
    let error = ApiError::new(Code::WebhookDisabled).detail("disabledReason", format!("{reason}: {why}"));
    let at = Timestamp(at);
    Err(error.detail("isActive", format!("false since {at}; PATCH {{\"isActive\": true}} enables it again")))
}

/// A webhook
#[utoipa::path(get, path = "/webhooks/{webhookId}", operation_id = "get_webhook", tag = "webhooks",
    params(("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID")),
    responses((status = 200, description = "The webhook, without its secret", body = Success<Webhook>)),
    security(("apiKey" = [])))]
pub async fn get_webhook(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Webhook>, ApiError> {
    auth.require(Scope::WebhooksRead)?;
    query.none()?;
    Ok(Answer(find(&app, &auth, &segments).await?.to_wire()))
}

/// Change a webhook
///
/// What is absent stays. A new `url`, and `isActive: true`, are probed like a new webhook.
#[utoipa::path(patch, path = "/webhooks/{webhookId}", operation_id = "update_webhook", tag = "webhooks",
    params(("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID")),
    request_body = PatchWebhook,
    responses((status = 200, description = "The webhook as it is now", body = Success<Webhook>)),
    security(("apiKey" = [])))]
pub async fn update_webhook(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    posted: Posted,
) -> Result<Answer<Webhook>, ApiError> {
    auth.require(Scope::WebhooksUpdate)?;
    query.none()?;
    let received = posted.receive(&app).await?;
    let patch: PatchWebhook = received.json("PatchWebhook")?;
    register::name_faults(patch.name.as_deref())?;
    let new_url = patch.url.as_deref().map(|text| register::url("url", text)).transpose()?;
    let webhook = find(&app, &auth, &segments).await?;
    match new_url {
        Some(url) => app.webhooks.require_reachable(&url).await?,
        None if patch.is_active == Some(true) => {
            app.webhooks.require_reachable(&register::url("url", &webhook.url)?).await?;
        }
        None => {}
    }
    let now = app.store.local_now();
    let record = auth.audit(now, "webhook.updated", &webhook.id).with("changed", changed(&patch));
    let PatchWebhook { name, url, events, is_active } = patch;
    let change = Change { name, url, events: events.map(register::each_once) };
    let written = app.store.write(move |conn| {
        Box::pin(async move {
            let Some(updated) = webhooks::update(conn, &webhook.tenant_id, &webhook.id, &change, now).await? else {
                return Ok(None);
            };
            audit::insert(conn, &record).await?;
            let switched = match is_active {
                Some(true) => webhooks::enable(conn, &webhook.id, now).await?,
                Some(false) => webhooks::disable(conn, &webhook.id, DisabledReason::User, now).await?,
                None => None,
            };
            Ok(Some(switched.unwrap_or(updated)))
        })
    });
    let updated = written.await?.ok_or_else(not_found)?;
    app.webhooks.hint();
    Ok(Answer(updated.to_wire()))
}

/// Names of the fields that a patch gives: their values could hold a token.
fn changed(patch: &PatchWebhook) -> Vec<&'static str> {
    let PatchWebhook { name, url, events, is_active } = patch;
    let given = [
        ("name", name.is_some()),
        ("url", url.is_some()),
        ("events", events.is_some()),
        ("isActive", is_active.is_some()),
    ];
    given.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field).collect()
}

/// Delete a webhook
///
/// Nothing more is sent to it.
#[utoipa::path(delete, path = "/webhooks/{webhookId}", operation_id = "delete_webhook", tag = "webhooks",
    params(("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID")),
    responses((status = 200, description = "The webhook is gone", body = Success<Deleted>)),
    security(("apiKey" = [])))]
pub async fn delete_webhook(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<Deleted>, ApiError> {
    auth.require(Scope::WebhooksDelete)?;
    query.none()?;
    let id = webhook_id(&segments)?;
    let record = auth.audit(app.store.local_now(), "webhook.deleted", &id);
    let (tenant, deleted) = (auth.tenant_id().to_string(), id.clone());
    let written = app.store.write(move |conn| {
        Box::pin(async move {
            let is_gone = webhooks::delete(conn, &tenant, &deleted).await?;
            if is_gone {
                audit::insert(conn, &record).await?;
            }
            Ok(is_gone)
        })
    });
    if written.await? { Ok(Answer(Deleted { id, deleted: true })) } else { Err(not_found()) }
}

/// Send a test call
///
/// One call with the event `ping`, made at once; the answer tells how it went. It is not repeated, and a failure does not
/// count against the webhook.
#[utoipa::path(post, path = "/webhooks/{webhookId}/test", operation_id = "test_webhook", tag = "webhooks",
    params(
        ("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID"),
    ),
    responses((status = 200, description = "The delivery with its attempt", body = Success<Delivery>)),
    security(("apiKey" = [])))]
pub async fn test_webhook(
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
    let ping = deliver::ping(&webhook, app.store.local_now())?;
    let (delivery_id, lease_ms) = (ping.id.clone(), deliver::lease_ms(&app.config.webhooks));
    let now = app.store.now().await?;
    let claim = app.store.write(move |conn| {
        Box::pin(async move {
            delivery::insert(conn, std::slice::from_ref(&ping)).await?;
            outbox::claim_one(conn, &ping.id, now, lease_ms).await
        })
    });
    if let Some(claimed) = claim.await? {
        deliver::attempt(&app, &claimed).await;
    }
    let record = auth.audit(app.store.local_now(), "webhook.tested", &webhook.id);
    let tested = change.carry_out(&app, move |conn| {
        Box::pin(async move {
            audit::insert(conn, &record).await?;
            super::deliveries::whole(conn, &webhook, &delivery_id).await
        })
    });
    tested.await
}

/// Replace the secret
///
/// Calls carry the signatures of both secrets until the overlap is over, so that a receiver can change over in its own time.
/// The answer is the only one that holds the new secret.
#[utoipa::path(post, path = "/webhooks/{webhookId}/rotate-secret", operation_id = "rotate_webhook_secret", tag = "webhooks",
    params(
        ("webhookId" = String, Path, description = "Id of the webhook: `wh-` and a UUID"),
    ),
    request_body = RotateSecret,
    responses((status = 200, description = "The new secret", body = Success<RotatedSecret>)),
    security(("apiKey" = [])))]
pub async fn rotate_webhook_secret(
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
    let rotate: RotateSecret = change.received.json("RotateSecret")?;
    let webhook = find(&app, &auth, &segments).await?;
    let now = app.store.local_now();
    let until = now + i64::from(rotate.overlap_seconds) * 1000;
    let (secret, sealed) = secret(&app, &webhook.id)?;
    let record = auth.audit(now, "webhook.secret_rotated", &webhook.id);
    let record = record.with("overlapSeconds", rotate.overlap_seconds);
    let id = webhook.id.clone();
    let written = change.carry_out_secret(&app, &id, move |conn| {
        Box::pin(async move {
            if !webhooks::rotate(conn, &webhook.tenant_id, &webhook.id, &sealed, until, now).await? {
                return Ok(Err(not_found()));
            }
            audit::insert(conn, &record).await?;
            Ok(Ok(()))
        })
    });
    written.await?;
    Ok(Answer(RotatedSecret { id, secret, previous_secret_until: Timestamp(until) }).into_response())
}
