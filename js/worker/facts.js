/**
 * What the edge plane is told of a request, and the random bytes it may use.
 *
 * Both go into wasm as one array of bytes: the glue for a text looks at each of its characters,
 * which takes as long as half of the header look-ups.
 */

const ENTROPY = 64;
const POOL = new Uint8Array(64 * ENTROPY);
let used = POOL.length;
const ENCODER = new TextEncoder();
/** Used again for each request: wasm has copied it when the call returns. */
const ROOM = new Uint8Array(ENTROPY + 16_384);
const LINES = ROOM.subarray(ENTROPY);

/** 64 fresh random bytes; never the same twice. */
function entropy() {
  if (used === POOL.length) {
    crypto.getRandomValues(POOL);
    used = 0;
  }
  used += ENTROPY;
  return POOL.subarray(used - ENTROPY, used);
}

/**
 * 64 random bytes and the facts as UTF-8. To be used before the next call.
 *
 * @param {Request} request
 * @param {string} url that of the request: each look at it makes a new text
 * @returns {Uint8Array}
 */
export function told(request, url) {
  const text = facts(request, url);
  let whole = ROOM;
  let { read, written } = ENCODER.encodeInto(text, LINES);
  if (read < text.length) {
    whole = new Uint8Array(ENTROPY + text.length * 3);
    written = ENCODER.encodeInto(text, whole.subarray(ENTROPY)).written;
  }
  whole.set(entropy());
  return whole.subarray(0, ENTROPY + written);
}

/**
 * One line per fact, in the order of `Facts` in src/app/edge_plane.rs. Header values hold no line
 * breaks.
 *
 * @param {Request} request
 * @param {string} url
 */
function facts(request, url) {
  const { headers } = request;
  const get = (/** @type {string} */ name) => headers.get(name) ?? "";
  const user = get("sec-fetch-user");
  // What a person's gesture began was not loaded ahead: the three old names need no look then.
  const purpose =
    headers.get("sec-purpose") ??
    (user ? "" : headers.get("purpose") ?? headers.get("x-purpose") ?? get("x-moz"));
  const cf = /** @type {any} */ (request).cf ?? {};
  return [
    request.method, url, get("cookie"), get("user-agent"),
    get("accept"), get("sec-fetch-dest"), get("sec-fetch-mode"), get("sec-fetch-site"), user,
    purpose, get("sec-gpc"),
    cf.country, cf.regionCode, cf.asn, cf.asOrganization,
    get("accept-language"), get("referer"), get("cf-connecting-ip"),
    request.method === "GET" ? "" : get("origin"),
  ].join("\n");
}
