//! Reading a request's body within its bounds of size and time.

use crate::error::ApiError;
use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use scanyard_contract::Code;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// A body that the handler reads and whose rest the outermost layer can still discard.
#[derive(Debug, Clone)]
pub struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    pub fn new(body: Body) -> SharedBody {
        SharedBody(Arc::new(Mutex::new(body)))
    }

    fn with<T>(&self, what: impl FnOnce(&mut Body) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl http_body::Body for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}

/// The most bytes that are read only to be thrown away, so that a client that is still sending sees its answer.
const DISCARD_BYTES: usize = 32 * 1024 * 1024;
/// The longest time spent on that.
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Reads what is left of a body and throws it away, within bounds.
pub async fn discard(mut body: SharedBody) {
    let read_on = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DISCARD_BYTES {
                break;
            }
        }
    };
    // Past the time the connection is closed under the client: the answer may be lost, the server is not.
    let _ = tokio::time::timeout(DISCARD_TIME, read_on).await;
}

/// Reads a whole body of at most `limit` bytes that arrives within `budget`.
pub async fn read(body: Body, limit: usize, budget: Duration) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::new(Code::PayloadTooLarge).with("limit", limit.to_string());
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(budget, http_body_util::Limited::new(body, limit).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        // The client broke off or broke the transfer encoding; there is hardly anyone left to tell.
        Ok(Err(error)) => {
            let error = ApiError::new(Code::InvalidJson).caused_by(anyhow::anyhow!(error));
            Err(error.detail("body", "the body ended before its announced length"))
        }
        Err(_) => {
            Err(ApiError::new(Code::RequestTimeout)
                .detail("body", format!("not complete after {} ms", budget.as_millis())))
        }
    }
}
