//! Vendors' APIs, simulated: valid answers, and every catalogued failure by plan, by a request header, or by its documented
//! cause. Knows no socket but in `serve`.

mod arctic_wolf;
mod authority;
mod control;
mod data;
mod exchange;
mod failure;
mod newer;
mod plan;
mod scan_api;
mod serve;
mod tenable;
mod zpa;
mod zscaler;

pub use authority::Authority;
pub use plan::Plan;
pub use serve::serve;

use control::Recorded;
use data::Shelf;
use exchange::{Asked, Reply};
use scanyard_contract::{Contract, Service};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most requests that are remembered.
const MAX_RECORDED: usize = 10_000;
/// The header by which a request asks for a failure.
const FAIL: &str = "x-scanyard-fail";

/// How the simulator is set up.
#[derive(Debug)]
pub struct Settings {
    pub contract: Contract,
    pub plan: Plan,
    /// How many objects each list has.
    pub items: u64,
    /// Whether writes are refused as during maintenance.
    pub is_read_only: bool,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// The largest body that is taken, in bytes.
    pub max_body: usize,
}

/// One simulated vendor.
#[derive(Debug)]
pub struct Simulator {
    settings: Settings,
    state: Mutex<State>,
}

/// What changes with the requests.
#[derive(Debug)]
struct State {
    started: Instant,
    plan: Plan,
    is_read_only: bool,
    recorded: VecDeque<Recorded>,
    /// How many requests have come, remembered or not: what ids are made from, so that none comes twice.
    requests: u64,
    /// How many of them came before the record was last emptied.
    forgotten: u64,
    /// Bearer tokens that were given out.
    tokens: BTreeSet<String>,
    /// Sessions of the older logins, with the time of their last request.
    sessions: BTreeMap<String, Instant>,
    /// Ids of auth tokens that were exchanged; each is good once.
    exchanged: BTreeSet<String>,
    /// Lists, by their place in the API.
    shelves: BTreeMap<String, Shelf>,
    exports: BTreeMap<String, tenable::Export>,
    /// Policy sets that a write is working on.
    busy: BTreeSet<String>,
    /// Whether changes wait for their activation.
    is_pending: bool,
    /// Reports of Arctic Wolf by organisation and id, with the number of times that their state was asked for.
    reports: BTreeMap<(String, String), u32>,
    /// Tickets of Arctic Wolf that were closed, by organisation and number.
    closed: BTreeSet<(String, u64)>,
}

/// What a request comes to.
pub(crate) enum Outcome {
    Now(Reply),
    /// Answered after a while; the policy set is busy until then.
    Later(Reply, Duration, Option<String>),
}

impl Simulator {
    pub fn new(mut settings: Settings) -> Simulator {
        let plan = std::mem::take(&mut settings.plan);
        let state = State {
            started: Instant::now(),
            plan,
            is_read_only: settings.is_read_only,
            recorded: VecDeque::new(),
            requests: 0,
            forgotten: 0,
            tokens: BTreeSet::new(),
            sessions: BTreeMap::new(),
            exchanged: BTreeSet::new(),
            shelves: BTreeMap::new(),
            exports: BTreeMap::new(),
            busy: BTreeSet::new(),
            is_pending: false,
            reports: BTreeMap::new(),
            closed: BTreeSet::new(),
        };
        Simulator { settings, state: Mutex::new(state) }
    }

    /// A panic in another request must not end the simulator: its state is plain data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request.
    pub(crate) fn answer(&self, asked: &mut Asked) -> Outcome {
        let mut state = self.state();
        if let ["__scanyard", what] = asked.segments().as_slice() {
            return Outcome::Now(control::answer(self.settings.contract, &mut state, asked, what));
        }
        state.count(asked);
        let planned = state.plan.next(asked);
        let delay = Duration::from_millis(planned.as_ref().map_or(0, |step| step.delay_ms));
        let instead = planned.as_ref().and_then(|step| control::planned(self.settings.contract, asked, step));
        let (reply, busy) = match instead {
            Some(reply) => (reply, None),
            None => self.unplanned(&mut state, asked),
        };
        let reply = stamp(self.settings.contract, state.is_read_only, asked, reply);
        let reply = planned.iter().fold(reply, |reply, step| step.change(reply));
        state.remember(asked, reply.status);
        let hold = if busy.is_some() { Duration::from_millis(50) } else { Duration::ZERO };
        if delay + hold > Duration::ZERO { Outcome::Later(reply, delay + hold, busy) } else { Outcome::Now(reply) }
    }

    /// What the request header asks for, else what the vendor answers.
    fn unplanned(&self, state: &mut State, asked: &Asked) -> (Reply, Option<String>) {
        let contract = self.settings.contract;
        let wanted = asked.header(FAIL);
        if !wanted.is_empty() {
            let unknown = || {
                Reply::json(400, &json!({ "error": format!("{FAIL}: the catalogue of {contract} has no such code") }))
            };
            return (failure::by_name(contract, asked, wanted).unwrap_or_else(unknown), None);
        }
        if let Some(refused) = self.refused(asked) {
            return (refused, None);
        }
        let items = self.settings.items;
        match contract {
            Contract::Tenable => (tenable::answer(state, asked, items), None),
            Contract::Zscaler => zscaler::answer(state, asked, items),
            Contract::ArcticWolf => (arctic_wolf::answer(state, asked, items), None),
            Contract::ScanApi | Contract::Pytenable => (scan_api::answer(asked), None),
        }
    }

    /// What is refused whatever the route: a body that is too large or of the wrong type.
    fn refused(&self, asked: &Asked) -> Option<Reply> {
        let contract = self.settings.contract;
        if asked.body.len() > self.settings.max_body {
            return Some(failure::by_status(contract, asked, 413));
        }
        let kind = asked.header("content-type").to_ascii_lowercase();
        let is_form = ["/oauth2/v1/token", "/signin", "/file/upload", "/scans/import", "/policies/import"]
            .iter()
            .any(|path| asked.path.ends_with(path));
        let is_json = kind.starts_with("application/json");
        let is_wrong = asked.is_write() && !asked.body.is_empty() && !is_json && !is_form;
        is_wrong.then(|| failure::by_status(contract, asked, 415))
    }

    /// The answer to a request whose body was not read to its end: it did not arrive in time, or is larger than is read at
    /// all.
    pub(crate) fn refuse(&self, asked: &mut Asked, status: u16) -> Reply {
        let mut state = self.state();
        state.count(asked);
        let reply = failure::by_status(self.settings.contract, asked, status);
        let reply = stamp(self.settings.contract, state.is_read_only, asked, reply);
        state.remember(asked, reply.status);
        reply
    }

    /// A write to a policy set is over.
    pub(crate) fn release(&self, policy_set: &str) {
        self.state().busy.remove(policy_set);
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl State {
    /// Gives a request its number.
    fn count(&mut self, asked: &mut Asked) {
        self.requests += 1;
        asked.number = self.requests;
    }

    fn remember(&mut self, asked: &Asked, status: u16) {
        if self.recorded.len() >= MAX_RECORDED {
            self.recorded.pop_front();
        }
        let recorded = Recorded::of(asked, status, self.started.elapsed());
        self.recorded.push_back(recorded);
    }

    fn shelf(&mut self, place: &str) -> &mut Shelf {
        self.shelves.entry(place.to_string()).or_default()
    }
}

/// The headers that the vendor puts on every answer.
fn stamp(contract: Contract, is_read_only: bool, asked: &Asked, reply: Reply) -> Reply {
    let number = asked.number;
    match contract {
        // The edge answers a 429 itself, without the service's headers.
        Contract::Tenable if reply.status == 429 && reply.headers.iter().any(|(_, value)| value == "text/html") => {
            reply
        }
        Contract::Tenable => {
            reply.with("x-request-uuid", format!("{number:032x}")).with("x-gateway-site-id", "simulated")
        }
        Contract::Zscaler => {
            let has_mode = reply.headers.iter().any(|(name, _)| name == "x-zscaler-mode");
            let service = Service::of_url(contract, &asked.host, &asked.path);
            let reply = match service {
                Some(Service::Zia | Service::Cbc) if !has_mode => {
                    reply.with("x-zscaler-mode", if is_read_only { "read-only" } else { "read-write" })
                }
                Some(_) | None => reply,
            };
            if reply.headers.iter().any(|(name, _)| name == "x-oneapi-api-category") {
                return reply;
            }
            reply.with("x-transaction-id", format!("{number:032x}"))
        }
        Contract::ArcticWolf => reply.with("x-request-id", data::uuid(0xa, number)),
        Contract::ScanApi => reply.with("x-request-id", scan_api::request_id(asked)),
        Contract::Pytenable => reply,
    }
}
