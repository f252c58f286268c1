//! Weighted variants of a link, and a share of visitors that is shown the baseline page.
//!
//! Who sees what follows from a number (the visitor's nonce, else that of a token, else this
//! request's entropy) and the link, by arithmetic alone: the same number always gets the same
//! page, on every machine, and nothing is stored. Two links split independently of each other,
//! and the holdout independently of the variants.

use super::settings::Targets;
use crate::values::ids::LinkId;
use crate::values::input::Fields;
use crate::values::limits;
use crate::values::money::BPS_WHOLE;
use crate::visit::target::Target;
use serde::Serialize;

/// Largest weight; only proportions count.
const MAX_WEIGHT: i64 = 10_000;

/// Makes the holdout independent of the variants.
const HOLDOUT: u64 = 0x686f_6c64_6f75_7400;

/// Where a link's visitors are divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Split {
    /// May be empty: then there is only the holdout.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Basis points of visitors who are shown the baseline page.
    #[serde(skip_serializing_if = "is_zero")]
    pub holdout_bps: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Target>,
}

/// One of several pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variant {
    /// 1 to 255, recorded on the touch: it stays when other variants go. 0 is the link itself.
    pub id: u8,
    pub weight: u16,
    pub target: Target,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(value: &u16) -> bool {
    *value == 0
}

impl Split {
    /// The baseline page, when this number belongs to the holdout.
    pub fn held_out(&self, nonce: u64, link: LinkId) -> Option<&Target> {
        let baseline = self.baseline.as_ref()?;
        let place = scaled(mixed(nonce, link.number() ^ HOLDOUT), u64::from(BPS_WHOLE));
        (place < u64::from(self.holdout_bps)).then_some(baseline)
    }

    /// The variant of this number; none when there are no variants with a weight.
    pub fn variant(&self, nonce: u64, link: LinkId) -> Option<&Variant> {
        let total: u64 = self
            .variants
            .iter()
            .map(|each| u64::from(each.weight))
            .sum();
        let mut place = scaled(mixed(nonce, link.number()), total);
        self.variants.iter().find(|variant| {
            let weight = u64::from(variant.weight);
            let here = place < weight;
            place = place.saturating_sub(weight);
            here
        })
    }

    /// Reads the member `split`.
    pub(super) fn read(fields: &mut Fields<'_>, targets: &Targets<'_>) -> Option<Split> {
        let mut split = fields.object("split")?;
        let mut variants = Vec::new();
        let entries = split.objects("variants", limits::VARIANTS);
        for mut entry in entries.unwrap_or_default() {
            let variant = read_variant(&mut entry, targets, &variants);
            variants.extend(split.absorb(entry.finish(variant)));
        }
        if !variants.is_empty() && variants.iter().all(|variant| variant.weight == 0) {
            split.fault("variants", "no_weight", "at least one must have a weight");
        }
        let holdout = split.integer("holdout_bps", 0, i64::from(BPS_WHOLE));
        let holdout_bps = holdout.and_then(|bps| u16::try_from(bps).ok());
        let baseline = targets.read(&mut split, "baseline");
        if holdout_bps.is_some_and(|bps| bps > 0) && split.value("baseline").is_none() {
            split.fault("baseline", "required", "a holdout needs a page to show");
        }
        if variants.is_empty() && holdout_bps.is_none() && split.value("variants").is_none() {
            split.fault("variants", "required", "give variants, a holdout, or both");
        }
        let read = Split {
            variants,
            holdout_bps: holdout_bps.unwrap_or_default(),
            baseline,
        };
        // One that divides nobody is none: its record would say nothing.
        let divides = !read.variants.is_empty() || read.holdout_bps > 0;
        fields.absorb(split.finish(Some(read))).filter(|_| divides)
    }
}

/// A variant without an id gets the lowest number that none before it has.
fn read_variant(
    fields: &mut Fields<'_>,
    targets: &Targets<'_>,
    known: &[Variant],
) -> Option<Variant> {
    let given = fields.integer("id", 1, 255);
    let free = |id: &u8| known.iter().all(|variant| variant.id != *id);
    let id = match given.and_then(|id| u8::try_from(id).ok()) {
        None => (1..=u8::MAX).find(free)?,
        Some(id) if free(&id) => id,
        Some(_) => {
            fields.fault("id", "not_unique", "another variant has this id");
            return None;
        }
    };
    let weight = fields.required_integer("weight", 0, MAX_WEIGHT);
    let weight = weight.and_then(|weight| u16::try_from(weight).ok());
    let (weight, target) = weight.zip(targets.required(fields, "target"))?;
    Some(Variant { id, weight, target })
}

/// SplitMix64's output function (Steele, Lea, Flood 2014) over the nonce and the mixed link: every
/// bit of both reaches every bit of the result.
fn mixed(nonce: u64, link: u64) -> u64 {
    finish(nonce ^ finish(link))
}

fn finish(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number of 64 bits as a place below `whole`, without modulo bias: the high bits decide.
fn scaled(number: u64, whole: u64) -> u64 {
    // `whole` is at most 80,000: 32 high bits of the number are enough and cannot overflow.
    (number >> 32).wrapping_mul(whole) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(split: &Value) -> Result<Split, Vec<(String, &'static str)>> {
        let body = json!({ "split": split });
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        let read = Split::read(&mut fields, &Targets::Stored);
        fields.finish(read).map_err(|errors| {
            let faults = errors.into_iter();
            faults.map(|error| (error.path, error.code)).collect()
        })
    }

    fn split() -> Split {
        let target = "https://shop.example/";
        read(
            &json!({"holdout_bps": 500, "baseline": target, "variants": [
            {"id": 3, "weight": 1, "target": target}, {"weight": 0, "target": target},
            {"weight": 2, "target": target}, {"weight": 7, "target": target}]}),
        )
        .unwrap()
    }

    fn link() -> LinkId {
        LinkId::from_number(7)
    }

    #[test]
    fn choices_are_as_they_always_were() {
        // Computed by another implementation (Python), which gives SplitMix64's published first
        // value for seed 0.
        assert_eq!(finish(0), 0xe220_a839_7b1d_cdaf);
        for (nonce, link, expected) in [
            (0, 7, 0xb8b4_c297_7eab_ce45),
            (1, 7, 0x3d41_bf49_5cd3_075f),
            (u64::MAX, 1, 0xa562_df66_c82c_649a),
            (0x0123_4567_89ab_cdef, (1 << 60) - 1, 0x2e41_fc28_a2cb_e31b),
        ] {
            assert_eq!(mixed(nonce, link), expected);
        }
        let ids = (0..24).map(|n| split().variant(n, link()).unwrap().id);
        let chosen = [
            4, 2, 2, 4, 4, 4, 4, 2, 2, 4, 4, 4, 2, 4, 4, 2, 2, 4, 2, 3, 2, 4, 4, 4,
        ];
        assert_eq!(ids.collect::<Vec<_>>(), chosen);
        let held = (0..200).filter(|n| split().held_out(*n, link()).is_some());
        let out = [
            16, 18, 49, 61, 82, 88, 104, 116, 163, 165, 174, 177, 179, 193,
        ];
        assert_eq!(held.collect::<Vec<_>>(), out);
    }

    #[test]
    fn shares_are_as_the_weights_say_and_the_holdout_is_independent() {
        let split = split();
        let mut counts = [0_u32; 256];
        let (mut held, mut both) = (0, 0);
        for nonce in 0..100_000_u64 {
            // Counted up, and spread as real nonces are.
            let nonce = if nonce % 2 == 0 {
                nonce
            } else {
                nonce << 32 | nonce
            };
            let id = split.variant(nonce, link()).unwrap().id;
            assert_eq!(split.variant(nonce, link()).unwrap().id, id, "sticky");
            counts[usize::from(id)] += 1;
            if split.held_out(nonce, link()).is_some() {
                held += 1;
                both += u32::from(id == 4);
            }
        }
        let near = |found: u32, expected: u32| found.abs_diff(expected) < 400;
        assert!(
            near(counts[3], 10_000) && near(counts[2], 20_000),
            "{counts:?}"
        );
        assert!(near(counts[4], 70_000), "{counts:?}");
        assert_eq!(counts[1], 0, "a weight of 0 is never chosen");
        assert!(near(held, 5_000) && near(both, 3_500), "{held} {both}");
    }

    #[test]
    fn two_links_split_independently() {
        let (split, other) = (split(), LinkId::from_number(8));
        let same = (0..10_000).filter(|n| {
            split.variant(*n, link()).unwrap().id == split.variant(*n, other).unwrap().id
        });
        let expected = 10_000 * (1 + 4 + 49) / 100;
        assert!(same.count().abs_diff(expected) < 300);
    }

    #[test]
    fn variants_keep_their_number_when_others_go() {
        let ids: Vec<_> = split().variants.iter().map(|variant| variant.id).collect();
        assert_eq!(ids, [3, 1, 2, 4]);
        let mut left = serde_json::to_value(split()).unwrap();
        left["variants"].as_array_mut().unwrap().remove(1);
        let left: Vec<_> = read(&left).unwrap().variants.iter().map(|v| v.id).collect();
        assert_eq!(left, [3, 2, 4]);
    }

    #[test]
    fn every_fault_has_its_path_and_code() {
        let target = "https://shop.example/";
        let variant = json!({"weight": 1, "target": target});
        for (split, path, code) in [
            (json!({}), "/split/variants", "required"),
            (json!([]), "/split", "not_an_object"),
            (
                json!({"variants": [{"weight": 1}]}),
                "/split/variants/0/target",
                "required",
            ),
            (
                json!({"variants": [{"target": target}]}),
                "/split/variants/0/weight",
                "required",
            ),
            (
                json!({"variants": vec![variant.clone(); 9]}),
                "/split/variants",
                "too_many",
            ),
            (
                json!({"variants": [{"weight": 0, "target": target}]}),
                "/split/variants",
                "no_weight",
            ),
            (
                json!({"variants": [variant, {"id": 1, "weight": 1, "target": target}]}),
                "/split/variants/1/id",
                "not_unique",
            ),
            (json!({"holdout_bps": 10}), "/split/baseline", "required"),
            (
                json!({"holdout_bps": 10_001, "baseline": target}),
                "/split/holdout_bps",
                "out_of_range",
            ),
        ] {
            let faults = read(&split).unwrap_err();
            assert_eq!(faults[0], (path.to_owned(), code), "{split}");
        }
    }
}
