//! sentinel: the native engine. It opens TCP connections to the addresses of its job, and for a domain asks DNS.

mod certificate;
mod chain;
mod connect;
mod cookies;
mod dns;
mod exposures;
mod found;
mod hello;
pub(crate) mod http;
mod lane;
mod manual;
pub(crate) mod net;
mod options;
mod pace;
mod port;
mod profiles;
pub mod rules;
mod services;
mod suites;
pub mod sweep;
pub(crate) mod tls;
mod verdict;
mod visit;
mod web;

use crate::Options as JobOptions;
use crate::job::{Control, Job, Outcome, Parsed, Report, raise};
use crate::target::Target;
use found::{Found, Part};
use futures::{StreamExt, stream};
use port::Place;
use scanyard_contract::scan::{Failure, FailureReason};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use sweep::{Event, Plan, Tally};
use tokio::sync::{mpsc, watch};
use visit::Probe;

pub use manual::pages;
pub use options::{Check, Options};
pub use profiles::Profile;

/// Ports that are questioned at the same time.
const PORTS_AT_ONCE: usize = 32;
/// Open ports that are questioned at all: a machine on which everything is open is a trap.
const PORTS_QUESTIONED: usize = 1024;
/// Progress when the sweep is over.
const SWEPT: u8 = 50;

/// Runs sentinel.
pub async fn run(job: Job, control: Control) -> Report {
    let JobOptions::Sentinel(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these options are not sentinel's");
    };
    let found = Mutex::new(Found::default());
    let outcome = tokio::select! {
        biased;
        () = control.stop.cancelled() => Outcome::Stopped,
        () = control.cancel.cancelled() => Outcome::Cancelled,
        () = tokio::time::sleep(job.timeout) => verdict::timed_out(job.timeout),
        outcome = scan(&job, options, &control.progress, &found) => outcome,
    };
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if outcome == Outcome::Completed {
        raise(&control.progress, 100);
    }
    let raw = found.raw(&job.target);
    let parsed = Parsed {
        coverage: verdict::coverage(&job, &found),
        engine_version: Some(env!("CARGO_PKG_VERSION").to_string()),
        collected: found.collected,
        fault: None,
    };
    Report::of(outcome, parsed, Some(raw))
}

async fn scan(job: &Job, options: &Options, progress: &watch::Sender<u8>, found: &Mutex<Found>) -> Outcome {
    let plan = Plan {
        addresses: job.addresses.clone(),
        ports: options.ports_of(&job.target).iter().collect(),
        timeout: options.connect_timeout,
        max_rate: options.max_rate,
    };
    if plan.addresses.is_empty() {
        return verdict::failed(FailureReason::ResolutionFailed, "the target has no address".to_string());
    }
    let ports = async {
        let tally = sweep_ports(job, plan, progress, found).await?;
        raise(progress, SWEPT);
        question(job, options, progress, found).await;
        Ok(tally)
    };
    let dns = async {
        if options.wants(Check::Dns) {
            dns::inspect(job, found).await;
        }
    };
    match tokio::join!(ports, dns).0 {
        Ok(tally) => verdict::judge(&job.target, &tally, &found::lock(found)),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// Ends the sweep's thread with the scan that it belongs to.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn sweep_ports(
    job: &Job,
    plan: Plan,
    progress: &watch::Sender<u8>,
    found: &Mutex<Found>,
) -> Result<Tally, Failure> {
    let pairs = plan.addresses.len() * plan.ports.len();
    let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
    let stopped = stop.0.clone();
    let (sender, mut events) = mpsc::unbounded_channel();
    let sweeping = tokio::task::spawn_blocking(move || {
        sweep::sweep(&plan, &stopped, |event| {
            let _ = sender.send(event);
        })
    });
    while let Some(event) = events.recv().await {
        let mut found = found::lock(found);
        match event {
            Event::Answered(ip) => {
                found.answered.insert(ip);
            }
            Event::Open(address) => {
                found.open.push(address);
                let place = Place::new(&host_of(job, address), address);
                found.collected.add(rules::OPEN_PORT.finding(&place, Part::Whole, "the port accepted a connection"));
            }
            Event::Settled(settled) => {
                let percent = settled * usize::from(SWEPT) / pairs.max(1);
                raise(progress, u8::try_from(percent).unwrap_or(SWEPT));
            }
        }
    }
    found::lock(found).open.sort_unstable();
    let failure = |message: String| Failure { reason: FailureReason::EngineFailed, message, last_lines: Vec::new() };
    match sweeping.await {
        Ok(Ok(tally)) => Ok(tally),
        Ok(Err(error)) => {
            Err(failure(format!("ran out of descriptors or local ports: {error}; scan fewer hosts at once")))
        }
        Err(error) => Err(failure(format!("the port scan ended by itself: {error}"))),
    }
}

async fn question(job: &Job, options: &Options, progress: &watch::Sender<u8>, found: &Mutex<Found>) {
    let url = job.target.url();
    if url.is_none() && options.checks.is_empty() {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let mut open = found::lock(found).open.clone();
    if let Some(first) = open.get(PORTS_QUESTIONED).copied() {
        let others = open.len() - PORTS_QUESTIONED - 1;
        let why = format!("this port and {others} other open ones were not questioned: {PORTS_QUESTIONED} were before");
        let place = Place::new(&host_of(job, first), first);
        found::lock(found).collected.add(rules::PORT_PARTLY_CHECKED.finding(&place, Part::Whole, &why));
        open.truncate(PORTS_QUESTIONED);
    }
    let count = open.len();
    let visits = open.into_iter().map(|address| async move {
        let probe = Probe { host: host_of(job, address), url, options, now };
        visit::visit(&probe, address, found).await
    });
    let mut visits = stream::iter(visits).buffer_unordered(PORTS_AT_ONCE);
    let mut done = 0;
    while let Some(()) = visits.next().await {
        done += 1;
        let percent = usize::from(SWEPT) + done * (99 - usize::from(SWEPT)) / count;
        raise(progress, u8::try_from(percent).unwrap_or(99));
    }
}

/// What a port's findings call the host: the target as requested; in a network, the address.
fn host_of(job: &Job, address: SocketAddr) -> String {
    match &job.target {
        Target::Network(_) => address.ip().to_string(),
        Target::Ip(_) | Target::Host(_) | Target::Url(_) | Target::Upload(_) | Target::Image(_) | Target::Files(_) => {
            job.target.host()
        }
    }
}
