//! Each row of the decision table, by itself.

use super::*;

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/140.0.0.0 Safari/537.36";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// What Chrome sends when a person follows a link at home.
fn navigation() -> Signals<'static> {
    Signals {
        method: "GET",
        user_agent: CHROME,
        accept: PAGE,
        fetch_dest: "document",
        fetch_mode: "navigate",
        fetch_site: "cross-site",
        fetch_user: "?1",
        asn: "3320",
        organisation: "Deutsche Telekom AG",
        ..Signals::default()
    }
}

/// The same from a browser that knows no `Sec-Fetch-*`.
fn old() -> Signals<'static> {
    Signals {
        fetch_dest: "",
        fetch_mode: "",
        fetch_site: "",
        fetch_user: "",
        ..navigation()
    }
}

fn expect(signals: &Signals<'_>, class: Class, codes: &[&str]) {
    let sighting = classify(signals);
    assert_eq!(sighting.class, class, "{signals:?} {sighting:?}");
    let found: Vec<_> = sighting.reasons.codes().collect();
    assert_eq!(found, codes, "{signals:?}");
}

#[test]
fn a_person_who_follows_a_link_or_types_it_is_human() {
    for fetch_site in ["cross-site", "none", "same-origin", "same-site"] {
        let signals = Signals {
            fetch_site,
            ..navigation()
        };
        expect(&signals, Class::Human, &["navigation", "gesture"]);
    }
    let nothing_of_the_network = Signals {
        asn: "",
        organisation: "",
        ..navigation()
    };
    assert_eq!(classify(&nothing_of_the_network).class, Class::Human);
}

#[test]
fn safari_never_tells_of_gestures_and_its_people_are_human() {
    let signals = Signals {
        user_agent: SAFARI,
        fetch_user: "",
        ..navigation()
    };
    expect(&signals, Class::Human, &["navigation", "gesture_untold"]);
}

#[test]
fn what_a_scanner_could_have_sent_is_provisional() {
    let no_gesture = Signals {
        fetch_user: "",
        ..navigation()
    };
    expect(
        &no_gesture,
        Class::Provisional,
        &["navigation", "no_gesture"],
    );
    expect(&old(), Class::Provisional, &["no_fetch_metadata"]);
    let cloud = Signals {
        asn: "8075",
        organisation: "Microsoft Corporation",
        ..navigation()
    };
    let codes = ["navigation", "gesture", "cloud_network"];
    expect(&cloud, Class::Provisional, &codes);
    let cloud_safari = Signals {
        user_agent: SAFARI,
        fetch_user: "",
        organisation: "Proofpoint, Inc.",
        ..navigation()
    };
    assert_eq!(classify(&cloud_safari).class, Class::Provisional);
}

#[test]
fn what_is_loaded_as_a_part_of_a_page_is_stuffed() {
    for fetch_dest in PARTS {
        for fetch_mode in ["no-cors", "navigate", "cors", "", "new-mode"] {
            let signals = Signals {
                fetch_dest,
                fetch_mode,
                ..navigation()
            };
            expect(&signals, Class::Stuffed, &["embedded"]);
        }
    }
    for fetch_mode in PART_MODES {
        let signals = Signals {
            fetch_mode,
            ..navigation()
        };
        expect(&signals, Class::Stuffed, &["embedded"]);
    }
    let old_image = Signals {
        accept: "image/webp,image/avif,image/jxl,*/*;q=0.8",
        ..old()
    };
    expect(&old_image, Class::Stuffed, &["wants_an_image"]);
}

#[test]
fn unknown_metadata_is_ignored() {
    let new_kind = Signals {
        fetch_dest: "hologram",
        ..navigation()
    };
    expect(&new_kind, Class::Human, &["navigation", "gesture"]);
    let nothing_known = Signals {
        fetch_mode: "teleport",
        ..new_kind
    };
    expect(&nothing_known, Class::Provisional, &["no_fetch_metadata"]);
}

#[test]
fn pages_loaded_ahead_and_head_have_their_own_class() {
    for purpose in [
        "prefetch",
        "prefetch;prerender",
        "prefetch;anonymous-client-ip",
        "preview",
    ] {
        let signals = Signals {
            purpose,
            ..navigation()
        };
        expect(&signals, Class::Prefetch, &["loaded_ahead"]);
    }
    let head = Signals {
        method: "HEAD",
        ..navigation()
    };
    expect(&head, Class::Head, &["head_request"]);
}

#[test]
fn a_page_accepted_as_anything_is_wanted_by_a_tool() {
    for signals in [navigation(), old()] {
        let signals = Signals {
            accept: "*/*",
            ..signals
        };
        expect(&signals, Class::Library, &["accepts_anything"]);
    }
    let silent = Signals {
        accept: "",
        ..old()
    };
    assert_eq!(classify(&silent).class, Class::Provisional);
}

#[test]
fn a_strange_agent_is_software_unless_a_browser_is_behind_it() {
    for user_agent in ["", "MyShop 3.1", "Mozilla/5.0", "Dalvik/2.1.0 (Linux)"] {
        let app = Signals {
            user_agent,
            ..navigation()
        };
        let tool = Signals {
            user_agent,
            ..old()
        };
        assert_eq!(classify(&app).class, Class::Provisional, "{user_agent}");
        assert_eq!(classify(&tool).class, Class::Library, "{user_agent}");
    }
    let named = Signals {
        user_agent: "Googlebot/2.1 (+http://www.google.com/bot.html)",
        ..navigation()
    };
    expect(&named, Class::Crawler, &["software_word"]);
}

#[test]
fn a_report_has_the_class_of_the_page_that_sends_it() {
    let script = Signals {
        method: "POST",
        accept: "*/*",
        fetch_dest: "empty",
        fetch_mode: "cors",
        fetch_site: "same-origin",
        fetch_user: "",
        ..navigation()
    };
    let old = Signals {
        method: "POST",
        accept: "*/*",
        ..old()
    };
    assert_eq!(classify_report(&script), Class::Human);
    assert_eq!(classify_report(&old), Class::Human, "no `Sec-Fetch-*`");
    for fetch_mode in ["no-cors", "same-origin", ""] {
        let sent = Signals {
            fetch_mode,
            ..script
        };
        assert_eq!(classify_report(&sent), Class::Human, "{fetch_mode}");
    }
    let tool = Signals {
        user_agent: "curl/8.5.0",
        ..old
    };
    assert_eq!(classify_report(&tool), Class::Library);
    let dressed = Signals {
        user_agent: "curl/8.5.0",
        ..script
    };
    assert_eq!(classify_report(&dressed), Class::Library);
    let nameless = Signals {
        user_agent: "",
        ..old
    };
    assert_eq!(classify_report(&nameless), Class::Library);
    let hidden = Signals {
        purpose: "prefetch;prerender",
        ..script
    };
    assert_eq!(
        classify_report(&hidden),
        Class::Prefetch,
        "nobody sees the page yet"
    );
    let form = Signals {
        fetch_mode: "navigate",
        fetch_dest: "document",
        ..script
    };
    assert_eq!(classify_report(&form), Class::Stuffed);
    let image = Signals {
        fetch_dest: "image",
        ..script
    };
    assert_eq!(classify_report(&image), Class::Stuffed);
}
