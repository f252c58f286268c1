//! Names of software that the general rules miss, packed from npm crawler-user-agents (MIT).
//! Made by `tests/it/traffic.rs` from `tests/golden/crawler_agents.json`; not edited by hand.

use super::Class;
use super::software::Names;

/// Without these, software would pass for a browser.
#[rustfmt::skip]
pub(super) const MISSED: [Names<'static>; 5] = [
    (Class::AiAgent, "\
        newsai/|tsm-turingos|"),
    (Class::Preview, "\
        thirdlandingpage|"),
    (Class::Scanner, "\
        cookiehubscan|cookiehubverify|hardenize|foregenix|securityheaders|abuse.xmco.fr|\
        watchtowr|nessus soap|"),
    (Class::Library, "\
        pingdom|appinsights|dareboost|ptst/|silktide|thousandeyes|sindup|ghost inspector|\
        gtmetrix|splash version/|rigor)|testlocally/|ylt chrome|"),
    (Class::Crawler, "\
        ips-agent|google favicon|datanyze|collapsify|nitro-|dlc/|feeder.co|hotjar|linktiger|\
        marketgoo/|miniature.io/|netshelter conte|newsnow/|pwabuilderhttpag|readable/|\
        geedoshopproduct|"),
];

/// These tell the kind of what is known to be software.
#[rustfmt::skip]
pub(super) const KINDS: [Names<'static>; 5] = [
    (Class::AiAgent, "\
        ccbot|bytespider|perplexitybot/|meta-externala|tiktokspider|sbintuitionsbo|\
        google-extende|cohere-ai|gemini-deep-re|perplexityuser|duckassistbot|amzn-searchbot|\
        amzn-user|anomura|apifybot|apifywebsiteco|atlassian-bot|azureai-search|bigsur.ai|\
        brightbot|channel3bot|cloudflare-aut|facebookbot|firecrawlagent|google-noteboo|\
        imagespider|kagi-fetcher|kangaroo bot|laion-huggingf|linkupbot|phindbot|poggio-citatio|\
        shapbot|spider.com|tavilybot|zanistabot|extecontextcra|flyriverbot|aranet-searchb|\
        crawl4ai|deepseekbot|iaskspider|kunatocrawler|terracotta|henkbot|semantic-visio|\
        taragroup inte|thinkbot|ai2bot|kendrabot|chatglm-spider|cohere-trainin|devin|\
        google-cloudve|iaskbot/|imagemind|img2dataset|linerbot/|novellum|linkreader/|\
        spawning-ai|the knowledge|"),
    (Class::Preview, "\
        linkedinbot|facebookextern|twitterbot|facebot|tweetmemebot|addthis|slack-imgproxy|\
        slackbot|redditbot|whatsapp|pinterest.com/|discordbot|jetslide|newsharecounts|\
        everyonesocial|ning/|mastodon|hatena|flipboardproxy|vkshare|friendica|vkrobot|viber|\
        valve/steam|odklbot/|linespider|synapse|iframely|groupmebot|meta-externalf|keybasebot|\
        lemmy|summalybot|meta-webindexe|aasa-bot|bluesky-domain|bluesky/|evernoterichli|\
        goodreads|mediumbot-meta|quora-bot|codabot|dazzle bluesky|supabase paire|xing bot|\
        dingtalkbot-li|discourse foru|fastmailua|gg peekbot|github-camo|googleimagepro|\
        loomlybot|dbot)|mattermost-bot|meta-externalh|opengraph.io/|shortwave imag|\
        twilioproxy/|yahoomailproxy|notion/|tumblr/|listgembot|cardyb|"),
    (Class::Scanner, "\
        cyberpatrol|ec2linkfinder|binlar|ltx71|safednsbot|jugendschutzpr|netcraftsurvey|\
        filterdb.iss.n|sbl-bot|k7mlwcbot|zgrab|cloudflare-ssl|nmap scripting|ut-dorkbot|\
        ninja bot|virustotal|cookiebot|lightspeedsyst|bitsightbot/|reverseenginee|l9explore|\
        netsystemsrese|censysinspect/|aliyunsecbot|nikto|sqlmap|zmeu|acunetix|nessus|dirbuster|\
        asnriskscorer|browserbot-obs|certchief|cookie-maestro|cookieyesbot|digicert dcv|\
        krawlerbot|netcraft ssl s|verispider|wtotem|tls tester|urlbeebot|emailwolf|akismetbot|\
        artemisbot|bad neighborho|blackduck-fd|cert pl|cookiehub bot|dratabot|csirt.cz|\
        detectify|do not track v|feed image aud|google-trust-s|hstspreload-bo|isscyberriskcr|\
        iubenda-radar/|legalmonster|let's encrypt|mrgbot/|nstoolsbot/|openvas|probelyspdr/|\
        projectshield-|riddler (http:|ssl labs (http|sucuri|bitdiscovery|test certifica|\
        unshorten.it!|vaultpress|whatweb/|wpsec/|ssl labs|expanse, a pal|"),
    (Class::Library, "\
        baidu-yunguanc|cloudflarerada|modatscanner|"),
    (Class::Crawler, "\
        exabot|seoscanners|adscanner|cispa webcrawl|researchscan.c|jobswithgptcom|\
        page-preview-t|giftedvisitor|vu-server-heal|"),
];
