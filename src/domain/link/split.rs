//! Weighted variants of a link, and a share of visitors that is shown the baseline page.
//!
//! Who sees what follows from a number (the visitor's nonce, else that of a token, else this
//! request's entropy) and the link, by arithmetic alone: the same number always gets the same
//! page, on every machine, and nothing is stored. Two links split independently of each other,
//! and the holdout independently of the variants.

use super::settings::Targets;
use crate::domain::ids::LinkId;
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::money::BPS_WHOLE;
use crate::domain::target::Target;
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
        fields.absorb(split.finish(Some(read)))
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
