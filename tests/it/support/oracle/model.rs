//! Sharing out: whole numbers by weights, and the five models.

use super::DAY;

/// Shares a whole out by weights: each its share rounded down, then one each to the largest
/// remainders, among equals to the earlier one. Nothing where the weights add up to nothing.
pub fn share_out(whole: i128, weights: &[i128]) -> Vec<i128> {
    let total: i128 = weights.iter().sum();
    if total == 0 {
        return Vec::new();
    }
    let mut parts: Vec<i128> = weights.iter().map(|w| whole * w / total).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    // The sort keeps the order of equals.
    order.sort_by_key(|place| -(whole * weights[*place] % total));
    let left = whole - parts.iter().sum::<i128>();
    for place in order.into_iter().take(usize::try_from(left).unwrap()) {
        parts[place] += 1;
    }
    parts
}

pub fn narrow(parts: Vec<i128>) -> Vec<i64> {
    let narrow = |part| i64::try_from(part).unwrap();
    parts.into_iter().map(narrow).collect()
}

/// Basis points for touches of these ages, oldest first, and whether they are beyond doubt: the
/// weights of time decay are no whole numbers, so a remainder may be too close to another.
pub fn shares(model: &str, half_life_days: i64, ages: &[i64]) -> (Vec<i64>, bool) {
    let count = ages.len();
    if count == 0 {
        return (Vec::new(), true);
    }
    let one = |place: usize| (0..count).map(|p| i128::from(p == place)).collect();
    let weights: Vec<i128> = match model {
        "first" => one(0),
        "linear" => vec![1; count],
        "position" if count < 3 => vec![1; count],
        "position" => {
            // 40 % to each end, the other 20 % to the middle: in fifths of the middle's count.
            let middle = count as i128 - 2;
            let mut weights = vec![1; count];
            weights[0] = 2 * middle;
            weights[count - 1] = 2 * middle;
            weights
        }
        "time_decay" => return decayed(half_life_days, ages),
        _ => one(count - 1),
    };
    (narrow(share_out(10_000, &weights)), true)
}

/// Half as much for each half-life. Doubtful where a share is within a thousandth of a basis point
/// of a whole one, or of the remainder of another share.
fn decayed(half_life_days: i64, ages: &[i64]) -> (Vec<i64>, bool) {
    const CLOSE: f64 = 0.002;
    let newest = *ages.iter().min().unwrap();
    let half_life = (half_life_days * DAY) as f64;
    let weight = |age: &i64| (-((age - newest) as f64) / half_life).exp2();
    let weights: Vec<f64> = ages.iter().map(weight).collect();
    let total: f64 = weights.iter().sum();
    let exact: Vec<f64> = weights.iter().map(|w| 10_000.0 * w / total).collect();
    let mut shares: Vec<i64> = exact.iter().map(|share| share.floor() as i64).collect();
    let rest = |place: usize| exact[place] - exact[place].floor();
    let mut order: Vec<usize> = (0..ages.len()).collect();
    order.sort_by(|a, b| rest(*b).total_cmp(&rest(*a)));
    let left = usize::try_from(10_000 - shares.iter().sum::<i64>()).unwrap();
    for place in order.iter().take(left) {
        shares[*place] += 1;
    }
    let whole = (0..ages.len()).any(|p| rest(p) < CLOSE || rest(p) > 1.0 - CLOSE);
    let edge = left > 0 && left < order.len();
    let tied = edge && rest(order[left - 1]) - rest(order[left]) < CLOSE;
    (shares, ages.len() == 1 || !(whole || tied))
}

/// Are these shares possible where the exact ones are in doubt? Each is its exact one rounded up or
/// down.
pub fn is_close(shares: &[i64], asked: &[i64]) -> bool {
    let sum: i64 = asked.iter().sum();
    let near = shares.iter().zip(asked).all(|(a, b)| (a - b).abs() <= 1);
    shares.len() == asked.len() && sum == 10_000 && near
}
