/** Which addresses are ours, told from their text alone: no store and no wasm is asked. */
import { isSite } from "./gateway.js";

const PORT = /:\d+$/;
const API = /^\/api\/v1(?=[/?]|$)(\/track(?=[/?]|$))?/;
/** An API key, or the proof that opens set-up. */
const OUR_KEY = /^bearer +tl[ks]_/i;

/**
 * Is the host of the address this one, whatever the ports? `new URL` costs as much as all that a
 * part of a page needs of us.
 *
 * @param {string} url serialised
 * @param {number} slash where its path begins
 * @param {string} host
 */
export function isAdmin(url, slash, host) {
  const named = url.slice(url.indexOf("://") + 3, slash);
  return named.replace(PORT, "") === host.replace(PORT, "");
}

/**
 * Does the API answer this request? A site may have an API of its own below `/api/v1`, but for
 * `track`. A request with a key of ours is never the site's: it is answered 404, and the site does
 * not get to see the key.
 *
 * @param {Request} request
 * @param {string} url of the request
 * @param {number} slash where its path begins
 * @param {any} env
 */
export function isApi(request, url, slash, env) {
  const address = API.exec(url.slice(slash));
  if (address === null) return false;
  const isTrack = address[1] !== undefined;
  return isTrack || !isSite(url, env) || OUR_KEY.test(request.headers.get("authorization") ?? "");
}

/** An address that the site never has, unless its host's links are elsewhere. A site may well have
 * others below `/tl/`: it is the language code of Tagalog. @param {string} url */
export function isOurs(url) {
  return /^\/(go\/|tl\/(e|me)(\?|$))/.test(url.slice(url.indexOf("/", 8)));
}
