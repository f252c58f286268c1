/**
 * A shop's site with the snippet mounted, as one small node server: it serves the given pages,
 * answers the beacon like the product, and records what reaches it.
 */
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";

const COOKIE = "__Host-tl";
const ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Lax";
const LADDER = ["code", "session", "full"];

/**
 * @typedef {{ method: string, path: string, via: string | null, query: string,
 *   type: string | undefined, cookie: string | undefined, text: string,
 *   body: Record<string, any> | null }} Seen `via` and `query` are of the request's address
 * @typedef {{ status?: number, json?: unknown, cookie?: string }} Answer
 * @typedef {(seen: Seen) => Answer | "hang" | "cut" | Promise<Answer>} Responder
 */

/**
 * What the product makes of a decision: here a TCF string that begins with `CF` grants and any
 * other denies, a gcs string and a consent-mode object say it themselves.
 * @param {unknown} said
 */
function rung(said) {
  if (typeof said === "object" && said !== null) {
    return "ad_storage" in said && said.ad_storage === "granted" ? "full" : "code";
  }
  if (LADDER.includes(String(said))) return String(said);
  return /^(CF|G11)/.test(String(said)) ? "full" : "code";
}

/**
 * The product's answers: a landing is answered with a token of its own, or with the one of the
 * partner who was named; a grant with a full token and the cookie; a withdrawal with a token that
 * identifies nobody; a question with what the cookie says.
 * @type {Responder}
 */
export function productAnswer({ body, via }) {
  if (!body) return { json: { t: "tlc_me", c: "session", p: "Anna" } };
  const c = body.s === undefined ? "code" : rung(body.s);
  const known = { c, p: via ?? "Anna", o: { percent: 10 } };
  if (body.n === "land") {
    if (via === "nobody") return { json: { t: null, c } };
    return { json: { t: via ? `tlc_via_${via}` : "tlc_landed", ...known } };
  }
  if (c === "full") {
    return { json: { t: "tlc_full", ...known }, cookie: `${COOKIE}=sealed${ATTRIBUTES}` };
  }
  if (c === "code") {
    return { json: { t: "tlc_code", ...known }, cookie: `${COOKIE}=${ATTRIBUTES}; Max-Age=0` };
  }
  return { json: { t: "tlc_session", ...known } };
}

/**
 * @param {{ snippet: string, full?: string, pages?: Record<string, string>,
 *   files?: Record<string, string>, headers?: Record<string, Record<string, string>>,
 *   mount?: string, csp?: string, answer?: Responder }} options
 *   `snippet` is served as `tl.js` and `full` as `full.js`; `pages` are HTML, `files` scripts and
 *   `headers` those of pages, all by path.
 */
export async function startPageServer(options) {
  const { snippet, full = snippet, pages = {}, headers = {}, mount = "/tl", csp } = options;
  const { answer = productAnswer } = options;
  /** @type {Record<string, string>} */
  const files = { [`${mount}/tl.js`]: snippet, [`${mount}/full.js`]: full, ...options.files };
  /** @type {Seen[]} what reached the beacon and `/me`, in order of arrival */
  const seen = [];
  /** @type {Seen[]} the forms that were posted */
  const forms = [];
  /** @type {string[]} addresses of all requests, without the host, as they begin */
  const asked = [];
  const arrivals = new EventEmitter();
  arrivals.setMaxListeners(0);

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://site");
    const { pathname } = url;
    asked.push(request.url ?? "");
    arrivals.emit("any");
    let text = "";
    for await (const chunk of request) text += chunk;
    if (pathname in files) {
      response.setHeader("content-type", "text/javascript");
      response.end(files[pathname]);
    } else if (pathname === `${mount}/e` || pathname === `${mount}/me`) {
      const entry = record(request, url, text);
      seen.push(entry);
      arrivals.emit("any");
      reply(await answer(entry), request, response);
    } else if (request.method === "POST") {
      forms.push(record(request, url, text));
      response.setHeader("content-type", "text/html").end("<title>Sent</title>");
    } else {
      if (csp) response.setHeader("content-security-policy", csp);
      for (const [name, value] of Object.entries(headers[pathname] ?? {})) {
        response.setHeader(name, value);
      }
      response.statusCode = pathname in pages ? 200 : 404;
      response.setHeader("content-type", "text/html").end(pages[pathname] ?? "");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

  /** @param {() => boolean} isReached */
  async function until(isReached) {
    const deadline = AbortSignal.timeout(10_000);
    while (!isReached()) await once(arrivals, "any", { signal: deadline });
  }

  return {
    url: `http://shop.localhost:${port}`,
    port,
    seen,
    forms,
    /** Waits until `count` requests have reached the beacon or `/me`. @param {number} count */
    async arrived(count) {
      await until(() => seen.length >= count);
      return seen;
    },
    /** Waits for a request of the address, query and all. @param {string} address */
    reached: (address) => until(() => asked.includes(address)),
    /** From now on connections are refused. */
    async stop() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {URL} url
 * @param {string} text
 * @returns {Seen}
 */
function record({ method = "", headers }, { pathname, search, searchParams }, text) {
  const body = text.startsWith("{") ? JSON.parse(text) : null;
  const { "content-type": type, cookie } = headers;
  const via = searchParams.get("via");
  return { method, path: pathname, via, query: search, type, cookie, text, body };
}

/**
 * @param {Awaited<ReturnType<Responder>>} answer
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
function reply(answer, request, response) {
  if (answer === "hang") return;
  if (answer === "cut") return void request.socket.destroy();
  if (answer.cookie) response.setHeader("set-cookie", answer.cookie);
  response.statusCode = answer.status ?? 200;
  response.setHeader("content-type", "application/json").end(JSON.stringify(answer.json ?? null));
}
