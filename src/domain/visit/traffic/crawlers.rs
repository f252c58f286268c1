//! Names of software that the general rules miss, packed from npm crawler-user-agents (MIT) and
//! `tools/golden/crawlers_added.txt`. Made by `tests/it/traffic.rs` from
//! `tests/golden/crawler_agents.json`; not edited by hand.

use super::Class;
use super::software::Names;

/// Without these, software would pass for a browser.
#[rustfmt::skip]
pub(super) const MISSED: [Names<'static>; 5] = [
    (Class::AiAgent, "\
        newsai/|tsm-turingos|"),
    (Class::Preview, "\
        googleimageproxy|secureurl.fwdcdn|thirdlandingpage|"),
    (Class::Scanner, "\
        abuse.xmco.fr|burpcollaborator|cookiehubscan|cookiehubverify|foregenix|hardenize|\
        jsjcw_scanner|nessus soap|netcraft ssl ser|securityheaders|watchtowr|"),
    (Class::Library, "\
        appinsights|catchpoint|checkly|cypress/|dareboost|dejaclick|dmbrowser|firephp|gtmetrix|\
        pingdom|ptst/|rigor)|silktide|sindup|siteimprove.com|splash version/|sqwatcher|\
        statuscake|testlocally/|thousandeyes|ylt chrome|"),
    (Class::Crawler, "\
        adbeat.com|autoconfig test|brandverity|collapsify|criticalcss.com|datanyze|dlc/|\
        feeder.co|geedoshopproduct|google favicon|google search co|googleweblight|hotjar|\
        ips-agent|linktiger|mail.ru|marketgoo/|miniature.io/|mixnode|netshelter conte|newsnow/|\
        nitro-|printfriendly.co|pwabuilderhttpag|quiterss|readable/|scope3|seositecheckup|\
        sparkler/|"),
];

/// These tell the kind of what is known to be software.
#[rustfmt::skip]
pub(super) const KINDS: [Names<'static>; 5] = [
    (Class::AiAgent, "\
        ai2bot|amzn-s|amzn-u|anomur|apifyb|apifyw|aranet|atlassian-|azurea|bigsur|brightb|\
        bytesp|ccbot|channe|chatgl|cloudflare-au|cohere|crawl4|deepse|devin|duckas|exteco|\
        facebookb|firecr|flyriv|gemini-d|google-cl|google-e|google-n|henkbo|iaskbo|iasksp|\
        imagem|imagesp|img2da|kagi-f|kangaroo|kendra|kunato|laion-|linerb|linkre|linkup|\
        meta-externalag|novell|perple|phindb|poggio|sbintu|semantic-v|shapbo|spawni|spider.c|\
        taragr|tavily|terrac|the kn|thinkb|tiktok|zanist|"),
    (Class::Preview, "\
        aasa-b|addthi|bluesk|codabo|dbot)|dingta|discor|discou|everno|everyo|facebooke|facebot|\
        fastma|flipboardp|friendi|gg pee|github-|goodre|groupm|hatena|iframe|jetsli|keybas|\
        lemmy|linesp|linked|listge|loomly|mastod|matter|medium|meta-externalf|meta-externalh|\
        meta-w|newsha|ning/|notion|odklbo|opengraph.|pinter|quora-|reddit|shortw|slack-|slackb|\
        summal|supaba|synaps|tumblr|tweetm|twilio|twitterb|valve/|viber|vkrobo|vkshar|whatsa|\
        xing b|yahoom|"),
    (Class::Scanner, "\
        acunet|akisme|aliyun|artemisb|asnris|bad ne|binlar|bitdis|bitsig|blackduck-|browserb|\
        censys|cert p|certch|cloudflare-ss|cookie|csirt.|cyberp|detectif|digice|dirbus|do not|\
        dratab|ec2lin|emailw|expans|feed i|filter|google-t|hstspr|isscyb|iubend|jugend|k7mlwc|\
        krawle|l9expl|legalm|let's|lights|ltx71|mrgbot|nessus|netcrafts|netsys|nikto|ninja|\
        nmap s|nstool|openva|probel|projectsh|revers|riddle|safedn|sbl-bo|sqlmap|ssl la|sucuri|\
        test c|tls te|unshor|urlbee|ut-dor|vaultp|verisp|virust|whatwe|wpsec/|wtotem|zgrab|\
        zmeu|"),
    (Class::Library, "\
        baidu-|cloudflarer|download|modats|"),
    (Class::Crawler, "\
        adscan|cispa|exabot|gifted|jobswi|kangaroob|page-p|researchs|seosca|vu-ser|"),
];
