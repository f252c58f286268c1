//! Credit shared as PyPI marketing-attribution-models shares it (`tests/golden/attribution.json`).

use domain::ledger::attribution_model::{Model, shares, weights};
use serde_json::Value;

/// One basis point in the millionths that the vectors are rounded to.
const BASIS_POINT: i64 = 100;

/// What a list of the vectors holds, in millionths of the credit.
fn millionths(list: &Value) -> Vec<i64> {
    let list = list.as_array().unwrap().iter();
    list.map(|share| (share.as_f64().unwrap() * 1e6).round() as i64)
        .collect()
}

/// Weights as millionths of their sum, rounded down.
fn parts(weights: &[u64]) -> Vec<i64> {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let part = |weight: &u64| i64::try_from(u128::from(*weight) * 1_000_000 / total).unwrap();
    weights.iter().map(part).collect()
}

#[test]
fn every_model_shares_as_the_reference_does() {
    let text =
        std::fs::read_to_string(crate::support::root("tests/golden/attribution.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let journeys = golden["journeys"].as_array().unwrap();
    assert!(journeys.len() > 1_000);
    for journey in journeys {
        let minutes = journey["minutes"].as_array().unwrap();
        let ages: Vec<i64> = minutes
            .iter()
            .map(|age| age.as_i64().unwrap() * 60_000)
            .collect();
        let half_life = u16::try_from(journey["half_life_days"].as_u64().unwrap()).unwrap();
        for name in ["first", "last", "linear", "position", "time_decay"] {
            let model = Model::from_name(name, half_life).unwrap();
            let expected = millionths(&journey[name]);
            let given = shares(model, &ages);
            assert_eq!(given.iter().sum::<u32>(), 10_000, "{name} {journey}");
            let exact = parts(&weights(model, &ages));
            assert_eq!((given.len(), exact.len()), (expected.len(), expected.len()));
            for ((expected, given), exact) in expected.iter().zip(given).zip(exact) {
                // A share is whole basis points: its exact value, rounded up or down.
                let given = i64::from(given) * BASIS_POINT;
                assert!((given - expected).abs() <= BASIS_POINT, "{name} {journey}");
                // Before that rounding, all six digits agree.
                assert!((exact - expected).abs() <= 1, "{name} {journey}");
            }
        }
    }
}
