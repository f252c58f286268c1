//! Networks that security scanners fetch from: clouds, and the companies that check mail.
//!
//! A scanner that opens the links of a mail uses an ordinary browser's user agent; its network is
//! often all that gives it away. Real people come from here too (company proxies, VPNs, remote
//! desktops), so this only asks for a confirmation. Networks that relay whole browsers for
//! everybody (Apple's Private Relay, WARP) belong to Cloudflare, Fastly and Akamai and are left
//! out on purpose, and so are Google's and Amazon's networks for homes.

use throughline_text::words::starts;

/// Numbers of networks whose owner is known for sure.
const NUMBERS: [u32; 34] = [
    109, 8_068, 8_075, 8_987, 12_876, 14_061, 14_618, 15_169, 15_324, 16_276, 16_509, 19_527,
    20_473, 22_616, 22_843, 24_940, 30_031, 31_898, 36_351, 36_692, 40_934, 42_427, 45_102, 51_167,
    52_129, 53_813, 54_538, 60_781, 62_044, 63_949, 132_203, 197_540, 213_230, 396_982,
];

/// How the names of such owners begin, in lower case. Names are written in many ways
/// (`AMAZON-02`, `Amazon.com, Inc.`), but begin alike.
const OWNERS: [&str; 36] = [
    "akamai connected",
    "alibaba",
    "amazon",
    "barracuda",
    "cisco",
    "contabo",
    "digitalocean",
    "fireeye",
    "forcepoint",
    "fortinet",
    "google",
    "hetzner",
    "ibm cloud",
    "ionos",
    "ironport",
    "leaseweb",
    "linode",
    "messagelabs",
    "microsoft",
    "mimecast",
    "netcup",
    "netskope",
    "opendns",
    "oracle",
    "ovh",
    "palo alto",
    "proofpoint",
    "scaleway",
    "softlayer",
    "sophos",
    "symantec",
    "tencent",
    "the constant company",
    "trend micro",
    "vultr",
    "zscaler",
];

/// Does the network belong to a cloud or to a company that scans mail? Takes the number and the
/// owner's name as Cloudflare gives them; unknown or senseless ones are no sign.
pub(super) fn is_cloud(asn: &str, organisation: &str) -> bool {
    if number(asn).is_some_and(|number| NUMBERS.contains(&number)) {
        return true;
    }
    let name = organisation.as_bytes();
    let Some(first) = name.first().map(u8::to_ascii_lowercase) else {
        return false;
    };
    // The first letter turns away nearly all owners.
    let mut owners = OWNERS
        .iter()
        .filter(|owner| owner.as_bytes().first() == Some(&first));
    owners.any(|owner| starts(name, 0, owner)) && !starts(name, 0, "google fiber")
}

fn number(asn: &str) -> Option<u32> {
    asn.bytes().try_fold(0u32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_and_mail_scanners_are_known_by_number_or_name() {
        for (asn, organisation) in [
            ("8075", ""),
            ("14618", "Amazon.com, Inc."),
            ("", "AMAZON-02"),
            ("0", "Microsoft Corporation"),
            ("22843", "Proofpoint, Inc."),
            ("", "Mimecast Services Limited"),
            ("", "Hetzner Online GmbH"),
            ("", "google llc"),
        ] {
            assert!(is_cloud(asn, organisation), "{asn} {organisation}");
        }
    }

    #[test]
    fn homes_phones_and_relays_of_whole_browsers_are_not() {
        for (asn, organisation) in [
            ("", ""),
            ("3320", "Deutsche Telekom AG"),
            ("7922", "Comcast Cable Communications, LLC"),
            ("16591", "Google Fiber Inc."),
            ("13335", "Cloudflare, Inc."),
            ("54113", "Fastly, Inc."),
            ("36183", "Akamai Technologies, Inc."),
            ("minus one", "\u{0}\u{ffff}"),
            ("99999999999999999999", "é"),
        ] {
            assert!(!is_cloud(asn, organisation), "{asn} {organisation}");
        }
    }
}
