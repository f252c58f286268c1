//! More clicks, or more reports of landings, from one network on one partner than people make.
//!
//! An isolate counts for itself, in memory of a fixed size, and forgets with the minute: the count
//! is approximate, it is never stored, and a visitor's address leaves no trace beyond it. Where
//! two networks fall into one slot, the one that sends more stays.

use super::ids::PartnerId;
use super::limits::{FLOOD_CLICKS, FLOOD_SLOTS};
use super::time::UnixMs;
use std::net::IpAddr;

const MINUTE_MS: i64 = 60_000;

/// The network of an address: /24 of IPv4 (also when written as IPv6), /64 of IPv6, which is what
/// one customer gets. `None` for what is no address. No two networks of the public internet have
/// the same number.
pub fn network(ip: &str) -> Option<u64> {
    match ip.parse::<IpAddr>().ok()?.to_canonical() {
        // 1:: and what follows is no public IPv6 network.
        IpAddr::V4(address) => Some(1 << 48 | u64::from(address.to_bits() >> 8)),
        IpAddr::V6(address) => Some((address.to_bits() >> 64) as u64),
    }
}

/// What is counted, each by itself: a visitor makes one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Click,
    /// A page's script reports its landing.
    Landing,
    /// A page's script reports consent.
    Grant,
    /// A page behind the gateway is opened with a token.
    Document,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    minute: u32,
    clicks: u32,
}

/// Counts what came in this minute; 64 KB whatever comes.
#[derive(Clone, Debug)]
pub struct Flood {
    slots: Vec<Slot>,
}

impl Default for Flood {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); FLOOD_SLOTS],
        }
    }
}

impl Flood {
    /// Counts one more. True when the network has now sent more than [`FLOOD_CLICKS`] of its kind
    /// on this partner within the minute of `now`; exact as long as nothing else falls into its
    /// slot, and never true for who sent fewer.
    pub fn hit(&mut self, what: Counted, network: u64, partner: PartnerId, now: UnixMs) -> bool {
        let key = mixed(network ^ mixed(partner.number() ^ mixed(what as u64)));
        let minute = now.0.div_euclid(MINUTE_MS) as u32;
        let at = (key >> 40) as usize % FLOOD_SLOTS;
        let Some(slot) = self.slots.get_mut(at) else {
            return false;
        };
        if slot.minute != minute || slot.clicks == 0 {
            *slot = Slot {
                key,
                minute,
                clicks: 0,
            };
        }
        if slot.key != key {
            // Each click of another pair takes one away, so a quiet pair leaves and a loud stays.
            slot.clicks -= 1;
            return false;
        }
        slot.clicks = slot.clicks.saturating_add(1);
        slot.clicks > FLOOD_CLICKS
    }
}

/// Spreads a number over all bits (the finalizer of splitmix64).
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const NOW: UnixMs = UnixMs(1_795_334_400_000);

    fn partner(number: u64) -> PartnerId {
        PartnerId::from_number(number)
    }

    #[test]
    fn addresses_of_one_network_have_one_number() {
        let same = [
            ("203.0.113.7", "203.0.113.250"),
            ("203.0.113.7", "::ffff:203.0.113.9"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
            ("2001:DB8:0:0::", "2001:db8::1"),
        ];
        for (one, other) in same {
            assert!(network(one).is_some());
            assert_eq!(network(one), network(other), "{one} {other}");
        }
        for (one, other) in [
            ("203.0.113.7", "203.0.114.7"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1"),
            ("0.0.0.1", "::1"),
        ] {
            assert_ne!(network(one), network(other), "{one} {other}");
        }
        for garbage in [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "256.0.0.1",
            "fe80::1%eth0",
            "::g",
            "é",
            "host",
        ] {
            assert_eq!(network(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn the_limit_is_exact_for_one_pair_and_a_new_minute_begins_anew() {
        let mut flood = Flood::default();
        for minute in 0..3 {
            let now = NOW.plus(minute * MINUTE_MS);
            for click in 1..=2 * FLOOD_CLICKS {
                assert_eq!(
                    flood.hit(Counted::Click, 7, partner(1), now),
                    click > FLOOD_CLICKS,
                    "{click}"
                );
            }
        }
    }

    #[test]
    fn partners_and_networks_are_counted_by_themselves() {
        let mut flood = Flood::default();
        for _ in 0..=FLOOD_CLICKS {
            flood.hit(Counted::Click, 7, partner(1), NOW);
        }
        assert!(flood.hit(Counted::Click, 7, partner(1), NOW));
        assert!(!flood.hit(Counted::Click, 7, partner(2), NOW));
        assert!(!flood.hit(Counted::Click, 8, partner(1), NOW));
        for other in [Counted::Landing, Counted::Grant, Counted::Document] {
            assert!(!flood.hit(other, 7, partner(1), NOW));
        }
    }

    #[test]
    fn a_loud_network_is_seen_among_a_hundred_thousand_quiet_ones() {
        let mut flood = Flood::default();
        // Every slot has somebody quiet in it before the loud one comes.
        for other in 0..100_000u64 {
            assert!(!flood.hit(Counted::Click, other + 10, partner(2), NOW));
        }
        let quiet = 0..100_000u64;
        let floods = quiet
            .filter(|other| {
                assert!(
                    !flood.hit(Counted::Click, other + 10, partner(1), NOW),
                    "{other}"
                );
                flood.hit(Counted::Click, 7, partner(1), NOW)
            })
            .count();
        assert!(floods > 99_000, "{floods}");
        assert_eq!(flood.slots.len(), FLOOD_SLOTS);
    }

    #[test]
    fn who_shares_a_slot_with_a_loud_one_does_not_inherit_its_count() {
        // Among this many, several must share the slot of the first.
        for other in 1..20_000 {
            let mut flood = Flood::default();
            for _ in 0..=FLOOD_CLICKS {
                flood.hit(Counted::Click, 0, partner(1), NOW);
            }
            let counted = (0..3).filter(|_| flood.hit(Counted::Click, other, partner(1), NOW));
            assert_eq!(counted.count(), 0, "{other}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_begins_a_new_count() {
        let mut flood = Flood::default();
        for _ in 0..=FLOOD_CLICKS {
            flood.hit(Counted::Click, 7, partner(1), NOW);
        }
        assert!(!flood.hit(Counted::Click, 7, partner(1), NOW.plus(-MINUTE_MS)));
        assert!(!flood.hit(Counted::Click, 7, partner(1), UnixMs(i64::MIN)));
        assert!(!flood.hit(Counted::Click, 7, partner(1), UnixMs(i64::MAX)));
    }

    proptest! {
        /// Whatever comes, nobody who sent less than the limit is called a flood.
        #[test]
        fn only_who_sent_more_than_the_limit_is_a_flood(
            clicks in proptest::collection::vec(
                (0u64..4, 0u64..3, 0i64..3, 1usize..150), 1..40,
            ),
        ) {
            let mut flood = Flood::default();
            let mut sent = BTreeMap::new();
            for (from, to, minute, times) in clicks {
                for _ in 0..times {
                    let now = NOW.plus(minute * MINUTE_MS);
                    let count = sent.entry((from, to, minute)).or_insert(0u32);
                    *count += 1;
                    let over = flood.hit(Counted::Click, from, partner(to), now);
                    prop_assert!(!over || *count > FLOOD_CLICKS);
                }
            }
            prop_assert_eq!(flood.slots.len(), FLOOD_SLOTS);
        }

        #[test]
        fn any_address_network_and_time_is_taken(
            ip in any::<String>(),
            octets in any::<[u8; 4]>(),
            (number, to, at) in (any::<u64>(), any::<u64>(), any::<i64>()),
        ) {
            network(&ip);
            let [a, b, c, d] = octets;
            let same = network(&format!("{a}.{b}.{c}.0"));
            prop_assert_eq!(network(&format!("{a}.{b}.{c}.{d}")), same);
            Flood::default().hit(Counted::Click, number, partner(to), UnixMs(at));
        }
    }
}
