//! What this node is sending, and how much more it may: no receiver can hold up another.

use crate::store::outbox::{Claimed, Lane};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A tenant has one part in so many of this node's places.
const TENANT_PART: u32 = 4;

/// What this node is sending, by delivery; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Flights(Arc<Mutex<HashMap<String, Flight>>>);

#[derive(Debug)]
struct Flight {
    lane: String,
    tenant_id: String,
    claim: String,
}

/// A flight's place; leaving it makes room.
#[derive(Debug)]
pub struct Place {
    flights: Flights,
    delivery_id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.delivery_id);
    }
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a delivery.
    pub fn begin(&self, claimed: &Claimed) -> Place {
        let Claimed { delivery_id, lane, tenant_id, claim, .. } = claimed;
        let flight = Flight { lane: lane.clone(), tenant_id: tenant_id.clone(), claim: claim.clone() };
        self.lock().insert(delivery_id.clone(), flight);
        Place { flights: self.clone(), delivery_id: delivery_id.clone() }
    }

    /// Every delivery under way, with its claim.
    pub fn claims(&self) -> Vec<(String, String)> {
        self.lock().iter().map(|(id, flight)| (id.clone(), flight.claim.clone())).collect()
    }

    /// How many of each lane may be claimed now; the lanes with the fewest flights first.
    pub fn room(&self, mut lanes: Vec<Lane>, most: u32, per_lane: u32) -> Vec<(String, u32)> {
        let (mut of_lane, mut of_tenant) = (HashMap::<String, u32>::new(), HashMap::<String, u32>::new());
        let mut left = {
            let flights = self.lock();
            for flight in flights.values() {
                *of_lane.entry(flight.lane.clone()).or_default() += 1;
                *of_tenant.entry(flight.tenant_id.clone()).or_default() += 1;
            }
            most.saturating_sub(flights.len() as u32)
        };
        let per_tenant = (most / TENANT_PART).max(per_lane).min(most);
        lanes.sort_by_key(|lane| of_lane.get(&lane.id).copied().unwrap_or_default());
        let mut room = Vec::new();
        for lane in lanes {
            let cap = if lane.is_healthy { per_lane } else { 1 };
            let free = cap.saturating_sub(of_lane.get(&lane.id).copied().unwrap_or_default());
            let tenant = of_tenant.entry(lane.tenant_id).or_default();
            let take = free.min(per_tenant.saturating_sub(*tenant)).min(left);
            if take > 0 {
                *tenant += take;
                left -= take;
                room.push((lane.id, take));
            }
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::outbox::Receiver;
    use scanyard_contract::webhook::DeliveryEvent;

    fn lane(id: &str, tenant: &str, is_healthy: bool) -> Lane {
        Lane { id: id.into(), tenant_id: tenant.into(), is_healthy }
    }

    fn claimed(id: &str, lane: &str, tenant: &str) -> Claimed {
        Claimed {
            delivery_id: id.into(),
            lane: lane.into(),
            tenant_id: tenant.into(),
            claim: "c".into(),
            tries: 0,
            event: DeliveryEvent::Ping,
            payload: String::new(),
            receiver: Receiver::Callback { url: String::new() },
        }
    }

    #[test]
    fn a_lane_a_tenant_and_the_node_have_their_bounds() {
        let flights = Flights::default();
        let lanes = || vec![lane("a", "t", true), lane("b", "t", false), lane("c", "t", true), lane("d", "u", true)];
        let room = |most| flights.room(lanes(), most, 4);
        let expect = |room: &[(&str, u32)]| room.iter().map(|(id, n)| (id.to_string(), *n)).collect::<Vec<_>>();
        assert_eq!(room(32), expect(&[("a", 4), ("b", 1), ("c", 3), ("d", 4)]), "a quarter of 32 for the tenant t");
        assert_eq!(room(6), expect(&[("a", 4), ("d", 2)]));
        assert_eq!(room(0), []);
        let places: Vec<Place> = (0..4).map(|i| flights.begin(&claimed(&i.to_string(), "a", "t"))).collect();
        assert_eq!(room(32), expect(&[("b", 1), ("c", 3), ("d", 4)]), "a is full, and comes last");
        drop(places);
        assert!(flights.claims().is_empty());
    }
}
