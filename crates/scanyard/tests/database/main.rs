//! The database as an operator meets it: what stands in the way of a start, what happens when it goes away, and how its
//! content is kept and moved. Each test has its own PostgreSQL.

mod cluster;
mod command;
mod embedded;
mod moving;
mod outage;
#[path = "../survival/server.rs"]
mod server;
mod start;
