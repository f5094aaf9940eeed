//! When a failed request is sent again.

use scanyard_contract::Retry;
use std::time::Duration;
use uuid::Uuid;

/// How hard a client tries. Every request of ours is idempotent: reads are, and each POST carries an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retrying {
    /// The most times that a request is sent, at least 1.
    pub attempts: u32,
    /// The longest pause after the first failure; doubles with each one.
    pub base: Duration,
    /// The longest pause that is slept, a stated one too: an answer that asks for more is handed to the caller.
    pub max_pause: Duration,
    /// From the first attempt to the last answer.
    pub deadline: Duration,
}

impl Default for Retrying {
    fn default() -> Retrying {
        Retrying {
            attempts: 5,
            base: Duration::from_secs(1),
            max_pause: Duration::from_secs(65),
            deadline: Duration::from_secs(180),
        }
    }
}

impl Retrying {
    /// The pause before the next attempt; `None` when there is none. `sent` is how often the request was sent,
    /// `random` decides within the full jitter.
    pub fn pause(
        &self,
        retry: Retry,
        wait: Option<Duration>,
        sent: u32,
        elapsed: Duration,
        random: u64,
    ) -> Option<Duration> {
        match retry {
            Retry::AfterWait | Retry::Idempotent => {}
            // No token to renew and no lock to wait for in the Scan API with a key.
            Retry::Never | Retry::FreshToken | Retry::EditLock => return None,
        }
        if sent >= self.attempts {
            return None;
        }
        let ceiling = self.base.saturating_mul(1 << sent.saturating_sub(1).min(16)).min(self.max_pause);
        let jitter = Duration::from_millis(random % (ceiling.as_millis() as u64 + 1));
        let pause = wait.unwrap_or(jitter);
        (pause <= self.max_pause && elapsed + pause < self.deadline).then_some(pause)
    }
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
        max_pause: Duration::from_secs(60),
        deadline: Duration::from_secs(100),
    };

    fn pause(retry: Retry, wait: Option<u64>, sent: u32, elapsed: u64, random: u64) -> Option<Duration> {
        POLICY.pause(retry, wait.map(Duration::from_secs), sent, Duration::from_secs(elapsed), random)
    }

    #[test]
    fn the_pause_doubles_with_full_jitter() {
        for (sent, most) in [(1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000)] {
            assert_eq!(pause(Retry::Idempotent, None, sent, 0, most), Some(Duration::from_millis(most)));
            assert_eq!(pause(Retry::Idempotent, None, sent, 0, 0), Some(Duration::ZERO));
            assert_eq!(pause(Retry::Idempotent, None, sent, 0, most + 1), Some(Duration::ZERO));
        }
    }

    #[test]
    fn a_stated_wait_is_kept_to_the_second() {
        assert_eq!(pause(Retry::AfterWait, Some(13), 1, 0, 5), Some(Duration::from_secs(13)));
    }

    #[test]
    fn nothing_is_slept_after_the_last_attempt_or_past_the_bounds() {
        assert_eq!(pause(Retry::Idempotent, None, 5, 0, 0), None);
        assert_eq!(pause(Retry::AfterWait, Some(61), 1, 0, 0), None);
        assert_eq!(pause(Retry::AfterWait, Some(30), 1, 70, 0), None);
        assert_eq!(pause(Retry::Never, Some(1), 1, 0, 0), None);
    }
}
