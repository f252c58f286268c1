//! The click identifiers of advertising platforms and networks, as they stand in a landing URL.
//!
//! Decides which query parameters are such identifiers and takes their values out of a query,
//! unaltered. Names that mean different things at different shops (`clickid`, `click_id`,
//! `aff_sub`, `transaction_id`, `ref`, `via` and the like) are not in the catalogue, nor are
//! flags, campaign numbers of an account (`irgwc`, `gad_source`), and parameters that name a
//! person rather than a click (`mc_eid`, `mkt_tok`, `vero_id`): they pass through untouched.
//! Knows nothing of consent; the caller asks for permission before it keeps anything.

use throughline_text as text;

/// Longest raw value that is captured, in bytes; real ones reach about 500. A longer value still
/// travels in the URL.
pub const MAX_VALUE: usize = 512;

/// Most identifiers captured from one query: what a journal holds.
pub const MAX_CAPTURED: usize = 6;

macro_rules! catalogue {
    ($($kind:ident = $code:literal $name:literal $(| $alias:literal)*, $what:literal;)+) => {
        /// The kind of a click identifier. The numbers are part of sealed formats and stored
        /// rows: never renumber or reuse one, add new kinds at the end.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ClickIdKind { $(#[doc = $what] $kind = $code,)+ }

        /// Kind, its parameter name as the platform spells it; aliases follow as rows of their own.
        static CATALOGUE: &[(ClickIdKind, &str)] =
            &[$((ClickIdKind::$kind, $name), $((ClickIdKind::$kind, $alias),)*)+];

        impl ClickIdKind {
            /// Every kind, by number.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The parameter name as the platform spells it (`gclid`, `ScCid`, `ranSiteID`).
            pub fn param(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// The kind of a stored number, or `None` for a number that is not in use.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$kind),)+ _ => None }
            }
        }
    };
}

catalogue! {
    Gclid = 1 "gclid", "Google Ads.";
    Gbraid = 2 "gbraid", "Google Ads, app events on iOS 14 and later.";
    Wbraid = 3 "wbraid", "Google Ads, web events on iOS 14 and later.";
    Dclid = 4 "dclid", "Google Display and Campaign Manager 360.";
    Gclsrc = 5 "gclsrc", "Search Ads 360 source mark, stored beside `gclid`.";
    Srsltid = 6 "srsltid", "Google Merchant Center auto-tagging (free listings).";
    Fbclid = 7 "fbclid", "Meta.";
    Igshid = 8 "igshid" | "igsh", "Instagram share, not an ad click.";
    Msclkid = 9 "msclkid", "Microsoft Advertising.";
    Ttclid = 10 "ttclid", "TikTok.";
    Twclid = 11 "twclid", "X.";
    LiFatId = 12 "li_fat_id", "LinkedIn.";
    RdtCid = 13 "rdt_cid", "Reddit.";
    ScCid = 14 "ScCid", "Snapchat.";
    Epik = 15 "epik", "Pinterest.";
    Qclid = 16 "qclid", "Quora.";
    Oppref = 17 "oppref", "OpenAI Ads.";
    Yclid = 18 "yclid", "Yandex Direct.";
    Ysclid = 19 "ysclid", "Yandex Search.";
    Tblci = 20 "tblci", "Taboola.";
    Obclid = 21 "obclid", "Outbrain.";
    Dicbo = 22 "dicbo", "Outbrain, older name.";
    ObClickId = 23 "ob_click_id", "Outbrain, macro name.";
    Vmcid = 24 "vmcid", "Yahoo DSP.";
    Ndclid = 25 "ndclid", "Nextdoor.";
    Irclickid = 26 "irclickid" | "irclid", "impact.com.";
    Cjevent = 27 "cjevent", "CJ; also written `CJEVENT`.";
    Awc = 28 "awc", "Awin.";
    Sscid = 29 "sscid", "ShareASale.";
    RanSiteId = 30 "ranSiteID", "Rakuten.";
    Tduid = 31 "tduid", "Tradedoubler.";
    AdmitadUid = 32 "admitad_uid", "Admitad.";
    VcLpp = 33 "vc_lpp", "ValueCommerce.";
    Maf = 34 "maf", "Moshimo.";
    Gci = 35 "gci", "GLAMI.";
    Erid = 36 "erid", "Advertising label of the Russian register.";
    Kx = 37 "_kx", "Klaviyo.";
    McCid = 38 "mc_cid", "Mailchimp campaign.";
    Wickedid = 39 "wickedid", "Wicked Reports.";
    RbClickid = 40 "rb_clickid", "Olytics.";
    KoClickId = 41 "ko_click_id", "Kochava.";
    SKwcid = 42 "s_kwcid", "Adobe Advertising, keyword.";
    EfId = 43 "ef_id", "Adobe Advertising, click.";
    CxClick = 44 "cx_click", "Cxense.";
    BsftClkid = 45 "bsft_clkid", "Blueshift.";
}

impl ClickIdKind {
    /// The stable number of the kind, never 0.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a query parameter. Takes the raw name; the case does not matter, because
    /// networks and shops write it differently (`ScCid`, `sccid`).
    pub fn from_param(name: &str) -> Option<Self> {
        let row = CATALOGUE
            .iter()
            // Lengths first, as a look without a call: nearly every row ends there.
            .find(|row| row.1.len() == name.len() && row.1.eq_ignore_ascii_case(name))?;
        Some(row.0)
    }
}

/// Takes the click identifiers out of a raw query (with or without the leading `?`). Gives kind
/// and raw value, still percent-encoded, in the order in which the kinds first appear with a
/// value. Of duplicates the last one with a value counts. Left out: empty values, values above
/// [`MAX_VALUE`], values with bytes that no serialised URL query holds, and what comes after
/// [`MAX_CAPTURED`] kinds.
///
/// `?gclid=a&x=1&GCLID=b&fbclid=` → `[(Gclid, "b")]`.
pub fn capture(query: &str) -> Vec<(ClickIdKind, &str)> {
    let mut found: Vec<(ClickIdKind, &str)> = Vec::new();
    let query = query.strip_prefix('?').unwrap_or(query);
    for segment in text::parts(query, b'&') {
        let Some((name, value)) = text::cut(segment, b'=') else {
            continue;
        };
        let Some(kind) = ClickIdKind::from_param(name) else {
            continue;
        };
        if value.is_empty() || value.len() > MAX_VALUE || !text::all_in(value, &LEGAL_IN_QUERY) {
            continue;
        }
        if let Some(entry) = found.iter_mut().find(|entry| entry.0 == kind) {
            entry.1 = value;
        } else if found.len() < MAX_CAPTURED {
            found.push((kind, value));
        }
    }
    found
}

/// The value to send to a platform: percent-decoded. A `+` stays a `+`, because platforms write
/// identifiers in base64 alphabets and do not form-encode them; an incomplete `%` sequence stays
/// as it is; a value whose bytes are not UTF-8 is given back unchanged.
pub fn decode(raw: &str) -> String {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, tail) = escaped(rest).unwrap_or((*first, after));
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| raw.to_owned())
}

/// The bytes that can stand in the query of a serialised http(s) URL: printable ASCII without the
/// special-query percent-encode set of the URL Standard.
pub const LEGAL_IN_QUERY: text::Set = text::Set::of(0x21, 0x7e, b"\"#<>'");

/// Splits `%XX` off the front: its byte and what follows.
pub(crate) fn escaped(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, tail @ ..] = bytes else {
        return None;
    };
    Some((hex(*high)? << 4 | hex(*low)?, tail))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_read_back() {
        for (index, kind) in ClickIdKind::ALL.iter().enumerate() {
            assert_eq!(usize::from(kind.code()), index + 1);
            assert_eq!(ClickIdKind::from_code(kind.code()), Some(*kind));
            assert_eq!(ClickIdKind::from_param(kind.param()), Some(*kind));
        }
        assert_eq!(ClickIdKind::from_code(0), None);
        assert_eq!(ClickIdKind::from_code(46), None);
    }

    #[test]
    fn sealed_numbers_never_change() {
        let pinned = [
            ("gclid", 1),
            ("fbclid", 7),
            ("sccid", 14),
            ("oppref", 17),
            ("irclid", 26),
            ("CJEVENT", 27),
            ("ransiteid", 30),
            ("_kx", 37),
            ("bsft_clkid", 45),
        ];
        for (name, code) in pinned {
            assert_eq!(
                ClickIdKind::from_param(name).map(ClickIdKind::code),
                Some(code),
                "{name}"
            );
        }
    }

    #[test]
    fn generic_and_personal_names_are_not_in_the_catalogue() {
        for name in [
            "clickid",
            "click_id",
            "aff_sub",
            "transaction_id",
            "_ef_transaction_id",
            "ref",
            "via",
            "aff_id",
            "affid",
            "a",
            "fpr",
            "irgwc",
            "gad_source",
            "mc_eid",
            "mkt_tok",
            "vero_id",
            "utm_source",
            "tl",
            "",
            "gclid[]",
            "%67clid",
        ] {
            assert_eq!(ClickIdKind::from_param(name), None, "{name}");
        }
    }

    #[test]
    fn the_last_duplicate_with_a_value_wins_and_values_stay_verbatim() {
        use ClickIdKind::*;
        let query = "?utm_source=x&ScCid=AbC&gclid=a%2Bb+c==&GCLID=Zz%3D=&gclid=&irclid=1&igsh";
        assert_eq!(
            capture(query),
            [(ScCid, "AbC"), (Gclid, "Zz%3D="), (Irclickid, "1")]
        );
        assert_eq!(capture(&query[1..]), capture(query));
        assert_eq!(capture(""), []);
        assert_eq!(capture("?&&=&gclid"), []);
    }

    #[test]
    fn values_and_counts_are_bounded() {
        let longest = "v".repeat(MAX_VALUE);
        assert_eq!(capture(&format!("gclid={longest}")).len(), 1);
        assert_eq!(capture(&format!("gclid={longest}v")), []);
        assert_eq!(
            capture(&format!("gclid=short&gclid={longest}v"))[0].1,
            "short"
        );
        let many: Vec<String> = ClickIdKind::ALL
            .iter()
            .map(|kind| format!("{}=1", kind.param()))
            .collect();
        let query = many.join("&") + "&gclid=late";
        let found = capture(&query);
        assert_eq!(found.len(), MAX_CAPTURED);
        assert_eq!(found[0], (ClickIdKind::Gclid, "late"));
    }

    #[test]
    fn values_that_no_url_holds_are_left_out() {
        for value in ["a b", "é", "a\r\nb", "a#b", "a\"b", "a<b", "a'b", "a\u{7f}"] {
            assert_eq!(capture(&format!("gclid={value}")), [], "{value:?}");
        }
    }

    #[test]
    fn decoding_keeps_what_it_does_not_understand() {
        let table = [
            ("a%2Bb+c%3D", "a+b+c="),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%C3%A9", "é"),
            ("%FF", "%FF"),
            ("", ""),
        ];
        for (raw, expected) in table {
            assert_eq!(decode(raw), expected);
        }
    }
}
