/** What kind of request it is, and what its visitor allows. Numbers are those of the formats. */

export const HUMAN = 1;
export const PREFETCH = 2;
const HEAD = 3;
const STUFFED = 4;
const CRAWLER = 5;
const PROVISIONAL = 6;
const LIBRARY = 10;
export const DUPLICATE = 11;
export const FLOOD = 12;

/** Software that names itself: one compact pattern, in the manner of npm's `isbot`. */
const SOFTWARE = new RegExp(
  "(?<!cu)bot(?![a-z])|crawl|spider|scrap|fetch|https?:|monitor|preview|scan|archiv|curl/|wget|" +
  "python|java/|ruby|perl|php/|go-http|node-|undici|axios|okhttp/|facebookexternalhit|whatsapp/|" +
  "embedly|iframely|pingdom|uptime|lighthouse|headless|phantom|gptbot|chatgpt-user|claude-user|" +
  "perplexity|bytespider|libwww|httpclient|postman|^$|^[a-z]+/[\\d.]+$", "i",
);
const AHEAD = /prefetch|prerender|preview/;
const PARTS = new Set(
  ("audio audioworklet embed empty fencedframe font frame iframe image json manifest object " +
    "paintworklet report script serviceworker sharedworker style text track video worker xslt")
    .split(" "),
);
const CLOUDS = new Set([
  109, 8068, 8075, 8987, 12876, 14061, 14618, 15169, 15324, 16276, 16509, 19527, 20473, 24940,
  31898, 36351, 45102, 51167, 54538, 60781, 63949, 132203, 213230, 396982,
]);
const CLOUD_OWNER = /^(?:akamai|alibaba|amazon|digitalocean|google|hetzner|microsoft|ovh|tencent)/i;

/** @param {Headers} headers @param {string | null} gesture */
function isAhead(headers, gesture) {
  const purpose = headers.get("sec-purpose") ??
    (gesture ? null : headers.get("purpose") ?? headers.get("x-purpose") ?? headers.get("x-moz"));
  return purpose !== null && AHEAD.test(purpose);
}

/** @param {Request} request @param {any} cf */
export function classOf(request, cf) {
  const { headers } = request;
  if (request.method === "HEAD") return HEAD;
  const agent = headers.get("user-agent") ?? "";
  if (SOFTWARE.test(agent)) return CRAWLER;
  const gesture = headers.get("sec-fetch-user");
  if (isAhead(headers, gesture)) return PREFETCH;
  const destination = headers.get("sec-fetch-dest");
  const mode = headers.get("sec-fetch-mode");
  if (PARTS.has(destination ?? "") || (mode !== null && mode !== "navigate")) return STUFFED;
  const accept = headers.get("accept") ?? "";
  if (accept === "*/*" || (accept && !accept.includes("text/html"))) return LIBRARY;
  if (CLOUDS.has(cf.asn) || CLOUD_OWNER.test(cf.asOrganization ?? "")) return PROVISIONAL;
  if (destination === null && mode === null) return PROVISIONAL;
  const webkit = !agent.includes("Chrome/") && agent.includes("AppleWebKit/");
  return gesture === "?1" || webkit ? HUMAN : PROVISIONAL;
}

const ASK_FIRST = new Set(
  ("AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE " +
    "SI SK").split(" "),
);
const RUNGS = ["code", "session", "full"];
const EVIDENCE = { none: 0, country: 1, gpc: 2, decision: 3 };

/** Where the byte of state and evidence lies in a touch. */
const PERMISSION = 32;

/**
 * What the visitor decided before: a refusal, or the journal's state. Where that began by the
 * program's default, nobody has decided.
 * @param {boolean} refused
 * @param {{ consent: number, touches: Uint8Array[] } | undefined | null} journal
 */
export function decidedBefore(refused, journal) {
  if (refused) return EVIDENCE.decision << 4;
  if (!journal) return undefined;
  const last = journal.touches.at(-1);
  const byDefault = last !== undefined && last[PERMISSION] >> 4 === EVIDENCE.none;
  return journal.consent | (byDefault ? EVIDENCE.none : EVIDENCE.decision) << 4;
}

/**
 * State and, four bits higher, its evidence.
 * @param {Headers} headers
 * @param {number | undefined} decided in the same form
 * @param {string} country
 * @param {string} otherwise the program's default
 */
export function permission(headers, decided, country, otherwise) {
  if (headers.get("sec-gpc") === "1") return EVIDENCE.gpc << 4;
  if (decided !== undefined) return decided;
  const known = country.length === 2 && country !== "XX" && country !== "T1";
  if (!known || ASK_FIRST.has(country)) return EVIDENCE.country << 4;
  return RUNGS.indexOf(otherwise) | EVIDENCE.none << 4;
}

const FLOOD_CLICKS = 120;
const FLOOD_PAIRS = 4096;
/** @type {Map<string, number>} */
let clicks = new Map();
let minute = 0;

/** Counts a click of a network on a partner. @param {string} ip @param {string} partner
 * @param {number} now */
export function floods(ip, partner, now) {
  if (!ip) return false;
  const current = Math.floor(now / 60_000);
  if (current !== minute || clicks.size >= FLOOD_PAIRS) clicks = new Map();
  minute = current;
  const network = ip.includes(":") ? ip.split(":", 4).join(":") : ip.slice(0, ip.lastIndexOf("."));
  const pair = network + partner;
  const count = (clicks.get(pair) ?? 0) + 1;
  clicks.set(pair, count);
  return count > FLOOD_CLICKS;
}
