//! The port scan: TCP connects over all addresses and ports, on threads of its own.

use super::lane::Lane;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::time::Duration;

/// Threads at most: on loopback and fast networks the kernel's part of a connect is what takes the time.
const LANES_MAX: usize = 4;
/// Pairs of address and port for which another thread is worth its start.
const LANE_PAIRS: usize = 4096;

/// What to scan, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    pub addresses: Vec<IpAddr>,
    pub ports: Vec<u16>,
    /// How long one connection may take to open.
    pub timeout: Duration,
    /// The most connections begun per second.
    pub max_rate: Option<u32>,
}

/// What the sweep tells while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The address accepted or refused a connection for the first time.
    Answered(IpAddr),
    Open(SocketAddr),
    /// So many of all address-port pairs are settled.
    Settled(usize),
}

/// The count of the answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub open: usize,
    pub refused: usize,
    /// Neither accepted nor refused.
    pub silent: usize,
    /// The last thing that the network said instead of the target, such as "No route to host".
    pub network: Option<String>,
}

impl Plan {
    /// The pairs of address and port.
    pub fn pairs(&self) -> usize {
        self.addresses.len() * self.ports.len()
    }

    /// How many threads share it. A rate is one thread's to keep.
    fn lanes(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        match self.max_rate {
            Some(_) => 1,
            None => (self.pairs() / LANE_PAIRS).clamp(1, cores.min(LANES_MAX)),
        }
    }

    /// Every `count`th port, from the `lane`th on.
    fn part(&self, lane: usize, count: usize) -> Plan {
        Plan { ports: self.ports.iter().copied().skip(lane).step_by(count).collect(), ..self.clone() }
    }
}

impl Tally {
    fn plus(self, other: Tally) -> Tally {
        Tally {
            open: self.open + other.open,
            refused: self.refused + other.refused,
            silent: self.silent + other.silent,
            network: self.network.or(other.network),
        }
    }
}

/// Scans until all is settled or `stop` is set. The error is our own shortage of descriptors or local ports.
pub fn sweep(plan: &Plan, stop: &AtomicBool, mut tell: impl FnMut(Event)) -> io::Result<Tally> {
    let count = plan.lanes();
    if count == 1 {
        return Lane::new(plan, tell)?.run(stop);
    }
    let parts: Vec<Plan> = (0..count).map(|lane| plan.part(lane, count)).collect();
    let (sender, events) = mpsc::channel();
    std::thread::scope(|scope| {
        let lanes: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(lane, part)| {
                let sender = sender.clone();
                let tell = move |event| {
                    let _ = sender.send((lane, event));
                };
                scope.spawn(move || Lane::new(part, tell)?.run(stop))
            })
            .collect();
        drop(sender);
        let mut settled = vec![0; count];
        for (lane, event) in events {
            match event {
                Event::Settled(pairs) => {
                    settled[lane] = pairs;
                    tell(Event::Settled(settled.iter().sum()));
                }
                Event::Answered(_) | Event::Open(_) => tell(event),
            }
        }
        lanes.into_iter().try_fold(Tally::default(), |tally, lane| match lane.join() {
            Ok(part) => Ok(tally.plus(part?)),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(ports: usize, max_rate: Option<u32>) -> Plan {
        let ports = (1..=ports).map(|port| u16::try_from(port).unwrap()).collect();
        Plan { addresses: vec!["127.0.0.1".parse().unwrap()], ports, timeout: Duration::from_secs(1), max_rate }
    }

    #[test]
    fn the_parts_of_a_plan_are_the_plan() {
        let whole = plan(10_000, None);
        for count in 1..=4 {
            let parts: Vec<u16> = (0..count).flat_map(|lane| whole.part(lane, count).ports).collect();
            assert_eq!(parts.len(), whole.ports.len());
            assert_eq!(parts.into_iter().collect::<BTreeSet<_>>(), whole.ports.iter().copied().collect());
        }
    }

    #[test]
    fn a_small_plan_and_a_rate_have_one_thread() {
        assert_eq!(plan(100, None).lanes(), 1);
        assert_eq!(plan(65_535, Some(500)).lanes(), 1);
        assert!(plan(65_535, None).lanes() <= LANES_MAX);
    }
}
