//! When a failed request is sent again.

use scanyard_contract::Retry;
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// How hard a client tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retrying {
    /// The most times that a request is sent, at least 1.
    pub attempts: u32,
    /// The longest pause after the first failure; doubles with each one.
    pub base: Duration,
    /// The longest pause after the first refusal by an edit lock; doubles with each one.
    pub lock_base: Duration,
    /// The longest pause that is slept, a stated one too: an answer that asks for more is handed to the caller.
    pub max_pause: Duration,
    /// The pause after a rate limit that states no wait; by default as after any failure.
    pub limit_pause: Option<Duration>,
    /// From the first attempt to the last answer.
    pub deadline: Duration,
}

impl Default for Retrying {
    fn default() -> Retrying {
        Retrying {
            attempts: 5,
            base: Duration::from_secs(1),
            lock_base: Duration::from_secs(2),
            max_pause: Duration::from_secs(65),
            limit_pause: None,
            deadline: Duration::from_secs(180),
        }
    }
}

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The rule of the failure.
    pub retry: Retry,
    /// The wait that the answer stated.
    pub wait: Option<Duration>,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// Whether it does no harm if the attempt took effect.
    pub is_idempotent: bool,
    /// How often the request was sent.
    pub sent: u32,
    /// Since the first attempt.
    pub elapsed: Duration,
    /// Decides within the jitter.
    pub random: u64,
}

/// Why a request is not sent again although its failure may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The failure does not pass by itself.
    Final,
    /// It may have taken effect, and the request is not idempotent.
    NotIdempotent,
    /// It was sent as often as allowed.
    Attempts,
    /// The wait is longer than any that is slept here.
    WaitTooLong,
    /// The next attempt would begin after the deadline.
    Deadline,
}

impl Retrying {
    /// The pause before the next attempt, or why there is none.
    pub fn pause(&self, attempt: &Attempt) -> Result<Duration, Stop> {
        match attempt.retry {
            // A fresh token is the transport's to get, once; when that did not help, nothing will.
            Retry::Never | Retry::FreshToken => return Err(Stop::Final),
            Retry::AfterWait | Retry::EditLock => {}
            // A 503 that says when to come back has refused; any other failure can have come after the work.
            Retry::Idempotent if attempt.is_idempotent || (attempt.status == Some(503) && attempt.wait.is_some()) => {}
            Retry::Idempotent => return Err(Stop::NotIdempotent),
        }
        if attempt.sent >= self.attempts {
            return Err(Stop::Attempts);
        }
        let pause = match (attempt.wait, attempt.retry) {
            (Some(wait), _) => wait,
            (None, Retry::AfterWait) => self.limit_pause.unwrap_or_else(|| self.backoff(self.base, attempt)),
            // Clients that were refused together must not come back together, but none at once either.
            (None, Retry::EditLock) => {
                let ceiling = self.ceiling(self.lock_base, attempt.sent);
                ceiling / 2 + jitter(ceiling / 2, attempt.random)
            }
            (None, Retry::Never | Retry::FreshToken | Retry::Idempotent) => self.backoff(self.base, attempt),
        };
        if pause > self.max_pause {
            return Err(Stop::WaitTooLong);
        }
        if attempt.elapsed + pause >= self.deadline { Err(Stop::Deadline) } else { Ok(pause) }
    }

    /// Full jitter: anything from nothing to the ceiling.
    fn backoff(&self, base: Duration, attempt: &Attempt) -> Duration {
        jitter(self.ceiling(base, attempt.sent), attempt.random)
    }

    fn ceiling(&self, base: Duration, sent: u32) -> Duration {
        base.saturating_mul(1 << sent.saturating_sub(1).min(16)).min(self.max_pause)
    }
}

fn jitter(ceiling: Duration, random: u64) -> Duration {
    Duration::from_millis(random % (ceiling.as_millis() as u64).saturating_add(1))
}

/// Random bits for the jitter.
pub(crate) fn random() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Retrying = Retrying {
        attempts: 5,
        base: Duration::from_secs(1),
        lock_base: Duration::from_secs(2),
        max_pause: Duration::from_secs(60),
        limit_pause: None,
        deadline: Duration::from_secs(100),
    };

    const FAILED: Attempt = Attempt {
        retry: Retry::Idempotent,
        wait: None,
        status: Some(500),
        is_idempotent: true,
        sent: 1,
        elapsed: Duration::ZERO,
        random: 0,
    };

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn the_pause_doubles_with_full_jitter() {
        for (sent, most) in [(1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000)] {
            let pause = |random| POLICY.pause(&Attempt { sent, random, ..FAILED });
            assert_eq!(pause(most), Ok(Duration::from_millis(most)));
            assert_eq!(pause(0), Ok(Duration::ZERO));
            assert_eq!(pause(most + 1), Ok(Duration::ZERO));
        }
    }

    #[test]
    fn an_edit_lock_is_waited_for_at_least_half_its_pause_whatever_the_method() {
        let locked = Attempt { retry: Retry::EditLock, is_idempotent: false, ..FAILED };
        assert_eq!(POLICY.pause(&locked), Ok(Duration::from_secs(1)));
        assert_eq!(POLICY.pause(&Attempt { random: 1_000, sent: 3, ..locked }), Ok(Duration::from_secs(5)));
    }

    #[test]
    fn a_stated_wait_is_kept_to_the_second_whatever_the_method() {
        let limited = Attempt { retry: Retry::AfterWait, wait: seconds(13), is_idempotent: false, random: 5, ..FAILED };
        assert_eq!(POLICY.pause(&limited), Ok(Duration::from_secs(13)));
    }

    #[test]
    fn a_limit_without_a_wait_is_waited_for_as_configured() {
        let limited = Attempt { retry: Retry::AfterWait, random: 700, ..FAILED };
        assert_eq!(POLICY.pause(&limited), Ok(Duration::from_millis(700)));
        let policy = Retrying { limit_pause: seconds(60), ..POLICY };
        assert_eq!(policy.pause(&limited), Ok(Duration::from_secs(60)));
    }

    #[test]
    fn what_may_have_taken_effect_is_repeated_only_when_that_does_no_harm() {
        let post = Attempt { is_idempotent: false, ..FAILED };
        assert_eq!(POLICY.pause(&post), Err(Stop::NotIdempotent));
        let refused = Attempt { status: Some(503), wait: seconds(10), ..post };
        assert_eq!(POLICY.pause(&refused), Ok(Duration::from_secs(10)));
        assert_eq!(POLICY.pause(&Attempt { status: Some(500), ..refused }), Err(Stop::NotIdempotent));
    }

    #[test]
    fn nothing_is_slept_after_the_last_attempt_or_past_the_bounds() {
        assert_eq!(POLICY.pause(&Attempt { sent: 5, ..FAILED }), Err(Stop::Attempts));
        let limited = Attempt { retry: Retry::AfterWait, wait: seconds(61), ..FAILED };
        assert_eq!(POLICY.pause(&limited), Err(Stop::WaitTooLong));
        let late = Attempt { wait: seconds(30), elapsed: Duration::from_secs(70), ..limited };
        assert_eq!(POLICY.pause(&late), Err(Stop::Deadline));
        assert_eq!(POLICY.pause(&Attempt { retry: Retry::Never, ..FAILED }), Err(Stop::Final));
    }
}
