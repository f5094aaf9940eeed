//! How a delivery goes on after an attempt: pure functions.

use super::send::Answered;
use crate::store::outbox::Next;
use scanyard_contract::webhook::DeliveryEvent;
use std::time::Duration;

/// The status with which a receiver says that it will never take anything again.
const GONE: u16 = 410;

/// Whether the receiver wants no more calls.
pub fn is_gone(answered: &Answered) -> bool {
    answered.status == Some(GONE)
}

/// What follows for a delivery whose attempt after `tries` earlier ones was answered so.
pub fn next(
    answered: &Answered,
    event: DeliveryEvent,
    delivery_id: &str,
    tries: u32,
    retries: &[Duration],
    now: i64,
) -> Next {
    if answered.error.is_none() {
        return Next::Delivered;
    }
    match retries.get(tries as usize) {
        Some(pause) if event != DeliveryEvent::Ping && !is_gone(answered) => {
            Next::Again(now + jittered(*pause, delivery_id, tries))
        }
        Some(_) | None => Next::Failed,
    }
}

/// A pause in milliseconds, up to a tenth longer: what failed together does not come back together. It depends on nothing
/// but the attempt, so it is the same on every node.
fn jittered(pause: Duration, delivery_id: &str, tries: u32) -> i64 {
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{delivery_id}/{tries}").as_bytes());
    let share = digest.as_ref().first().copied().unwrap_or_default();
    let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
    pause_ms + pause_ms / 10 * i64::from(share) / 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn answered(status: Option<u16>) -> Answered {
        let is_success = status.is_some_and(|status| (200..300).contains(&status));
        Answered { duration_ms: 1, status, error: (!is_success).then(|| "no".to_string()), excerpt: None }
    }

    fn after(status: Option<u16>, event: DeliveryEvent, tries: u32) -> Next {
        next(&answered(status), event, "dlv-1", tries, &[5, 300].map(Duration::from_secs), 1_000_000)
    }

    #[test]
    fn a_failure_is_tried_again_until_the_pauses_are_used_up() {
        let event = DeliveryEvent::Completed;
        for (tries, pause) in [(0, 5_000), (1, 300_000)] {
            let Next::Again(at) = after(Some(500), event, tries) else { panic!("{tries}") };
            assert!((pause..pause + pause / 10).contains(&(at - 1_000_000)), "{at}");
        }
        assert_eq!(after(None, event, 2), Next::Failed);
        assert_eq!(after(Some(204), event, 2), Next::Delivered);
    }

    #[test]
    fn a_test_and_a_receiver_that_is_gone_are_not_tried_again() {
        assert_eq!(after(Some(500), DeliveryEvent::Ping, 0), Next::Failed);
        assert_eq!(after(Some(410), DeliveryEvent::Completed, 0), Next::Failed);
    }

    #[test]
    fn what_failed_together_comes_back_apart() {
        let at = |i: u32| jittered(Duration::from_secs(300), &format!("dlv-{i}"), 0);
        assert!((0..100).map(at).collect::<BTreeSet<_>>().len() > 30);
    }
}
