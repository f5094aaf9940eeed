//! Rate limits: per key in fixed UTC windows, counted in the database in slices; per source address in memory.

use crate::store::{Store, StoreError, rate_window};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A key's limits in requests, in the order of [`WINDOWS`].
pub type Limits = [u64; 3];

/// A window: its name for people and its length in seconds.
#[derive(Debug, PartialEq, Eq)]
pub struct Window {
    pub name: &'static str,
    pub length_s: i64,
}

/// The windows, shortest first.
pub const WINDOWS: [Window; 3] = [
    Window { name: "minute", length_s: 60 },
    Window { name: "hour", length_s: 3_600 },
    Window { name: "day", length_s: 86_400 },
];

impl Window {
    /// When the window that holds `now` began. Fixed in UTC: epoch milliseconds know no leap seconds.
    pub fn start(&self, now: i64) -> i64 {
        now - now.rem_euclid(self.length_s * 1000)
    }

    /// Whole seconds until it ends, at least 1.
    pub fn seconds_left(&self, now: i64) -> u64 {
        let left_ms = self.start(now) + self.length_s * 1000 - now;
        (left_ms.unsigned_abs()).div_ceil(1000).max(1)
    }
}

/// The first slice of a window, in units.
const FIRST_SLICE: u64 = 16;

/// How many units a node takes from the row at once: twice as many as the last time, so that what a node leaves unused
/// when it is killed is little beside what was used, however often that happens; and never more than a part of the limit.
fn slice(limit: u64, last: u64) -> u64 {
    (limit / 200).clamp(1, FIRST_SLICE.max(last.saturating_mul(2)))
}

/// What this node holds of one key's window.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    start: i64,
    limit: u64,
    /// Units taken from the row and not yet used.
    left: u64,
    /// Units of the last slice.
    slice: u64,
    /// Units that all nodes have taken from the row, as it was last seen.
    taken: u64,
    /// The row has nothing more to give.
    is_exhausted: bool,
}

impl Held {
    fn roll(&mut self, start: i64, limit: u64) {
        if self.start != start || self.limit != limit {
            *self = Held { start, limit, ..Held::default() };
        }
    }

    fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.taken) + self.left
    }
}

/// What a window lacks.
#[derive(Debug, Clone, Copy)]
struct Lack {
    /// Its place in [`WINDOWS`].
    window: usize,
    start: i64,
    limit: u64,
    /// Units to take from its row.
    want: u64,
}

/// Where a key stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub limits: Limits,
    pub remaining: [u64; 3],
    pub seconds_left: [u64; 3],
    /// The longest exhausted window, when the request is over a limit: its place in [`WINDOWS`].
    pub exceeded: Option<usize>,
}

impl Standing {
    /// The window that will run out first: the exceeded one, else that with the least left.
    pub fn tightest(&self) -> usize {
        let least = (0..WINDOWS.len()).min_by_key(|i| self.remaining[*i]).unwrap_or_default();
        self.exceeded.unwrap_or(least)
    }
}

/// Keys whose windows are kept at most; beyond it those of past days go.
const KEYS: usize = 10_000;

/// Counts requests; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Limiter {
    keys: Arc<Mutex<HashMap<String, [Held; 3]>>>,
    sources: Arc<Mutex<Sources>>,
    logins: Arc<Mutex<Sources>>,
    /// Whose turn it is to fetch for a key; keys share a few of them.
    turns: Arc<[tokio::sync::Mutex<()>; 32]>,
}

impl Limiter {
    fn turn(&self, key_id: &str) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        key_id.hash(&mut hasher);
        &self.turns[(hasher.finish() % self.turns.len() as u64) as usize]
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<String, [Held; 3]>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one request of a key at `now`.
    pub async fn take(&self, store: &Store, key_id: &str, limits: Limits, now: i64) -> Result<Standing, StoreError> {
        loop {
            let (standing, lacking) = self.take_held(key_id, limits, now);
            if lacking.is_empty() {
                return Ok(standing);
            }
            // One at a time: a slice for each of many requests that wait is a day's limit after a few restarts.
            let _turn = self.turn(key_id).lock().await;
            let (standing, lacking) = self.take_held(key_id, limits, now);
            if lacking.is_empty() {
                return Ok(standing);
            }
            self.refill(store, key_id, lacking).await?;
        }
    }

    /// Takes one unit of every window when all have one here or one has none at all; else says what to fetch.
    fn take_held(&self, key_id: &str, limits: Limits, now: i64) -> (Standing, Vec<Lack>) {
        let mut keys = self.keys();
        if keys.len() >= KEYS && !keys.contains_key(key_id) {
            let today = WINDOWS[2].start(now);
            keys.retain(|_, held| held[2].start == today);
        }
        let held = keys.entry(key_id.to_string()).or_default();
        for ((held, window), limit) in held.iter_mut().zip(&WINDOWS).zip(limits) {
            held.roll(window.start(now), limit);
        }
        let exceeded = (0..WINDOWS.len()).rev().find(|i| held[*i].left == 0 && held[*i].is_exhausted);
        let lacks = |(window, held): (usize, &Held)| {
            let want = slice(held.limit, held.slice);
            (held.left == 0).then_some(Lack { window, start: held.start, limit: held.limit, want })
        };
        let lacking: Vec<_> = match exceeded {
            Some(_) => Vec::new(),
            None => held.iter().enumerate().filter_map(lacks).collect(),
        };
        if exceeded.is_none() && lacking.is_empty() {
            held.iter_mut().for_each(|held| held.left -= 1);
        }
        let standing = Standing {
            limits,
            remaining: [0, 1, 2].map(|i| held[i].remaining()),
            seconds_left: [0, 1, 2].map(|i| WINDOWS[i].seconds_left(now)),
            exceeded,
        };
        (standing, lacking)
    }

    /// Takes a slice of each lacking window from its row.
    async fn refill(&self, store: &Store, key_id: &str, lacking: Vec<Lack>) -> Result<(), StoreError> {
        let (asked, key) = (lacking.clone(), key_id.to_string());
        let granted = store
            .write(move |conn| {
                Box::pin(async move {
                    let mut granted = Vec::with_capacity(asked.len());
                    for Lack { window, start, limit, want } in asked {
                        let length_s = WINDOWS[window].length_s;
                        let units = rate_window::take(conn, &key, length_s, start, limit, want).await?;
                        granted.push((units, rate_window::used(conn, &key, length_s, start).await?));
                    }
                    Ok(granted)
                })
            })
            .await?;
        let mut keys = self.keys();
        let held = keys.entry(key_id.to_string()).or_default();
        for (Lack { window, start, limit, want }, (units, taken)) in lacking.into_iter().zip(granted) {
            let held = &mut held[window];
            // A window that ended meanwhile takes its slice with it.
            if held.start == start && held.limit == limit {
                held.left += units;
                held.slice = want;
                held.taken = held.taken.max(taken);
                held.is_exhausted = units == 0;
            }
        }
        Ok(())
    }

    /// Counts one request without a key of a source address; `Err` is the wait in seconds.
    pub fn take_source(&self, source: IpAddr, per_minute: u32, now: i64) -> Result<(), u64> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).take(source, per_minute, now)
    }

    /// Counts one login of a source address; `Err` is the wait in seconds.
    pub fn take_login(&self, source: IpAddr, per_minute: u32, now: i64) -> Result<(), u64> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).take(source, per_minute, now)
    }
}

/// Requests of one kind in the current minute, by source.
#[derive(Debug, Default)]
struct Sources {
    start: i64,
    used: HashMap<IpAddr, u32>,
}

impl Sources {
    fn take(&mut self, source: IpAddr, per_minute: u32, now: i64) -> Result<(), u64> {
        let start = WINDOWS[0].start(now);
        if self.start != start {
            *self = Sources { start, ..Sources::default() };
        }
        let used = self.used.entry(network(source)).or_default();
        if *used >= per_minute {
            return Err(WINDOWS[0].seconds_left(now));
        }
        *used += 1;
        Ok(())
    }
}

/// Whoever has one IPv6 address has its whole /64.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_whole_minutes_hours_and_days_of_utc() {
        let at = 1_772_791_265_500; // 2026-03-06T10:01:05.5Z
        assert_eq!(WINDOWS.each_ref().map(|w| w.start(at)), [1_772_791_260_000, 1_772_791_200_000, 1_772_755_200_000]);
        assert_eq!(WINDOWS.each_ref().map(|w| w.seconds_left(at)), [55, 3_535, 50_335]);
    }

    #[test]
    fn slices_grow_with_what_is_used_up_to_a_part_of_the_limit() {
        let slices: Vec<u64> = std::iter::successors(Some(0), |last| Some(slice(20_000, *last))).take(6).collect();
        assert_eq!(slices, [0, 16, 32, 64, 100, 100]);
        assert_eq!((slice(1_000, 0), slice(10, 0), slice(0, 0)), (5, 1, 1));
    }

    #[test]
    fn a_source_without_a_key_is_counted_by_the_minute() {
        let limiter = Limiter::default();
        let (one, other): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        assert_eq!(limiter.take_source(one, 2, 1_000), Ok(()));
        assert_eq!(limiter.take_source(other, 2, 2_000), Ok(()));
        assert_eq!(limiter.take_source(one, 2, 59_001), Err(1));
        assert_eq!(limiter.take_source("127.0.0.1".parse().unwrap(), 2, 59_001), Ok(()));
        assert_eq!(limiter.take_source(one, 2, 60_000), Ok(()));
    }
}
