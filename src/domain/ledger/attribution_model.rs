//! How credit is shared among the touches that are eligible for it.
//!
//! Integers only: the same history must give the same shares in wasm, natively and in ten years.

use crate::values::money::split_shares;
use crate::values::time::DAY_MS;
use serde::{Deserialize, Serialize};

/// The rule of sharing. In JSON its name, and with a half-life
/// `{"time_decay": {"half_life_days": 7}}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// All to the first touch.
    First,
    /// All to the last touch.
    #[default]
    Last,
    /// The same to each.
    Linear,
    /// 40 % to the first, 40 % to the last, and the others share 20 %; of two, half to each.
    Position,
    /// A touch that is older than another by one half-life gets half as much.
    TimeDecay {
        /// Zero counts as one.
        half_life_days: u16,
    },
}

impl Model {
    pub fn name(self) -> &'static str {
        match self {
            Model::First => "first",
            Model::Last => "last",
            Model::Linear => "linear",
            Model::Position => "position",
            Model::TimeDecay { .. } => "time_decay",
        }
    }

    /// The model of a name; only time decay heeds the half-life.
    pub fn from_name(name: &str, half_life_days: u16) -> Option<Model> {
        let all = [
            Model::First,
            Model::Last,
            Model::Linear,
            Model::Position,
            Model::TimeDecay { half_life_days },
        ];
        all.into_iter().find(|model| model.name() == name)
    }
}

/// The weight of each touch. `ages` are the milliseconds from each touch to the event, oldest
/// touch first; a negative one counts as zero. At least one weight is not zero.
pub fn weights(model: Model, ages: &[i64]) -> Vec<u64> {
    let middle = ages.len().saturating_sub(2) as u64;
    // An end gets twice what the whole middle gets: 2 + 1 + 2 fifths.
    let end = (2 * middle).max(1);
    let newest = ages.last().map_or(0, |age| *age.max(&0));
    let mut weights = Vec::with_capacity(ages.len());
    for (index, age) in ages.iter().enumerate() {
        let is_first = index == 0;
        let is_last = index + 1 == ages.len();
        weights.push(match model {
            Model::First => u64::from(is_first),
            Model::Last => u64::from(is_last),
            Model::Linear => 1,
            Model::Position if is_first || is_last => end,
            Model::Position => 1,
            // Only differences in age count, so a history that is old as a whole keeps its shares.
            Model::TimeDecay { half_life_days } => decay(
                age.saturating_sub(newest).max(0).unsigned_abs(),
                u64::from(half_life_days.max(1)) * DAY_MS.unsigned_abs(),
            ),
        });
    }
    weights
}

/// The share of each touch in basis points, by [`weights`]. They add up to 10,000 when there is a
/// touch; each is its exact share rounded up or down, and the points left over go to the largest
/// remainders, among equals to the earlier touch.
pub fn shares(model: Model, ages: &[i64]) -> Vec<u32> {
    split_shares(&weights(model, ages))
}

/// 2^(-1/2), 2^(-1/4), 2^(-1/8) … in units of 2^-32, each rounded to the nearest.
const ROOTS: [u32; 24] = [
    0xb504_f334,
    0xd744_fccb,
    0xeac0_c6e8,
    0xf525_7d15,
    0xfa83_b2db,
    0xfd3e_0c0d,
    0xfe9e_115c,
    0xff4e_cb59,
    0xffa7_5652,
    0xffd3_a752,
    0xffe9_d2b3,
    0xfff4_e91c,
    0xfffa_747f,
    0xfffd_3a3b,
    0xfffe_9d1d,
    0xffff_4e8e,
    0xffff_a747,
    0xffff_d3a3,
    0xffff_e9d2,
    0xffff_f4e9,
    0xffff_fa74,
    0xffff_fd3a,
    0xffff_fe9d,
    0xffff_ff4f,
];

/// 2^(-age / half_life) in units of 2^-62, where `half_life` is below 2^63.
///
/// The whole half-lives are a shift. Of the rest, a long division gives binary digits, and each
/// digit that is set multiplies the weight by its root.
///
/// The error is below 2^-24 of the weight, a thousandth of a basis point: the weight is at most
/// 2^-24.5 too large because the division ends after 24 digits, and rounding (24 products cut by
/// up to 1 unit of 2^-32, 24 roots off by up to ½, in a weight of at least ½) makes it 2^-25.8
/// smaller or 2^-27.4 larger. The last digit moves a weight by more than that rounding, so an older
/// touch never weighs more than a newer one. Beyond 30 half-lives the weight loses digits, beyond
/// 62 it is zero.
fn decay(age: u64, half_life: u64) -> u64 {
    let mut weight = 1 << 32;
    let mut rest = age % half_life;
    for root in ROOTS {
        rest *= 2;
        if rest >= half_life {
            rest -= half_life;
            weight = (weight * u64::from(root)) >> 32;
        }
    }
    (weight << 30) >> (age / half_life).min(63)
}

#[cfg(test)]
mod tests;
