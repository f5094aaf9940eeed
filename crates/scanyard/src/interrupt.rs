//! Ctrl-C, SIGTERM and SIGHUP.

use crate::exit::Exit;
use anyhow::Context;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Signals that come within this time are one: `timeout` and some supervisors tell a process and then its group.
const TOGETHER: Duration = Duration::from_millis(500);

/// What signals ask a scan for.
#[derive(Debug, Clone)]
pub struct Interrupt {
    /// Set at the first SIGINT or SIGTERM: it shall end softly.
    pub cancel: CancellationToken,
    /// Set at the second, and at a SIGHUP, after which nobody reads: it shall be dropped, and what it has on disk with it.
    pub end: CancellationToken,
}

/// A token that is set at the first SIGINT or SIGTERM; at a later one the process ends at once.
pub fn token() -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = both()?;
    let token = CancellationToken::new();
    let set = token.clone();
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        set.cancel();
        let first = Instant::now();
        while first.elapsed() < TOGETHER {
            either(&mut interrupt, &mut terminate).await;
        }
        std::process::exit(Exit::Interrupted as i32);
    });
    Ok(token)
}

/// The same for what has something to clear away.
pub fn of_scan() -> anyhow::Result<Interrupt> {
    let (mut interrupt, mut terminate) = both()?;
    // Who is started by nohup outlives the terminal.
    let hangups = match is_ignored(SignalKind::hangup()) {
        true => None,
        false => Some(signal(SignalKind::hangup()).context("listening for SIGHUP")?),
    };
    let told = Interrupt { cancel: CancellationToken::new(), end: CancellationToken::new() };
    let set = told.clone();
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        set.cancel.cancel();
        either(&mut interrupt, &mut terminate).await;
        set.end.cancel();
        either(&mut interrupt, &mut terminate).await;
        std::process::exit(Exit::Interrupted as i32);
    });
    if let Some(mut hangups) = hangups {
        let end = told.end.clone();
        tokio::spawn(async move {
            hangups.recv().await;
            end.cancel();
        });
    }
    Ok(told)
}

fn both() -> anyhow::Result<(Signal, Signal)> {
    let interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    Ok((interrupt, terminate))
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Whether whoever started this process had it ignore the signal.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (kind.as_raw_value() - 1) & 1 == 1)
}
