//! The Scan API server: HTTP, domain, store, queue and worker.

pub mod api_key;
pub mod app;
pub mod backlog;
pub mod backup;
pub mod bootstrap;
pub mod calls;
pub mod config;
pub mod copy;
mod data_folder;
pub mod doctor;
pub mod engines;
pub mod error;
pub mod fleet;
pub mod http;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(not(feature = "kafka"))]
#[path = "kafka_absent.rs"]
pub mod kafka;
pub mod key;
pub mod limit;
pub mod live;
pub mod login;
pub mod metrics;
pub mod net;
pub mod password;
pub mod queue;
pub mod reseal;
pub mod scan;
pub mod schema;
pub mod scope;
pub mod serve;
pub mod session;
pub mod signals;
pub mod spool;
pub mod status;
pub mod store;
pub mod template;
pub mod tenant;
pub mod tls;
pub mod token;
pub mod upload;
pub mod usage;
pub mod user;
pub mod vault;
pub mod webhook;
pub mod worker;

pub use app::App;
pub use http::{openapi, router};
pub use serve::{Node, Role, serve, work};
