/**
 * A shop's site with the snippet mounted, as one small node server: it serves the given pages,
 * answers the beacon like the product, and records what reaches it.
 */
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";

const COOKIE = "__Host-tl";
const ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Lax";

/**
 * @typedef {{ method: string, path: string, type: string | undefined, cookie: string | undefined,
 *   text: string, body: Record<string, unknown> | null }} Seen
 * @typedef {{ status?: number, json?: unknown, cookie?: string }} Answer
 * @typedef {(seen: Seen) => Answer | "hang" | "cut" | Promise<Answer>} Responder
 */

/**
 * The product's answers: a landing is answered with a token of its own, a grant with a full token
 * and the cookie, a withdrawal with a token that identifies nobody.
 * @type {Responder}
 */
export function productAnswer({ body }) {
  if (!body) return { json: { t: "tlc_me", c: "session" } };
  if (body.n === "land") return { json: { t: "tlc_landed", c: body.s ?? "code" } };
  if (body.s === "full") {
    return { json: { t: "tlc_full", c: "full" }, cookie: `${COOKIE}=sealed${ATTRIBUTES}` };
  }
  if (body.s === "code") {
    return { json: { t: "tlc_code", c: "code" }, cookie: `${COOKIE}=${ATTRIBUTES}; Max-Age=0` };
  }
  return { json: { t: "tlc_session", c: body.s } };
}

/**
 * @param {{ snippet: string, pages?: Record<string, string>, files?: Record<string, string>,
 *   mount?: string, csp?: string, answer?: Responder }} options
 *   `pages` are HTML and `files` scripts, both by path.
 */
export async function startPageServer(options) {
  const { snippet, pages = {}, files = {}, mount = "/tl", csp, answer = productAnswer } = options;
  /** @type {Seen[]} what reached the beacon and `/me`, in order of arrival */
  const seen = [];
  /** @type {Seen[]} the forms that were submitted */
  const forms = [];
  const arrivals = new EventEmitter();
  arrivals.setMaxListeners(0);

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    let text = "";
    for await (const chunk of request) text += chunk;
    if (pathname === `${mount}/tl.js` || pathname in files) {
      response.setHeader("content-type", "text/javascript");
      response.end(files[pathname] ?? snippet);
    } else if (pathname === `${mount}/e` || pathname === `${mount}/me`) {
      const entry = record(request, pathname, text);
      seen.push(entry);
      arrivals.emit("any");
      reply(await answer(entry), request, response);
    } else if (request.method === "POST") {
      forms.push(record(request, pathname, text));
      response.setHeader("content-type", "text/html").end("<title>Sent</title>");
    } else {
      if (csp) response.setHeader("content-security-policy", csp);
      response.statusCode = pathname in pages ? 200 : 404;
      response.setHeader("content-type", "text/html").end(pages[pathname] ?? "");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

  return {
    url: `http://shop.localhost:${port}`,
    seen,
    forms,
    /** Waits until `count` requests have reached the beacon or `/me`. @param {number} count */
    async arrived(count) {
      const deadline = AbortSignal.timeout(10_000);
      while (seen.length < count) await once(arrivals, "any", { signal: deadline });
      return seen;
    },
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
 * @param {string} path
 * @param {string} text
 * @returns {Seen}
 */
function record({ method = "", headers }, path, text) {
  const body = text.startsWith("{") ? JSON.parse(text) : null;
  return { method, path, type: headers["content-type"], cookie: headers.cookie, text, body };
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
