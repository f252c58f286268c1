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
 * @returns {Uint8Array}
 */
export function told(request) {
  const text = facts(request);
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
 */
function facts(request) {
  const { headers } = request;
  const get = (/** @type {string} */ name) => headers.get(name) ?? "";
  const user = get("sec-fetch-user");
  // What a person's gesture began was not loaded ahead: the three old names need no look then.
  const purpose =
    headers.get("sec-purpose") ??
    (user ? "" : headers.get("purpose") ?? headers.get("x-purpose") ?? get("x-moz"));
  const cf = /** @type {any} */ (request).cf ?? {};
  const where = `${request.method}\n${request.url}\n${get("cookie")}\n${get("user-agent")}`;
  const how = `${get("accept")}\n${get("sec-fetch-dest")}\n${get("sec-fetch-mode")}\n` +
    `${get("sec-fetch-site")}\n${user}\n${purpose}\n${get("sec-gpc")}`;
  const from = `${cf.country ?? ""}\n${cf.regionCode ?? ""}\n${cf.asn ?? ""}\n` +
    `${cf.asOrganization ?? ""}\n${get("accept-language")}\n${get("referer")}\n` +
    get("cf-connecting-ip");
  return `${where}\n${how}\n${from}`;
}
