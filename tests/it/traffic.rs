//! Traffic classes: every request gets one, with a reason. Software that nobody listed is found,
//! and no browser is taken for software.

mod packed;

use crate::properties::cases;
use domain::visit::traffic::software::{Sign, table};
use domain::visit::traffic::{Class, Reasons, Signals, classify, classify_report};
use packed::{KINDS, Names, is_alike, json, patterns, strings};
use proptest::prelude::*;

fn people() -> Vec<String> {
    strings(&json("tests/golden/browser_agents.json")["agents"])
}

/// What a script sends: `Accept` like a browser, and no `Sec-Fetch-*`.
fn fetched(user_agent: &str) -> Signals<'_> {
    Signals {
        method: "GET",
        user_agent,
        accept: "text/html,*/*;q=0.8",
        ..Signals::default()
    }
}

/// What a browser sends when a person follows a link.
fn followed(user_agent: &str) -> Signals<'_> {
    Signals {
        fetch_dest: "document",
        fetch_mode: "navigate",
        fetch_site: "cross-site",
        fetch_user: "?1",
        ..fetched(user_agent)
    }
}

#[test]
fn software_that_is_not_in_the_table_is_found_too() {
    let all = patterns();
    for fold in 0..3 {
        let in_fold = |at: usize| at % 3 == fold;
        let rows = || all.iter().enumerate();
        let known = rows()
            .filter(|(at, _)| !in_fold(*at))
            .map(|(_, row)| row.clone());
        let names = Names::of(&known.collect::<Vec<_>>());
        let held_out = rows().filter(|(at, row)| in_fold(*at) && !row.agents.is_empty());
        let (mut whole, mut patterns, mut found, mut agents) = (0, 0, 0, 0);
        for (_, row) in held_out {
            let seen = |agent: &&String| names.with(|table| table.find(agent).is_some());
            let hits = row.agents.iter().filter(seen).count();
            found += hits;
            agents += row.agents.len();
            whole += usize::from(hits == row.agents.len());
            patterns += 1;
        }
        println!("fold {fold}: {whole} of {patterns} patterns, {found} of {agents} agents");
        assert!(patterns > 450);
        assert!(
            whole * 100 >= patterns * 95,
            "{whole} of {patterns} patterns"
        );
        assert!(found * 100 >= agents * 95, "{found} of {agents} agents");
    }
}

#[test]
fn every_listed_agent_is_software_of_its_kind() {
    let (mut alike, mut agents, mut dressed) = (0, 0, 0);
    for row in patterns() {
        for agent in &row.agents {
            let class = classify(&fetched(agent)).class;
            assert!(KINDS.contains(&class), "{agent} is {class:?}");
            let sighting = classify(&followed(agent));
            assert!(sighting.class != Class::Human, "{agent}");
            if sighting.class == Class::Provisional {
                // Only where the agent is no browser's: apps call their own browser what they like.
                let strange = Reasons::UNFAMILIAR_AGENT.and(Reasons::NO_AGENT);
                assert!(sighting.reasons.has(strange), "{agent}");
                dressed += 1;
            }
            alike += usize::from(is_alike(class, row.class));
            agents += 1;
        }
    }
    println!("{alike} of {agents} have the kind that their tags tell");
    println!("{dressed} are provisional when they send what browsers send");
    assert!(alike * 100 >= agents * 97, "{alike} of {agents}");
}

#[test]
fn no_browser_is_taken_for_software() {
    let version = json("package.json")["devDependencies"]["user-agents"].clone();
    let source = json("tests/golden/browser_agents.json")["source"].clone();
    let pinned = source.as_str().unwrap().contains(version.as_str().unwrap());
    assert!(pinned, "run tools/golden/browser_agents.mjs again");
    let people = people();
    assert!(people.len() >= 200);
    for agent in &people {
        assert_eq!(table().find(agent), None, "{agent}");
        assert_eq!(classify(&followed(agent)).class, Class::Human, "{agent}");
        let old = classify(&fetched(agent));
        assert_eq!(old.class, Class::Provisional, "{agent}");
    }
}

/// An address in a browser's agent may be a plug-in's: then all else is as browsers send it.
#[test]
fn an_address_in_an_agent_does_not_make_a_browser_software() {
    for added in [
        "www.shop-coupons.example",
        "(http://toolbar.example)",
        "MyCoupons.com/1.2",
    ] {
        for agent in people() {
            let agent = format!("{agent} {added}");
            let address = table().find(&agent).unwrap();
            assert_eq!(address.sign, Sign::Address, "{agent}");
            let clicked = classify(&followed(&agent));
            assert_eq!(clicked.class, Class::Provisional, "{agent}");
            let codes: Vec<_> = clicked.reasons.codes().collect();
            assert_eq!(codes, ["navigation", "gesture", "agent_address"]);
            let whole = followed(&agent);
            for less in [
                Signals {
                    fetch_user: "",
                    ..whole
                },
                Signals {
                    fetch_user: "?0",
                    ..whole
                },
                Signals {
                    fetch_site: "",
                    ..whole
                },
                Signals {
                    fetch_site: "everywhere",
                    ..whole
                },
                Signals {
                    fetch_mode: "",
                    ..whole
                },
                Signals {
                    fetch_dest: "",
                    ..whole
                },
                Signals {
                    accept: "",
                    ..whole
                },
                fetched(&agent),
            ] {
                let class = classify(&less).class;
                assert!(KINDS.contains(&class), "{less:?} is {class:?}");
            }
            // Its page's script sends no gesture.
            let report = Signals {
                method: "POST",
                accept: "*/*",
                fetch_dest: "empty",
                fetch_mode: "cors",
                fetch_site: "same-origin",
                fetch_user: "",
                ..whole
            };
            assert_eq!(classify_report(&report), Class::Human, "{agent}");
            let bare = Signals {
                fetch_dest: "",
                fetch_mode: "",
                fetch_site: "",
                ..report
            };
            assert_ne!(classify_report(&bare), Class::Human, "{agent}");
        }
    }
    // Software writes its address in its own way, and may drive a whole browser.
    let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                  Chrome/140.0.0.0 Safari/537.36";
    for added in [
        "(+https://looker.example/)",
        "(compatible; looker.example)",
        "+www.looker.example",
    ] {
        let agent = format!("{chrome} {added}");
        let class = classify(&followed(&agent)).class;
        assert!(KINDS.contains(&class), "{agent} is {class:?}");
    }
    let tool = "Looker/1.0 (https://looker.example)";
    assert!(
        KINDS.contains(&classify(&followed(tool)).class),
        "no browser's agent"
    );
}

#[test]
fn well_known_software_has_its_class() {
    for (class, agents) in KNOWN {
        for agent in *agents {
            assert_eq!(classify(&fetched(agent)).class, *class, "{agent}");
            // A browser's other headers do not make it a person.
            let dressed = classify(&followed(agent)).class;
            assert!(!dressed.sets_cookie(), "{agent} is {dressed:?}");
        }
    }
}

const KNOWN: &[(Class, &[&str])] = &[
    (
        Class::Preview,
        &[
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Facebot",
            "Twitterbot/1.0",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Slack-ImgProxy (+https://api.slack.com/robots)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "TelegramBot (like TwitterBot)",
            "WhatsApp/2.23.20.0 A",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
            "http.rb/5.1.1 (Mastodon/4.2.0; +https://mastodon.example/)",
            "Iframely/1.3.1 (+https://iframely.com/docs/about)",
            "Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)",
            "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
            "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)",
            "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, \
             like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot \
             Twitterbot/1.0",
            "Mozilla/5.0 (Linux; Android 10; SM-G960F; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
         Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36 thirdLandingPageFeInfra",
        ],
    ),
    (
        Class::AiAgent,
        &[
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; \
         +https://openai.com/gptbot)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; \
         +https://openai.com/bot",
            "Mozilla/5.0 (compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; \
         +claudebot@anthropic.com)",
            "Mozilla/5.0 (compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; \
         +https://perplexity.ai/perplexitybot)",
            "Mozilla/5.0 (compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
            "Mozilla/5.0 (compatible; NewAssistant-User/1.0)",
            "CCBot/2.0 (https://commoncrawl.org/faq/)",
            "Mozilla/5.0 (compatible; Google-Extended/1.0)",
        ],
    ),
    (
        Class::Crawler,
        &[
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, \
         like Gecko) Chrome/126.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; \
         +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
            "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
            "ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
         like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1 (Applebot/0.1; \
         +http://www.apple.com/go/applebot)",
        ],
    ),
    (
        Class::Library,
        &[
            "curl/8.5.0",
            "Wget/1.21.4",
            "okhttp/4.12.0",
            "python-requests/2.31.0",
            "Python/3.11 aiohttp/3.9.1",
            "Go-http-client/2.0",
            "axios/1.6.2",
            "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
            "PostmanRuntime/7.36.0",
            "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
            "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         HeadlessChrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like \
             Gecko) Chrome/138.0.0.0 Safari/537.36 Chrome-Lighthouse",
        ],
    ),
    (
        Class::Scanner,
        &[
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0; Nessus SOAP)",
            "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
            "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
            "Expanse, a Palo Alto Networks company, searches across the global IPv4 space",
            "Mozilla/5.0 zgrab/0.x",
            "Mozilla/5.0 (compatible; NetcraftSurveyAgent/1.0; +info@netcraft.com)",
        ],
    ),
];

const SOME_DESTS: &[&str] = &["", "document", "image", "iframe", "empty", "hologram"];
const SOME_MODES: &[&str] = &["", "navigate", "no-cors", "cors", "teleport"];

fn one_of(list: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(list).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(cases(1_024))]

    #[test]
    fn every_request_has_one_class_and_a_reason(
        method in one_of(&["GET", "HEAD", "POST"]),
        user_agent in prop_oneof![
            any::<String>(),
            proptest::sample::select(people()),
            ".{0,40}(bot|compatible|\\.com|://|cubot|İ|🦀).{0,40}",
        ],
        accept in one_of(&["", "*/*", "text/html,*/*;q=0.8", "image/avif,*/*"]),
        dest in one_of(SOME_DESTS),
        mode in one_of(SOME_MODES),
        site in one_of(&["", "none", "cross-site", "same-site"]),
        user in one_of(&["", "?1", "?0"]),
        purpose in one_of(&["", "prefetch", "prefetch;prerender"]),
        (asn, organisation) in (one_of(&["", "8075", "3320"]), one_of(&["", "Amazon.com"])),
    ) {
        let signals = Signals {
            method: &method,
            user_agent: &user_agent,
            accept: &accept,
            fetch_dest: &dest,
            fetch_mode: &mode,
            fetch_site: &site,
            fetch_user: &user,
            purpose: &purpose,
            asn: &asn,
            organisation: &organisation,
        };
        let sighting = classify(&signals);
        prop_assert!(sighting.reasons.codes().count() >= 1);
        prop_assert_eq!(sighting.reasons.codes().count(), sighting.reasons.sentences().count());
        prop_assert_eq!(classify(&signals), sighting);
        prop_assert!(![Class::Duplicate, Class::Flood].contains(&sighting.class));
        let embedded = SOME_DESTS.get(2..5).unwrap_or_default().contains(&dest.as_str());
        prop_assert!(!(embedded && sighting.class.sets_cookie()), "{:?}", sighting);
        if sighting.class == Class::Human {
            let told = Reasons::GESTURE.and(Reasons::GESTURE_UNTOLD);
            prop_assert!(sighting.reasons.has(told));
        }
    }

    /// Letters of any case are equal, and what stands before and after changes nothing.
    #[test]
    fn software_is_found_wherever_it_names_itself(
        (before, after) in ("[ -~]{0,60}", "[ -~]{0,60}"),
        upper in any::<bool>(),
    ) {
        let name = if upper { "GOOGLEBOT/2.1" } else { "googlebot/2.1" };
        let agent = format!("{before} {name} {after}");
        prop_assert!(table().find(&agent).is_some(), "{}", agent);
    }
}
