/** What the edge plane is told of a request, and the random bytes it may use. */

const POOL = new Uint8Array(64 * 64);
let used = POOL.length;

/** 64 fresh random bytes; never the same twice. */
export function entropy() {
  if (used === POOL.length) {
    crypto.getRandomValues(POOL);
    used = 0;
  }
  used += 64;
  return POOL.subarray(used - 64, used);
}

/**
 * One line per fact, in the order of `Facts` in src/app/edge_plane.rs. Header values hold no line
 * breaks.
 *
 * @param {Request} request
 */
export function facts(request) {
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
