//! The Scan API server: HTTP, domain, store, queue and worker.

pub mod api_key;
pub mod app;
pub mod backlog;
pub mod bootstrap;
pub mod calls;
pub mod config;
pub mod engines;
pub mod error;
pub mod http;
pub mod key;
pub mod limit;
pub mod live;
pub mod login;
pub mod net;
pub mod password;
pub mod queue;
pub mod scan;
pub mod schema;
pub mod scope;
pub mod serve;
pub mod session;
pub mod spool;
pub mod status;
pub mod store;
pub mod template;
pub mod tenant;
pub mod tls;
pub mod token;
pub mod usage;
pub mod user;
pub mod vault;
pub mod webhook;
pub mod worker;

pub use app::App;
pub use http::{openapi, router};
pub use serve::{Node, serve};
