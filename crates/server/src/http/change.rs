//! Carries a change out: the change itself, its audit record and the answer that every repeat gets, in one transaction.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{self, Answer, Created};
use crate::http::auth::Auth;
use crate::http::idempotency::{self, Begun, Pending};
use crate::http::posted::{Posted, Received};
use crate::store::StoreError;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::StatusCode;
use serde::Serialize;
use sqlx::AnyConnection;

/// What a change came to: the data of its answer, or why nothing was changed.
pub type Outcome<T> = Result<Result<T, ApiError>, StoreError>;

/// A POST that is no repeat.
#[derive(Debug)]
pub struct Change {
    pub received: Received,
    pending: Option<Pending>,
    /// The path of what is made; none for a change of what is there.
    location: Option<String>,
}

/// Reads a POST; `Err` is the answer when it is a repeat.
pub async fn begin(app: &App, auth: &Auth, posted: Posted) -> Result<Result<Change, Response>, ApiError> {
    let received = posted.receive(app).await?;
    Ok(match idempotency::begin(app, auth, &received).await? {
        Begun::New(pending) => Ok(Change { received, pending, location: None }),
        Begun::Replay(stored) => Err(idempotency::replay(stored)),
    })
}

/// The same for a POST that is read already, of a caller who has no session yet.
pub async fn of_received(
    app: &App,
    tenant_id: &str,
    principal: &str,
    received: Received,
) -> Result<Result<Change, Response>, ApiError> {
    Ok(match idempotency::begin_for(app, tenant_id, principal, &received).await? {
        Begun::New(pending) => Ok(Change { received, pending, location: None }),
        Begun::Replay(stored) => Err(idempotency::replay(stored)),
    })
}

impl Change {
    /// Something is made, and found at this path below the base.
    pub fn at(mut self, path: &str) -> Change {
        self.location = Some(format!("{}{path}", super::BASES[0]));
        self
    }

    /// Carries the change out and answers. A `change` that gives an error must not have written anything.
    pub async fn carry_out<T: Serialize + Send + Sync + 'static>(
        self,
        app: &App,
        change: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Outcome<T>> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let Change { pending, location, received: _ } = self;
        let status = if location.is_some() { StatusCode::CREATED } else { StatusCode::OK };
        let now = app.store.local_now();
        let keep = pending.as_ref().map(|pending| pending.keep(status, location.clone(), now));
        let is_keyed = keep.is_some();
        let written = app.store.write(move |conn| {
            Box::pin(async move {
                let outcome = change(conn).await?;
                if let (Ok(data), Some(mut keep)) = (&outcome, keep) {
                    keep.answer.body = serde_json::to_string(&answer::success(data))?;
                    crate::store::idempotency::insert(conn, &keep).await?;
                }
                Ok(outcome)
            })
        });
        let data = written.await.map_err(|error| raced(error, is_keyed))??;
        Ok(match location {
            Some(location) => Created { data, location }.into_response(),
            None => Answer(data).into_response(),
        })
    }

    /// Carries out a change whose answer holds a secret: the answer is the caller's to make, and no repeat gets it. `id`
    /// is the resource's.
    pub async fn carry_out_secret<T: Send + Sync + 'static>(
        self,
        app: &App,
        id: &str,
        change: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Outcome<T>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let keep = self.pending.as_ref().map(|pending| pending.keep_secret(id, app.store.local_now()));
        let is_keyed = keep.is_some();
        let written = app.store.write(move |conn| {
            Box::pin(async move {
                let outcome = change(conn).await?;
                if let (Ok(_), Some(keep)) = (&outcome, keep) {
                    crate::store::idempotency::insert(conn, &keep).await?;
                }
                Ok(outcome)
            })
        });
        written.await.map_err(|error| raced(error, is_keyed))?
    }
}

/// With a key, a duplicate says that the same request runs on another node, and was faster there.
fn raced(error: StoreError, is_keyed: bool) -> ApiError {
    match error {
        StoreError::Duplicate if is_keyed => idempotency::in_progress(),
        error => error.into(),
    }
}
