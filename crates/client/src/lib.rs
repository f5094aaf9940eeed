//! Typed clients of security APIs: one error, one retry policy, one rate limiter.
//!
//! [`tenable`], [`zscaler`], [`arctic_wolf`], and [`scan_api`] for Scanyard's own. Each client is made with [`Settings`] and
//! fails with an [`Error`] whose kind is the same whoever was called.
//!
//! This crate must not know a server or a database.

pub mod arctic_wolf;
mod auth;
pub mod error;
mod jwt;
mod limit;
pub mod request;
pub mod retry;
pub mod scan_api;
mod secret;
pub mod settings;
mod stream;
pub mod tenable;
mod transport;
pub mod zscaler;

pub use error::Error;
pub use request::{Answer, Request};
pub use retry::{Retrying, Stop};
pub use settings::{OnRetry, Repeat, Settings, SetupError};
pub use stream::Items;

pub use scanyard_contract::hidden::Hidden;
