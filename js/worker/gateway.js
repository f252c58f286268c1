/**
 * The landing gateway: the Worker in front of the site.
 *
 * Everything streams through untouched, but for what the edge plane asks for: our cookie does not
 * reach the origin, and a document may get cookies, a token for its script, and the script itself.
 * It fails open: whatever goes wrong on our side, the origin's answer still goes out.
 */

const OURS = /(?:^|;)\s*__(?:Host|Secure)-tl=[^;]*/g;
const NAME = "-tl=";
const FOR_CACHES = ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control"];

/**
 * @typedef {object} Additions what the edge plane adds to a document
 * @property {[string, string][]} headers
 * @property {string} script tag attributes of the snippet to inject; empty = none
 */

/** @type {Map<string, string>} the one setting, and what of it is the origin */
const ORIGINS = new Map();

/** @type {Map<string, string[]>} the one setting, and the names in it */
const SITE_HOSTS = new Map();
const PORT = /:\d+$/;

/**
 * Does the site answer for the host of this address? Needs no wasm and no store, so that it does
 * whatever happens to us; `Settings::is_site` in src/app/settings.rs says the same.
 *
 * @param {string} url serialised
 * @param {any} env
 */
export function isSite(url, env) {
  if (!env.SITE_ORIGIN) return false;
  const setting = env.SITE_HOSTS ?? "";
  let known = SITE_HOSTS.get(setting);
  if (!known) {
    const names = setting.split(",").map((/** @type {string} */ name) => name.trim().toLowerCase());
    SITE_HOSTS.set(setting, (known = names.filter(Boolean)));
  }
  const host = url.slice(url.indexOf("://") + 3, url.indexOf("/", 8)).replace(PORT, "");
  return known?.some((name) => (name.startsWith("*")
    ? host.length >= name.length && host.endsWith(name.slice(1)) : host === name)) ?? false;
}

/** @param {string} setting */
function originOf(setting) {
  const known = ORIGINS.get(setting) ?? new URL(setting).origin;
  ORIGINS.set(setting, known);
  return known;
}

/**
 * The request of a visitor, made of the site. A `Request` between the two would copy the headers
 * once more.
 *
 * @param {Request} request
 * @param {any} env
 */
function askSite(request, env) {
  const { url, method, headers: given, body } = request;
  const slash = url.indexOf("/", 8);
  const mark = url.indexOf("://");
  const headers = new Headers(given);
  const cookies = given.get("cookie");
  if (cookies?.includes(NAME)) {
    const rest = cookies.replace(OURS, "").replace(/^;\s*/, "").trim();
    if (rest) headers.set("cookie", rest);
    else headers.delete("cookie");
  }
  headers.set("x-forwarded-host", url.slice(mark + 3, slash));
  headers.set("x-forwarded-proto", url.slice(0, mark));
  const target = originOf(env.SITE_ORIGIN) + url.slice(slash);
  return fetch(target, { method, headers, body, redirect: "manual" });
}

/**
 * Puts the snippet's tag at the end of the head.
 *
 * @param {Response} response
 * @param {string} script
 */
function injected(response, script) {
  const type = response.headers.get("content-type") ?? "";
  // A part of a page must keep its length.
  if (!script || response.status === 206 || !type.startsWith("text/html")) return response;
  const tag = `<script ${script}></script>`;
  return new HTMLRewriter()
    .on("head", { element: (head) => void head.append(tag, { html: true }) })
    .transform(response);
}

/**
 * @param {Response} response
 * @param {Additions} additions
 */
function withAdditions(response, { headers, script }) {
  const changed = new Response(response.body, response);
  for (const [name, value] of headers) {
    // A shared cache must not hand one visitor's cookie or token to another.
    if (name === "cache-control") {
      changed.headers.set(name, value);
      // These outrank it (RFC 9213, and what CDNs had before).
      for (const other of FOR_CACHES) changed.headers.delete(other);
    } else {
      changed.headers.append(name, value);
    }
  }
  return injected(changed, script);
}

function noAnswer() {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return new Response("The site does not answer right now.\n", { status: 502, headers });
}

/**
 * Has the origin answer. Most requests are parts of pages, so nothing here waits that need not.
 *
 * @param {Request} request
 * @param {any} env
 * @param {Additions} [additions]
 * @returns {Response | Promise<Response>}
 */
export function passThrough(request, env, additions) {
  let answer;
  try {
    answer = askSite(request, env);
  } catch {
    return noAnswer();
  }
  if (!additions) return answer.catch(noAnswer);
  return answer.then((response) => {
    if (response.webSocket) return response;
    try {
      return withAdditions(response, additions);
    } catch {
      return response;
    }
  }, noAnswer);
}
