//! Typed clients of security APIs: one error, one retry policy, one rate limiter.
//!
//! [`tenable`], [`zscaler`], [`arctic_wolf`], and [`scan_api`] for Scanyard's own. Each client is made with [`Settings`] and
//! fails with an [`Error`] whose kind is the same whoever was called.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use scanyard_client::tenable::export::Waiting;
//! use scanyard_client::tenable::filters::{Vulns, What};
//! use scanyard_client::tenable::{Client, Credential};
//! use scanyard_client::{Hidden, Settings};
//!
//! # async fn findings() -> Result<(), Box<dyn std::error::Error>> {
//! let credential = Credential::Keys { access: Hidden::new("…"), secret: Hidden::new("…") };
//! let client = Client::new(credential, Settings::default())?;
//! let export = client.export(&What::Vulns(Vulns::default()), Waiting::default()).await?;
//! let mut findings = export.items::<serde_json::Value>();
//! while let Some(finding) = findings.try_next().await? {
//!     println!("{finding}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This crate must not know a server or a database.

pub mod arctic_wolf;
mod auth;
pub mod error;
mod file;
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
pub use file::FileBody;
pub use request::{Answer, Request};
pub use retry::{Retrying, Stop};
pub use secret::{MASK, hide_members, is_secret_header, is_secret_name};
pub use settings::{OnRetry, Repeat, Settings, SetupError};
pub use stream::Items;

pub use scanyard_contract::hidden::Hidden;
