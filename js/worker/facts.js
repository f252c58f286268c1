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
  const purpose =
    headers.get("sec-purpose") ?? headers.get("purpose") ?? headers.get("x-purpose") ??
    get("x-moz");
  const country = /** @type {any} */ (request).cf?.country ?? "";
  const where = `${request.method}\n${request.url}\n${get("cookie")}\n${get("user-agent")}`;
  const how = `${get("accept")}\n${get("sec-fetch-dest")}\n${get("sec-fetch-mode")}`;
  return `${where}\n${how}\n${get("sec-fetch-site")}\n${purpose}\n${get("sec-gpc")}\n${country}`;
}
