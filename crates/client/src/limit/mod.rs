//! Rate limits that are kept on our side, before the API has to say 429.
//!
//! Time is an argument, so that a day can be tried in a test.

mod endpoints;

pub use endpoints::Endpoint;
use endpoints::{HEAVY, LIGHT, MEDIUM};
use http::Method;
use scanyard_contract::Service;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const TEN_SECONDS: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// At most so many calls within so long; all of them hold.
type Bounds = &'static [(usize, Duration)];

/// Calls that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// An endpoint of ZIA or CBC with a limit of its own.
    Endpoint(Endpoint),
    /// What else ZIA and CBC have counts by weight: a DELETE is heavy, POST, PUT and PATCH medium, GET light.
    ZiaHeavy,
    ZiaMedium,
    ZiaLight,
    CbcHeavy,
    CbcMedium,
    CbcLight,
    ZpaRead,
    ZpaWrite,
    Zcc,
    ZccDevices,
    ZccServiceStatus,
    ZccDisableReasons,
    Zdx,
    ZwaRead,
    ZwaWrite,
    BiHeavy,
    BiLight,
}

impl Bucket {
    pub fn bounds(self) -> Bounds {
        match self {
            Bucket::Endpoint(endpoint) => endpoint.bounds(),
            Bucket::ZiaHeavy | Bucket::CbcHeavy => HEAVY,
            Bucket::ZiaMedium | Bucket::CbcMedium | Bucket::BiHeavy => MEDIUM,
            Bucket::ZiaLight | Bucket::CbcLight | Bucket::BiLight => LIGHT,
            Bucket::ZpaRead => &[(20, TEN_SECONDS)],
            Bucket::ZpaWrite => &[(10, TEN_SECONDS)],
            Bucket::Zcc => &[(100, HOUR)],
            Bucket::ZccDevices | Bucket::ZccServiceStatus | Bucket::ZccDisableReasons => &[(3, DAY)],
            Bucket::Zdx => &[(5, SECOND)],
            Bucket::ZwaRead => &[(30, MINUTE), (1000, HOUR)],
            Bucket::ZwaWrite => &[(20, MINUTE), (400, HOUR)],
        }
    }

    /// The buckets that a call counts in.
    pub fn of(service: Option<Service>, method: &Method, path: &str) -> Vec<Bucket> {
        let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let weigh = |heavy, medium, light| match *method {
            Method::DELETE => vec![heavy],
            _ if is_read => vec![light],
            _ => vec![medium],
        };
        if let Some(endpoint) = service.and_then(|service| Endpoint::of(service, method, path)) {
            return vec![Bucket::Endpoint(endpoint)];
        }
        match service {
            Some(Service::Zia) => weigh(Bucket::ZiaHeavy, Bucket::ZiaMedium, Bucket::ZiaLight),
            Some(Service::Cbc) => weigh(Bucket::CbcHeavy, Bucket::CbcMedium, Bucket::CbcLight),
            Some(Service::Zpa) => vec![if is_read { Bucket::ZpaRead } else { Bucket::ZpaWrite }],
            Some(Service::Zcc) => {
                let downloads = [
                    ("/downloadDevices", Bucket::ZccDevices),
                    ("/downloadServiceStatus", Bucket::ZccServiceStatus),
                    ("/downloadDisableReasons", Bucket::ZccDisableReasons),
                ];
                let own = downloads.iter().find(|(end, _)| path.trim_end_matches('/').ends_with(end));
                own.map(|(_, bucket)| *bucket).into_iter().chain([Bucket::Zcc]).collect()
            }
            Some(Service::Zdx) => vec![Bucket::Zdx],
            // To delete or close an incident has the limit of reading one.
            Some(Service::Zwa) => {
                let is_light = is_read || *method == Method::DELETE || path.ends_with("/close");
                vec![if is_light { Bucket::ZwaRead } else { Bucket::ZwaWrite }]
            }
            Some(Service::Bi) => vec![if is_read { Bucket::BiLight } else { Bucket::BiHeavy }],
            // No number is known.
            Some(
                Service::Common
                | Service::Zidentity
                | Service::Zcell
                | Service::Easm
                | Service::Graphql
                | Service::Aurora
                | Service::Ticket
                | Service::Organizations
                | Service::DataRetrieval
                | Service::Reports,
            )
            | None => Vec::new(),
        }
    }
}

/// The calls of one client and its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limiter {
    buckets: Arc<Mutex<HashMap<Bucket, Filled>>>,
}

/// When the calls of one bucket were, and until when the API wants none.
#[derive(Debug, Default)]
struct Filled {
    /// Oldest first; no more than the largest bound.
    at: VecDeque<Instant>,
    held_until: Option<Instant>,
}

impl Filled {
    /// The first moment from `now` on at which every bound has room.
    fn first_room(&self, bucket: Bucket, now: Instant) -> Instant {
        let mut at = self.held_until.map_or(now, |until| until.max(now));
        for (count, window) in bucket.bounds() {
            if let Some(oldest) = self.at.len().checked_sub(*count).and_then(|index| self.at.get(index)) {
                at = at.max(*oldest + *window);
            }
        }
        at
    }

    fn take(&mut self, bucket: Bucket, at: Instant) {
        self.at.push_back(at);
        let most = bucket.bounds().iter().map(|(count, _)| *count).max().unwrap_or(0);
        while self.at.len() > most {
            self.at.pop_front();
        }
    }
}

impl Limiter {
    /// Takes the next free place in all of these buckets and says how long it is until then; when that is longer than
    /// `longest`, takes none.
    pub fn reserve(&self, buckets: &[Bucket], now: Instant, longest: Duration) -> Result<Duration, Duration> {
        let mut all = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut at = now;
        for bucket in buckets {
            at = at.max(all.entry(*bucket).or_default().first_room(*bucket, now));
        }
        let wait = at.duration_since(now);
        if wait > longest {
            return Err(wait);
        }
        for bucket in buckets {
            all.entry(*bucket).or_default().take(*bucket, at);
        }
        Ok(wait)
    }

    /// The API said to wait: no clone calls before.
    pub fn hold(&self, buckets: &[Bucket], until: Instant) {
        let mut all = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for bucket in buckets {
            let filled = all.entry(*bucket).or_default();
            filled.held_until = Some(filled.held_until.map_or(until, |held| held.max(until)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_21st_read_of_zpa_waits_until_the_first_is_10_s_old() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        for call in 0..20 {
            assert_eq!(limiter.reserve(&[Bucket::ZpaRead], start + ms(call * 10), LONG), Ok(ms(0)));
        }
        assert_eq!(limiter.reserve(&[Bucket::ZpaRead], start + ms(200), LONG), Ok(ms(9_800)));
        assert_eq!(limiter.reserve(&[Bucket::ZpaRead], start + ms(200), LONG), Ok(ms(9_810)));
        assert_eq!(limiter.reserve(&[Bucket::ZpaWrite], start + ms(200), LONG), Ok(ms(0)));
    }

    #[test]
    fn the_fifth_delete_of_zia_within_an_hour_is_too_far_away_and_takes_no_place() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        for call in 0..4 {
            let now = start + MINUTE * call;
            assert_eq!(limiter.reserve(&[Bucket::ZiaHeavy], now, ms(65_000)), Ok(ms(0)));
        }
        let now = start + MINUTE * 4;
        for _ in 0..2 {
            assert_eq!(limiter.reserve(&[Bucket::ZiaHeavy], now, ms(65_000)), Err(MINUTE * 56));
        }
        assert_eq!(limiter.reserve(&[Bucket::ZiaHeavy], start + HOUR, ms(65_000)), Ok(ms(0)));
    }

    #[test]
    fn a_download_of_zcc_counts_in_its_day_and_in_the_tenants_hour() {
        let buckets = Bucket::of(Some(Service::Zcc), &Method::GET, "/zcc/papi/public/v1/downloadDevices");
        assert_eq!(buckets, [Bucket::ZccDevices, Bucket::Zcc]);
        let (limiter, start) = (Limiter::default(), Instant::now());
        for _ in 0..3 {
            assert_eq!(limiter.reserve(&buckets, start, LONG), Ok(ms(0)));
        }
        assert_eq!(limiter.reserve(&buckets, start, ms(0)), Err(DAY));
        for _ in 0..97 {
            assert_eq!(limiter.reserve(&[Bucket::Zcc], start, LONG), Ok(ms(0)));
        }
        assert_eq!(limiter.reserve(&[Bucket::Zcc], start, LONG), Ok(HOUR));
    }

    #[test]
    fn an_endpoint_with_a_limit_of_its_own_is_counted_by_itself_for_all_clones() {
        let of = |method, path: &str| Bucket::of(Some(Service::Zia), &method, &format!("/zia/api/v1/{path}"));
        let (limiter, start) = (Limiter::default(), Instant::now());
        let report = of(Method::POST, "auditlogEntryReport");
        for _ in 0..10 {
            assert_eq!(limiter.clone().reserve(&report, start, LONG), Ok(ms(0)));
        }
        assert_eq!(limiter.clone().reserve(&report, start, LONG), Ok(MINUTE));
        assert_eq!(limiter.reserve(&of(Method::POST, "status/activate"), start, LONG), Ok(ms(0)));
        for label in ["1", "2", "3", "4", "5"] {
            let wait = limiter.reserve(&of(Method::DELETE, &format!("ruleLabels/{label}")), start, LONG);
            assert!(wait.unwrap() <= SECOND * 4, "{label}");
        }
        assert_eq!(of(Method::DELETE, "pacFiles/7"), [Bucket::ZiaHeavy]);
        assert_eq!(
            (of(Method::GET, "users/7"), of(Method::POST, "urlLookup")),
            (vec![Bucket::ZiaLight], vec![Bucket::ZiaMedium])
        );
    }

    #[test]
    fn what_the_api_told_one_clone_holds_for_all() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        limiter.clone().hold(&[Bucket::ZpaRead], start + ms(13_000));
        assert_eq!(limiter.reserve(&[Bucket::ZpaRead], start, LONG), Ok(ms(13_000)));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_its_bound(gaps in prop::collection::vec(0u64..4_000, 1..120)) {
            for bucket in [Bucket::ZpaRead, Bucket::ZiaLight, Bucket::ZiaMedium, Bucket::ZiaHeavy] {
                let (limiter, mut now, mut taken) = (Limiter::default(), Instant::now(), Vec::new());
                for gap in &gaps {
                    now += ms(*gap);
                    taken.push(now + limiter.reserve(&[bucket], now, LONG).unwrap());
                }
                for (count, window) in bucket.bounds() {
                    for places in taken.windows(count + 1) {
                        prop_assert!(places[*count].duration_since(places[0]) >= *window);
                    }
                }
            }
        }
    }
}
