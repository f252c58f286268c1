//! The active ISO 4217 alphabetic codes and the number of digits of their minor unit.
//!
//! State of the list that the maintenance agency published on 2026-01-01: SLE, VED, XCG and ZWG
//! are in, HRK, BGN, ANG, ZWL, SLL and CUC are out. Codes without a minor unit (metals, bond
//! units, XDR, XSU, XTS, XUA, XXX) are left out, because no amount can be counted in them.
//! `tests/golden/currencies.json` is the same list from another source.
//!
//! Knows nothing of the special cases of payment providers; those belong where they are read.

/// Day of the ISO 4217 publication that [`TABLE`] follows, as `YYYY-MM-DD`.
pub const PUBLISHED: &str = "2026-01-01";

/// Code and exponent (digits after the decimal point: 0, 2, 3 or 4), sorted by code.
#[rustfmt::skip]
pub static TABLE: [(&str, u8); 165] = [
    ("AED", 2), ("AFN", 2), ("ALL", 2), ("AMD", 2), ("AOA", 2), ("ARS", 2), ("AUD", 2),
    ("AWG", 2), ("AZN", 2), ("BAM", 2), ("BBD", 2), ("BDT", 2), ("BHD", 3), ("BIF", 0),
    ("BMD", 2), ("BND", 2), ("BOB", 2), ("BOV", 2), ("BRL", 2), ("BSD", 2), ("BTN", 2),
    ("BWP", 2), ("BYN", 2), ("BZD", 2), ("CAD", 2), ("CDF", 2), ("CHE", 2), ("CHF", 2),
    ("CHW", 2), ("CLF", 4), ("CLP", 0), ("CNY", 2), ("COP", 2), ("COU", 2), ("CRC", 2),
    ("CUP", 2), ("CVE", 2), ("CZK", 2), ("DJF", 0), ("DKK", 2), ("DOP", 2), ("DZD", 2),
    ("EGP", 2), ("ERN", 2), ("ETB", 2), ("EUR", 2), ("FJD", 2), ("FKP", 2), ("GBP", 2),
    ("GEL", 2), ("GHS", 2), ("GIP", 2), ("GMD", 2), ("GNF", 0), ("GTQ", 2), ("GYD", 2),
    ("HKD", 2), ("HNL", 2), ("HTG", 2), ("HUF", 2), ("IDR", 2), ("ILS", 2), ("INR", 2),
    ("IQD", 3), ("IRR", 2), ("ISK", 0), ("JMD", 2), ("JOD", 3), ("JPY", 0), ("KES", 2),
    ("KGS", 2), ("KHR", 2), ("KMF", 0), ("KPW", 2), ("KRW", 0), ("KWD", 3), ("KYD", 2),
    ("KZT", 2), ("LAK", 2), ("LBP", 2), ("LKR", 2), ("LRD", 2), ("LSL", 2), ("LYD", 3),
    ("MAD", 2), ("MDL", 2), ("MGA", 2), ("MKD", 2), ("MMK", 2), ("MNT", 2), ("MOP", 2),
    ("MRU", 2), ("MUR", 2), ("MVR", 2), ("MWK", 2), ("MXN", 2), ("MXV", 2), ("MYR", 2),
    ("MZN", 2), ("NAD", 2), ("NGN", 2), ("NIO", 2), ("NOK", 2), ("NPR", 2), ("NZD", 2),
    ("OMR", 3), ("PAB", 2), ("PEN", 2), ("PGK", 2), ("PHP", 2), ("PKR", 2), ("PLN", 2),
    ("PYG", 0), ("QAR", 2), ("RON", 2), ("RSD", 2), ("RUB", 2), ("RWF", 0), ("SAR", 2),
    ("SBD", 2), ("SCR", 2), ("SDG", 2), ("SEK", 2), ("SGD", 2), ("SHP", 2), ("SLE", 2),
    ("SOS", 2), ("SRD", 2), ("SSP", 2), ("STN", 2), ("SVC", 2), ("SYP", 2), ("SZL", 2),
    ("THB", 2), ("TJS", 2), ("TMT", 2), ("TND", 3), ("TOP", 2), ("TRY", 2), ("TTD", 2),
    ("TWD", 2), ("TZS", 2), ("UAH", 2), ("UGX", 0), ("USD", 2), ("USN", 2), ("UYI", 0),
    ("UYU", 2), ("UYW", 4), ("UZS", 2), ("VED", 2), ("VES", 2), ("VND", 0), ("VUV", 0),
    ("WST", 2), ("XAD", 2), ("XAF", 0), ("XCD", 2), ("XCG", 2), ("XOF", 0), ("XPF", 0),
    ("YER", 2), ("ZAR", 2), ("ZMW", 2), ("ZWG", 2),
];

/// Finds a code. Takes three upper-case letters; gives the row of [`TABLE`], or `None` for a
/// code that is not active or has no minor unit.
pub fn find(code: &str) -> Option<&'static (&'static str, u8)> {
    let at = TABLE.binary_search_by(|row| row.0.cmp(code)).ok()?;
    TABLE.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_table_is_sorted_so_that_each_code_is_found() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(TABLE.iter().all(|row| find(row.0) == Some(row)));
    }

    #[test]
    fn the_table_equals_the_published_list() {
        let text = include_str!("../../../tests/golden/currencies.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        let expected: BTreeMap<String, u8> =
            serde_json::from_value(golden["exponents"].clone()).unwrap();
        let ours: BTreeMap<String, u8> = TABLE
            .iter()
            .map(|(code, exponent)| ((*code).to_owned(), *exponent))
            .collect();
        assert_eq!(ours, expected);
        assert!(golden["source"].as_str().unwrap().contains(PUBLISHED));
    }

    #[test]
    fn withdrawn_and_unitless_codes_are_unknown() {
        for code in [
            "HRK", "BGN", "ANG", "ZWL", "SLL", "CUC", "XXX", "XTS", "XAU", "XDR",
        ] {
            assert_eq!(find(code), None, "{code}");
        }
        for (code, exponent) in [("SLE", 2), ("VED", 2), ("CLF", 4), ("UYW", 4), ("TND", 3)] {
            assert_eq!(find(code), Some(&(code, exponent)));
        }
    }
}
