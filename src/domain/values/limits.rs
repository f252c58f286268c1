//! Every bound in one place, each with the reason for its size.

/// Touches kept in a journal; the first and the last are never dropped.
pub const JOURNAL_TOUCHES: usize = 8;
/// Click IDs kept in a journal, one per platform parameter.
pub const JOURNAL_CLICK_IDS: usize = 6;
/// Encoded journal cookie in bytes: half of the 4,096 that browsers allow a cookie.
pub const COOKIE_BYTES: usize = 2_000;
/// Longest `Cookie` header that is looked at; Cloudflare allows 128 kB of headers in all.
pub const COOKIE_HEADER_BYTES: usize = 16_384;
/// A click token with its prefix: Stripe's `client_reference_id` takes 200, we promise 120.
pub const TOKEN_CHARS: usize = 120;
/// A click token or journal older than this is as if absent: browsers cap cookies at 400 days.
pub const TOUCH_AGE_MS: i64 = 400 * 86_400_000;
/// Request bodies of the conversion API, in bytes. Dub's metadata alone may hold 10,000 UTF-16
/// units, each six bytes where a client escapes it.
pub const TRACK_BODY_BYTES: usize = 65_536;
/// UTF-16 units of `metadata` as JSON, as Dub counts them.
pub const METADATA_UNITS: usize = 10_000;
/// Request bodies of the control plane, in bytes.
pub const CONTROL_BODY_BYTES: usize = 65_536;
/// Beacon bodies, in bytes: a landing query of 4 kB with room.
pub const BEACON_BODY_BYTES: usize = 8_192;
/// Characters of an id that the merchant chose (customer, invoice, refund).
pub const EXTERNAL_ID_CHARS: usize = 190;
/// Characters of an invoice's id: Dub bounds it by its column alone.
pub const INVOICE_ID_CHARS: usize = 255;
/// Characters of an event's name, as Dub allows.
pub const EVENT_NAME_CHARS: usize = 255;
/// Characters of a name (program, partner, key).
pub const NAME_CHARS: usize = 190;
/// Characters of a slug.
pub const SLUG_CHARS: usize = 100;
/// Bytes of a slug: `link:`, a host of 253 and `/` stand before it in KV, whose keys take 512.
pub const SLUG_BYTES: usize = 240;
/// Settings of one link as JSON, in bytes. An isolate remembers 10,000 links in its 128 MB.
pub const LINK_BYTES: usize = 8_192;
/// Rules of a link; they are tried one by one on the redirect.
pub const RULES: usize = 20;
/// Levels of `all`, `any` and `not` in a condition.
pub const CONDITION_DEPTH: usize = 4;
/// Leaves of one condition.
pub const CONDITION_LEAVES: usize = 40;
/// Values of one leaf: the countries of the world fit.
pub const CONDITION_VALUES: usize = 250;
/// Variants of a split; each needs its share of visitors to say anything.
pub const VARIANTS: usize = 8;
/// Tags of one click: `sub1` to `sub10` and two names of the program, or other names instead.
pub const TAGS: usize = 12;
/// Characters of a tag's value; what is longer is cut.
pub const TAG_CHARS: usize = 100;
/// Names in one list of a parameter policy.
pub const PARAM_NAMES: usize = 50;
/// Characters of a parameter's name.
pub const PARAM_CHARS: usize = 64;
/// Characters of one line of a UTM template.
pub const UTM_CHARS: usize = 200;
/// Bytes of one line after its placeholders were filled and encoded.
pub const UTM_BYTES: usize = 512;
/// Characters of a preview's description.
pub const OG_CHARS: usize = 500;
/// Bytes of the offer that a page is told, as JSON: it travels with every beacon's answer.
pub const OFFER_BYTES: usize = 1_024;
/// Domains that a program's cookie had before: each is a header of every withdrawal.
pub const EARLIER_DOMAINS: usize = 8;
/// Bytes of one association file, as JSON. Apple reads 128 KB; a body of ours has 64.
pub const ASSOCIATION_BYTES: usize = 16_384;
/// Prefixes of checkout paths.
pub const CHECKOUT_PATHS: usize = 20;
/// Names of partner parameters.
pub const PARTNER_PARAMS: usize = 20;
/// The same visitor on the same link within this time clicked once.
pub const DUPLICATE_MS: i64 = 3_600_000;
/// Destinations, and rows kept for destinations, that one step of a rotation seals again.
pub const RESEALED_ROWS: u32 = 50;
/// Rows in one page of a list.
pub const PAGE_ROWS: u32 = 100;
/// Bytes of a parameter of the fold. D1 takes 2,000,000 bytes of a string or a row, see
/// https://developers.cloudflare.com/d1/platform/limits/.
pub const PARAM_BYTES: usize = 500_000;
/// Facts folded by one batch; architecture: at most 4 round trips for 100.
pub const FOLD_FACTS: u32 = 100;
/// Facts that were tried before, and facts that were set aside, that are looked at beside these.
pub const FOLD_AGAIN: u32 = 10;
/// Bytes that one fold loads of small histories together. What is larger than a quarter of it is
/// folded alone.
pub const FOLD_BYTES: usize = 4_000_000;
/// Bytes of decisions that one fold changes; more is left to the next one. An isolate has 128 MB.
pub const FOLD_CHANGES_BYTES: usize = 12_000_000;
/// Facts of one customer that one fold looks at; more is set aside until it fits.
pub const CUSTOMER_FACTS: usize = 5_000;
/// Bytes of one customer's history, in the same way.
pub const CUSTOMER_BYTES: usize = 16_000_000;
/// What a fact brings along beside its body: its click, its decision's fingerprint, its entries.
pub const FACT_OVERHEAD_BYTES: usize = 1_500;
/// How long a fact waits before it counts as late: then each attempt is noted before it is made.
pub const FOLD_LATE_MS: i64 = 10_000;
/// How long an attempt may be under way before it counts as lost.
pub const FOLD_ATTEMPT_MS: i64 = 20_000;
/// Attempts that may be lost in a row; after them the customer is set aside.
pub const FOLD_ATTEMPTS: u32 = 3;
/// How long the fold may lag behind before an operator is told.
pub const FOLD_LAG_MS: i64 = 5 * 60_000;
/// Events set aside that the status names.
pub const STATUS_EXAMPLES: usize = 20;
/// After which time what could not be folded is tried again: at first, and at most.
pub const RETRY_FOLD_MS: i64 = 60_000;
pub const RETRY_FOLD_MOST_MS: i64 = 86_400_000;
/// Deliveries looked at in one round: what one answer of D1 can hold with room.
pub const DELIVERY_BATCH: u32 = 200;
/// Of these, for one destination: four slow ones leave room for others.
pub const DELIVERY_SHARE: u32 = 50;
/// Messages that a destination may name.
pub const EVENT_FILTERS: usize = 40;
/// Entries that one settlement takes: a commit of some 100 kB.
pub const SETTLE_ENTRIES: usize = 1_000;
/// Settlements of one call; more is left for another.
pub const SETTLE_ROUNDS: usize = 20;
/// How often a settlement or a payout looks again after others were faster.
pub const SETTLE_TRIES: u32 = 8;
/// Payouts of one call; more is left for another.
pub const PAYOUTS: usize = 100;
/// Programs whose month one minute's cron closes.
pub const SETTLE_PROGRAMS: usize = 10;
/// Customers that one call of what-if looks at, and events that they may have together.
pub const WHAT_IF_CUSTOMERS: usize = 200;
pub const WHAT_IF_FACTS: usize = 2_000;
/// Examples that one call of what-if tells.
pub const WHAT_IF_EXAMPLES: usize = 20;
/// How far in the past an event may be dated.
pub const EVENT_PAST_MS: i64 = 400 * 86_400_000;
/// How far in the future an event may be dated: clock skew between servers, nothing more.
pub const EVENT_FUTURE_MS: i64 = 5 * 60_000;
/// How long the sealed row of an event waits for its deliveries (Meta refuses after 7 days).
pub const SEALED_ROW_MS: i64 = 7 * 86_400_000;
/// Width of the time bucket by which packed clicks are found again.
pub const CLICK_BUCKET_MS: i64 = 60_000;
/// Bytes of queue messages whose visits one transaction stores: as a parameter they stay far below
/// the 2,000,000 bytes that D1 takes, and a part that fails is soon tried again.
pub const CLICK_PART_BYTES: usize = 500_000;
/// Bytes of visits in one packed row, unless one message has more: who looks for a click reads few.
pub const CLICK_PACK_BYTES: usize = 64_000;
/// Permissions that are kept of one click, at most.
pub const CLICK_GRANTS: usize = 8;
/// Bytes of a queue message that are kept when it cannot be taken: Cloudflare allows no more.
pub const DEAD_LETTER_BYTES: usize = 128_000;
/// How often a queue message that fails without a reason while the database answers is tried before
/// it is kept for people to look at: only the dead-letter queue tries so often, an hour apart.
pub const MESSAGE_TRIES: u32 = 50;
/// Failures in one queue batch after which the rest of it waits for the next one. Each costs about
/// ten of the 1,000 statements that a Worker may send in one call, and may take 30 s.
pub const BATCH_FAILURES: u32 = 24;
/// How long what ad platforms hear of an event waits for the event's click to be stored: clicks
/// come by queue, seconds later, and hold the click IDs.
pub const CLICK_WAIT_MS: i64 = 60_000;
/// How long after a click another page of the site confirms it.
pub const CONFIRM_MS: i64 = 3_600_000;
/// KV keys that one request waits for at a time: its host, a link of it, and what pages may show.
pub const WANTED_KEYS: usize = 8;
/// Characters that a random slug may begin with.
pub const SLUG_PREFIX_CHARS: usize = 60;
/// Clicks that one network may send on one partner within a minute before they are a flood. An
/// isolate counts for itself, so it is approximate: a large office behind one address stays below.
pub const FLOOD_CLICKS: u32 = 120;
/// Pairs of network and partner that an isolate counts at once, at 16 bytes each.
pub const FLOOD_SLOTS: usize = 4_096;
/// Members that are not known and are named in an answer.
pub const UNKNOWN_MEMBERS: usize = 20;
/// Lines of an order; more are one line by category.
pub const ORDER_LINES: usize = 100;
/// Names in one list of a plan: milestones, SKUs, categories, kinds of partners, referrers.
pub const PLAN_NAMES: usize = 100;
/// Partners with commissions of their own in one plan.
pub const PLAN_PARTNERS: usize = 200;
/// Clicks this close to the event step back for the partner who brought the customer: nobody
/// reads a page, fills a basket and pays within seconds of meeting a shop.
pub const STAND_DOWN_SECONDS: u32 = 10;
/// Events this soon after their click are looked at by a person, unless the plan says otherwise.
pub const REVIEW_SECONDS: u32 = 3;
/// Customers that one click may credit before a person looks: a family, not a forum.
pub const TOKEN_CUSTOMERS: u32 = 5;
/// The same amount again within this time is looked at: a form that was sent twice.
pub const DUPLICATE_MINUTES: u32 = 10;
/// Touches before an event that its decision looks at: the first and the newest ones.
pub const TOUCHES_BEFORE: usize = 100;
/// Touches after an event that its decision names, to say that they came too late.
pub const TOUCHES_AFTER: usize = 10;
/// Characters of a referral or coupon code.
pub const CODE_CHARS: usize = 64;
/// Bytes of the form in which a partner's code is compared: one character can become eighteen.
pub const CODE_KEY_BYTES: usize = 256;
/// Characters of a partner's kind, a word.
pub const KIND_CHARS: usize = 40;
/// Customer ids of a partner in one call: people buy under a handful.
pub const PARTNER_CUSTOMERS: usize = 100;
/// Characters of the reason that a person gives.
pub const REASON_CHARS: usize = 500;
/// Exchange rates in one call: a year of days of one pair fits.
pub const RATES: usize = 500;
/// Events in one call of `track/batch`.
pub const BATCH_EVENTS: usize = 50;
/// Body of `track/batch`, in bytes.
pub const BATCH_BODY_BYTES: usize = 262_144;
