/** What the visitors of the bench send, and what the Worker knows of the link they follow. */
import { randomBytes } from "node:crypto";
import { CF_HEADER } from "./workerd.mjs";

const HOST = "shop.localhost";
/** As long as the ones that Meta sends. */
const FBCLID = "IwY2xjawKq3m1leHRuA2FlbQIxMQABHkQ0dS5m4Yx7cW1pVGVzdFZhbHVlT25seV9hZW1f";
const QUERY = `?fbclid=${FBCLID}`;
const PATH = `/go/anna${QUERY}`;
/** A visitor comes by these before by Anna: a repeated click is another case than a new one. */
export const EARLIER = ["a", "b", "c", "d", "e", "f", "g", "h"].map((slug) => `/go/${slug}${QUERY}`);

/** A navigation in Chrome, as it arrives. */
/** @type {[string, string][]} */
const BROWSER = [
  ["sec-ch-ua", '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"'],
  ["sec-ch-ua-mobile", "?0"],
  ["sec-ch-ua-platform", '"Linux"'],
  ["upgrade-insecure-requests", "1"],
  [
    "user-agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
      "Chrome/140.0.0.0 Safari/537.36",
  ],
  [
    "accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng," +
      "*/*;q=0.8",
  ],
  ["sec-fetch-site", "cross-site"],
  ["sec-fetch-mode", "navigate"],
  ["sec-fetch-user", "?1"],
  ["sec-fetch-dest", "document"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["accept-language", "en-US,en;q=0.9"],
];

/** @param {string} slug @param {number} place @param {string} target */
const link = (slug, place, target) => [`link:${HOST}/${slug}`, {
  id: `ln_00000000000${place}`, program: "pg_000000000001", partner: `pn_00000000000${place}`,
  target, active: true,
}];

/** The KV records of the one program, its host and its links. */
export const SNAPSHOTS = Object.fromEntries([
  [`host:${HOST}`, {
    program: "pg_000000000001", default_consent: "full", fallback: null, cookie_domain: null,
  }],
  link("anna", 9, `https://${HOST}/spring?ref=anna`),
  ...["a", "b", "c", "d", "e", "f", "g", "h"].map((slug, place) =>
    link(slug, place + 1, `https://${HOST}/${slug}#top`)),
]);

export function newRootSecret() {
  return `1:${randomBytes(32).toString("base64url")}`;
}

/**
 * The request as it goes over the wire. `headers` come instead of those of the same name; empty
 * ones leave them out.
 * @param {{ cookie?: string, country?: string, path?: string, headers?: Record<string, string> }}
 *   [visit]
 */
export function request({ cookie, country = "US", path = PATH, headers = {} } = {}) {
  const all = new Map([
    ["host", HOST], ...BROWSER, ["cf-connecting-ip", "{network}.7"],
    [CF_HEADER, JSON.stringify({ country, asn: 7018, asOrganization: "A network for homes" })],
    ...Object.entries(headers),
  ]);
  if (cookie) all.set("cookie", `_ga=GA1.1.1234567890.1795334400; ${cookie}`);
  const lines = [...all].filter(([, value]) => value !== "");
  return `GET ${path} HTTP/1.1\r\n${lines.map((each) => `${each.join(": ")}\r\n`).join("")}\r\n`;
}

/**
 * The journal that an answer sets, as a `Cookie` header sends it back.
 * @param {string} head
 */
export function cookieOf(head) {
  return /\r\nset-cookie: (__Host-tl=[\w-]+);/i.exec(head)?.[1];
}

/**
 * The address that an answer leads to.
 * @param {string} head
 */
export function locationOf(head) {
  return /\r\nlocation: (\S+)/i.exec(head)?.[1];
}
