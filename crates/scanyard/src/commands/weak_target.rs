//! `scanyard weak-target`: what our own scripts scan.

use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output;
use anyhow::Context;
use clap::Args;
use scanyard_engines::weak_target::WeakTarget;

/// Serve the deliberately weak target of the demo on loopback until a signal, and print its addresses
#[derive(Debug, Args)]
pub struct WeakTargetArgs {}

/// Serves until a signal.
pub async fn run(_args: WeakTargetArgs) -> Result<Exit, Failure> {
    let shutdown = interrupt::token()?;
    let target = WeakTarget::start().await.context("starting the weak target")?;
    let WeakTarget { http, https, redis, banner, tarpit, .. } = &target;
    output::print(&format!("http={http}\nhttps={https}\nredis={redis}\nbanner={banner}\ntarpit={tarpit}\n"))?;
    shutdown.cancelled().await;
    Ok(Exit::Clean)
}
