//! One thread of the port scan: TCP connects, as many at once as the hosts keep up with.
//!
//! Measured: tasks of a runtime cost more than the connects; here an answer that is there at once (loopback, same
//! network segment) is never registered anywhere.

use super::connect::{Answer, Attempt, Spare, begin};
use super::pace::Pace;
use super::sweep::{Event, Plan, Tally};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Connections in flight at the start, and at most; the rest of the machine needs descriptors too.
const WINDOW_START: usize = 128;
const WINDOW_MAX: usize = 1024;
const WINDOW_MIN: usize = 8;
/// How often expired attempts are looked for, and the stop flag is at the latest.
const ROUND: Duration = Duration::from_millis(10);
/// A pause when only the rate holds us back.
const RATE_PAUSE: Duration = Duration::from_millis(1);
/// The least patience with a host that answers fast: a busy host is not a silent one.
const PATIENCE_MIN: Duration = Duration::from_millis(400);
/// How long our own shortage of descriptors or local ports may last.
const SHORTAGE_MAX: Duration = Duration::from_secs(10);
/// Attempts of one port: silence is asked again once.
const TRIES: u8 = 2;

/// The state of one thread's part.
pub struct Lane<'a, F> {
    plan: &'a Plan,
    tell: F,
    poll: Poll,
    events: Events,
    /// Index of the next pair, address varying fastest.
    next: usize,
    again: VecDeque<(usize, u8)>,
    flying: Vec<Option<Attempt>>,
    free: Vec<usize>,
    window: usize,
    settled: usize,
    tally: Tally,
    hosts: Vec<Host>,
    spare: Spare,
    pace: Option<Pace>,
    short_since: Option<Instant>,
    looked_at: Instant,
}

#[derive(Clone, Copy, Default)]
struct Host {
    has_answered: bool,
    slowest: Duration,
}

impl<'a, F: FnMut(Event)> Lane<'a, F> {
    /// Begins a plan.
    pub fn new(plan: &'a Plan, tell: F) -> io::Result<Self> {
        Ok(Lane {
            plan,
            tell,
            poll: Poll::new()?,
            events: Events::with_capacity(WINDOW_MAX),
            next: 0,
            again: VecDeque::new(),
            flying: (0..WINDOW_MAX).map(|_| None).collect(),
            free: (0..WINDOW_MAX).rev().collect(),
            window: WINDOW_START,
            settled: 0,
            tally: Tally::default(),
            hosts: vec![Host::default(); plan.addresses.len()],
            spare: Spare::default(),
            pace: plan.max_rate.map(|rate| Pace::new(rate, Instant::now())),
            short_since: None,
            looked_at: Instant::now(),
        })
    }

    /// Scans until all is settled or `stop` is set. The error is our own shortage of descriptors or local ports.
    pub fn run(mut self, stop: &AtomicBool) -> io::Result<Tally> {
        while !stop.load(Ordering::Relaxed) && !self.is_done() {
            self.launch(stop)?;
            self.collect()?;
            self.expire();
            (self.tell)(Event::Settled(self.settled));
        }
        Ok(self.tally)
    }

    fn pairs(&self) -> usize {
        self.plan.addresses.len() * self.plan.ports.len()
    }

    fn is_done(&self) -> bool {
        self.settled == self.pairs()
    }

    fn in_flight(&self) -> usize {
        WINDOW_MAX - self.free.len()
    }

    fn peer(&self, pair: usize) -> SocketAddr {
        let hosts = self.plan.addresses.len();
        SocketAddr::new(self.plan.addresses[pair % hosts], self.plan.ports[pair / hosts])
    }

    fn may_launch(&mut self) -> bool {
        let is_any_left = self.next < self.pairs() || !self.again.is_empty();
        is_any_left && self.in_flight() < self.window && self.pace.as_mut().is_none_or(|pace| pace.may(Instant::now()))
    }

    /// Begins connections until the window is full, the rate is used up, or a round is over.
    fn launch(&mut self, stop: &AtomicBool) -> io::Result<()> {
        let until = Instant::now() + ROUND;
        while self.may_launch() && Instant::now() < until && !stop.load(Ordering::Relaxed) {
            let (pair, tries) = match self.again.pop_front() {
                Some(waiting) => waiting,
                None if self.next < self.pairs() => {
                    self.next += 1;
                    (self.next - 1, 1)
                }
                None => break,
            };
            if let Some(pace) = &mut self.pace {
                pace.take();
            }
            let attempt = Attempt { pair, tries, began: Instant::now(), peer: self.peer(pair), socket: None };
            let (attempt, answer) = begin(attempt, &mut self.spare);
            match answer {
                Answer::Pending => self.fly(attempt)?,
                Answer::Shortage(error) => {
                    self.again.push_front((pair, tries));
                    return self.endure(error);
                }
                answer => self.settle(&attempt, answer),
            }
            self.short_since = None;
        }
        Ok(())
    }

    /// Our own shortage: fewer connections at once, and a pause; an error when that does not help.
    fn endure(&mut self, error: io::Error) -> io::Result<()> {
        let since = *self.short_since.get_or_insert_with(Instant::now);
        if since.elapsed() > SHORTAGE_MAX {
            return Err(error);
        }
        self.window = (self.in_flight() / 2).max(WINDOW_MIN);
        std::thread::sleep(ROUND);
        Ok(())
    }

    fn fly(&mut self, attempt: Attempt) -> io::Result<()> {
        let (Some(slot), Some(socket)) = (self.free.pop(), &attempt.socket) else { return Ok(()) };
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(slot), interest)?;
        self.flying[slot] = Some(attempt);
        Ok(())
    }

    /// Takes the answers that have come.
    fn collect(&mut self) -> io::Result<()> {
        if self.in_flight() == 0 {
            if !self.may_launch() && !self.is_done() {
                std::thread::sleep(RATE_PAUSE);
            }
            return Ok(());
        }
        let wait = if self.may_launch() { Duration::ZERO } else { ROUND };
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for event in &events {
            let slot = event.token().0;
            let Some(attempt) = self.flying[slot].take() else { continue };
            match attempt.answer() {
                Answer::Pending => self.flying[slot] = Some(attempt),
                Answer::Shortage(error) => {
                    self.free.push(slot);
                    self.settle(&attempt, Answer::Silent(Some(error.kind().to_string())));
                }
                answer => {
                    self.free.push(slot);
                    self.settle(&attempt, answer);
                }
            }
        }
        self.events = events;
        Ok(())
    }

    /// Gives up on attempts whose time is over.
    fn expire(&mut self) {
        if self.looked_at.elapsed() < ROUND {
            return;
        }
        self.looked_at = Instant::now();
        for slot in 0..self.flying.len() {
            let Some(attempt) = &self.flying[slot] else { continue };
            if attempt.began.elapsed() < self.patience(attempt.pair) {
                continue;
            }
            if let Some(attempt) = self.flying[slot].take() {
                self.free.push(slot);
                self.settle(&attempt, Answer::Silent(None));
            }
        }
    }

    /// How long a host may take: a host that answers fast is given less than the plan's time-out.
    fn patience(&self, pair: usize) -> Duration {
        let host = &self.hosts[pair % self.hosts.len()];
        if host.has_answered { (host.slowest * 5).max(PATIENCE_MIN).min(self.plan.timeout) } else { self.plan.timeout }
    }

    fn settle(&mut self, attempt: &Attempt, answer: Answer) {
        match answer {
            Answer::Open => {
                self.tally.open += 1;
                self.answered(attempt);
                (self.tell)(Event::Open(attempt.peer));
            }
            Answer::Refused => {
                self.tally.refused += 1;
                self.answered(attempt);
            }
            Answer::Itself | Answer::Silent(_) if attempt.tries < TRIES => {
                self.again.push_back((attempt.pair, attempt.tries + 1));
                return;
            }
            // Free twice, since the kernel gave it to us: closed, on an address of this machine.
            Answer::Itself => {
                self.tally.refused += 1;
                self.answered(attempt);
            }
            Answer::Silent(network) => {
                self.tally.silent += 1;
                self.tally.network = network.or(self.tally.network.take());
            }
            Answer::Pending | Answer::Shortage(_) => {}
        }
        self.settled += 1;
    }

    fn answered(&mut self, attempt: &Attempt) {
        // An answer to the second attempt alone is a sign of loss.
        if attempt.tries > 1 {
            self.window = (self.window / 2).max(WINDOW_MIN);
        } else {
            self.window = (self.window + 1).min(WINDOW_MAX);
        }
        let index = attempt.pair % self.hosts.len();
        let host = &mut self.hosts[index];
        host.slowest = host.slowest.max(attempt.began.elapsed());
        if !host.has_answered {
            host.has_answered = true;
            (self.tell)(Event::Answered(attempt.peer.ip()));
        }
    }
}
