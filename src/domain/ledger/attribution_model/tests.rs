use super::*;
use crate::values::money::BPS_WHOLE;
use crate::values::money::MAX_PARTS;
use crate::values::record;
use proptest::prelude::*;

const WEEK: Model = Model::TimeDecay { half_life_days: 7 };
const MODELS: [Model; 5] = [
    Model::First,
    Model::Last,
    Model::Linear,
    Model::Position,
    WEEK,
];

/// Ages in days as milliseconds.
fn days<const N: usize>(ages: [i64; N]) -> [i64; N] {
    ages.map(|age| age * DAY_MS)
}

#[test]
fn each_model_shares_by_its_rule() {
    let table: [(Model, &[i64], &[u32]); 12] = [
        (Model::First, &[9, 5, 1], &[10_000, 0, 0]),
        (Model::Last, &[9, 5, 1], &[0, 0, 10_000]),
        (Model::Linear, &[9, 5, 1], &[3_334, 3_333, 3_333]),
        (Model::Position, &[9], &[10_000]),
        (Model::Position, &[9, 5], &[5_000, 5_000]),
        (Model::Position, &[9, 5, 1], &[4_000, 2_000, 4_000]),
        (
            Model::Position,
            &[9, 5, 1, 0],
            &[4_000, 1_000, 1_000, 4_000],
        ),
        (WEEK, &[14, 7, 0], &[1_429, 2_857, 5_714]),
        (WEEK, &[7, 7], &[5_000, 5_000]),
        (WEEK, &[21], &[10_000]),
        // 2^-½ to 1: 41.42 % and 58.58 %.
        (
            Model::TimeDecay { half_life_days: 2 },
            &[1, 0],
            &[4_142, 5_858],
        ),
        (
            Model::TimeDecay { half_life_days: 0 },
            &[1, 0],
            &[3_333, 6_667],
        ),
    ];
    for (model, ages, expected) in table {
        let ages: Vec<i64> = ages.iter().map(|age| age * DAY_MS).collect();
        assert_eq!(shares(model, &ages), expected, "{model:?} {ages:?}");
    }
    for model in MODELS {
        assert_eq!(shares(model, &[]), [0u32; 0]);
    }
}

#[test]
fn a_history_that_is_old_as_a_whole_keeps_its_shares() {
    assert_eq!(shares(WEEK, &days([4_014, 4_007])), [3_333, 6_667]);
    assert_eq!(shares(WEEK, &[i64::MAX, i64::MAX]), [5_000, 5_000]);
    assert_eq!(shares(WEEK, &[i64::MAX, 0]), [0, 10_000]);
    assert_eq!(shares(WEEK, &[0, i64::MIN]), [5_000, 5_000]);
}

#[test]
fn whole_half_lives_are_exact_until_nothing_is_left() {
    let ages = days([63 * 7, 62 * 7, 31 * 7, 7, 0]);
    assert_eq!(weights(WEEK, &ages), [0, 1, 1 << 31, 1 << 61, 1 << 62]);
}

#[test]
fn each_root_is_the_square_root_of_the_one_before() {
    let mut before = 1u64 << 31;
    for root in ROOTS.map(u64::from) {
        let square = (root * root + (1 << 31)) >> 32;
        assert!(square.abs_diff(before) <= 1, "{root:#x}");
        before = root;
    }
}

/// With a half-life of 2^24, each number of milliseconds is one pattern of digits.
#[test]
fn one_digit_more_of_age_always_weighs_less() {
    for steps in (0..(1u64 << 24) - 1)
        .step_by(997)
        .chain((0..24).map(|n| (1 << n) - 1))
    {
        assert!(decay(steps, 1 << 24) > decay(steps + 1, 1 << 24), "{steps}");
    }
}

#[test]
fn the_names_lead_back_and_are_what_json_holds() {
    for model in MODELS {
        assert_eq!(Model::from_name(model.name(), 7), Some(model));
        let text = serde_json::to_string(&model).unwrap();
        assert!(text.contains(&format!("\"{}\"", model.name())));
        assert_eq!(record::read::<Model>(&text), Some(model));
    }
    assert_eq!(serde_json::to_string(&Model::Linear).unwrap(), "\"linear\"");
    assert_eq!(Model::from_name("markov", 7), None);
    assert_eq!(Model::default(), Model::Last);
}

/// Any number of touches up to the bound, oldest first, near and far.
fn ages() -> impl Strategy<Value = Vec<i64>> {
    let age = prop_oneof![
        0..400 * DAY_MS,
        0..DAY_MS,
        0..=i64::MAX,
        Just(0),
        Just(i64::MAX)
    ];
    let count = prop_oneof![9 => 1..16usize, 1 => Just(MAX_PARTS)];
    let ages = count.prop_flat_map(move |count| prop::collection::vec(age.clone(), count));
    ages.prop_map(|mut ages| {
        ages.sort_unstable_by(|a, b| b.cmp(a));
        ages
    })
}

fn models() -> impl Strategy<Value = Model> {
    let decay = any::<u16>().prop_map(|half_life_days| Model::TimeDecay { half_life_days });
    prop_oneof![prop::sample::select(&MODELS[..4]), decay]
}

proptest! {
    #[test]
    fn shares_always_add_up_to_the_whole(model in models(), ages in ages()) {
        let shares = shares(model, &ages);
        prop_assert_eq!(shares.len(), ages.len());
        prop_assert_eq!(shares.iter().sum::<u32>(), BPS_WHOLE);
    }

    #[test]
    fn under_time_decay_a_newer_touch_never_gets_less(half_life_days: u16, ages in ages()) {
        let model = Model::TimeDecay { half_life_days };
        let (weights, shares) = (weights(model, &ages), shares(model, &ages));
        prop_assert_eq!(weights.last(), Some(&(1 << 62)));
        for (weight, share) in weights.windows(2).zip(shares.windows(2)) {
            prop_assert!(weight[0] <= weight[1]);
            // Of equals, the earlier may get the point that is left over.
            let spare = u32::from(weight[0] == weight[1]);
            prop_assert!(share[0] <= share[1] + spare);
        }
    }

    #[test]
    fn only_the_differences_in_age_count(
        model in models(), ages in ages(), later in 0..400 * DAY_MS,
    ) {
        let ages: Vec<i64> = ages.iter().map(|age| *age.min(&(i64::MAX - later))).collect();
        let moved: Vec<i64> = ages.iter().map(|age| age + later).collect();
        prop_assert_eq!(weights(model, &moved), weights(model, &ages));
    }
}
