/**
 * The Worker's entry: decides which plane a request belongs to, and translates.
 *
 * - `/tl/tl.js`, `/tl/full.js`: the snippet.
 * - `/api/v1/track/…` on every host, everything else of the API on the admin host.
 * - every other request, a visitor's: one synchronous call into wasm, which answers it or says that
 *   the site behind the gateway does; what the isolate does not know is fetched first (`prepare`).
 */
import * as core from "throughline:core";
import tl from "throughline:snippet/core";
import full from "throughline:snippet/full";
import wasm from "throughline:wasm";
import { gather } from "./clicks.js";
import { guarded, start } from "./crash.js";
import { told } from "./facts.js";
import { passThrough } from "./gateway.js";

start(core, wasm);

const BEACON_BYTES = 8192;
/** @type {Record<string, string>} */
const SNIPPETS = { tl, full };
const SNIPPET_HEADERS = {
  "content-type": "text/javascript; charset=utf-8",
  "cache-control": "public, max-age=3600",
  "x-content-type-options": "nosniff",
};
/** How often a visitor's request is tried while others crash. */
const ATTEMPTS = 5;
const PORT = /:\d+$/;
const TRY_AGAIN = { "retry-after": "2", "cache-control": "no-store" };

/**
 * Responses to copy, by status and form (see `Form` in src/app/edge_plane/answer.rs): copying one
 * costs a quarter less than making one with the same headers.
 *
 * @type {Map<string, Response>}
 */
const FORMS = new Map();

/** @param {string} head status and the number of the form */
function form(head) {
  const [status, number] = head.split(" ").map(Number);
  const parts = guarded(() => core.form_headers(number)).split("\x1f");
  const made = new Response(null, { status, headers: headersOf(parts, 0) });
  FORMS.set(head, made);
  return made;
}

/**
 * Names and values by turns, from one place on.
 *
 * @param {string[]} parts
 * @param {number} from
 */
function headersOf(parts, from) {
  /** @type {[string, string][]} */
  const headers = [];
  for (let at = from; at + 1 < parts.length; at += 2) headers.push([parts[at], parts[at + 1]]);
  return headers;
}

/**
 * Builds the response from the answer, whose parts the edge plane gives as one text (see
 * `Answer::encode`). Status 0: the site answers, with additions.
 *
 * @param {string} text
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
function respond(text, request, env, ctx) {
  if (text === "") return passThrough(request, env);
  const parts = text.split("\x1f");
  const [head, refresh, waiting, body] = parts;
  if (refresh) ctx.waitUntil(prepared(env).catch(() => {}));
  if (waiting) gather(Number(waiting), env, ctx);
  if (head.startsWith("0")) {
    return passThrough(request, env, { headers: headersOf(parts, 4), script: body });
  }
  const content = request.method === "HEAD" ? null : body || null;
  const response = new Response(content, FORMS.get(head) ?? form(head));
  const { headers } = response;
  for (let at = 4; at < parts.length; at += 2) headers.append(parts[at], parts[at + 1]);
  return response;
}

/** Fetches what the edge plane wants to know. @param {any} env */
function prepared(env) {
  return guarded(() => core.prepare(env));
}

/**
 * A visitor's request whose answer needs something fetched: after that, else "try again". Where a
 * site stands behind the gateway, it answers whatever happens to us.
 *
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 * @param {string} body
 */
async function visitLater(request, env, ctx, body) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await prepared(env);
    } catch {
      // Another request's crash may have taken this fetch with it: once more.
      continue;
    }
    try {
      const text = guarded(() => core.answer(told(request), body, Date.now()));
      if (text !== undefined) return respond(text, request, env, ctx);
    } catch {
      // This request crashes by itself; seen and logged where it was caught.
      break;
    }
  }
  return away(request, env, ctx);
}

/**
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
function away(request, env, ctx) {
  if (env.SITE_ORIGIN && !isOurs(request.url)) return passThrough(request, env);
  return respond(guarded(() => core.away()), request, env, ctx);
}

/**
 * Is the host of the address this one, whatever the ports? `new URL` costs as much as all that a
 * part of a page needs of us.
 *
 * @param {string} url serialised
 * @param {number} slash where its path begins
 * @param {string} host
 */
function isAdmin(url, slash, host) {
  const named = url.slice(url.indexOf("://") + 3, slash);
  return named.replace(PORT, "") === host.replace(PORT, "");
}

/** Does the browser say that it wants this for a page, not to open it? @param {Request} request */
function isPart(request) {
  const destination = request.headers.get("sec-fetch-dest");
  return destination !== null && destination !== "" && destination !== "document";
}

/** Does the site answer a part of a page that has this address? @param {string} url */
function passes(url) {
  try {
    return guarded(() => core.passes(url, Date.now()));
  } catch {
    return false;
  }
}

/** An address that the site never has, unless its host's links are elsewhere. A site may well have
 * others below `/tl/`: it is the language code of Tagalog. @param {string} url */
function isOurs(url) {
  return /^\/(go\/|tl\/(e|me)(\?|$))/.test(url.slice(url.indexOf("/", 8)));
}

/**
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 * @param {string} body
 */
function visit(request, env, ctx, body) {
  try {
    const text = guarded(() => core.answer(told(request), body, Date.now()));
    if (text !== undefined) return respond(text, request, env, ctx);
  } catch {
    return away(request, env, ctx);
  }
  return visitLater(request, env, ctx, body);
}

/**
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
async function beacon(request, env, ctx) {
  const length = Number(request.headers.get("content-length") ?? Infinity);
  // A body without a stated length, or too long, is not read at all; the edge plane answers 413.
  const body = length <= BEACON_BYTES ? await request.text() : " ".repeat(BEACON_BYTES + 1);
  return visit(request, env, ctx, body);
}

/**
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
async function api(request, env, ctx) {
  try {
    return await guarded(() => core.fetch(request, env, ctx));
  } catch {
    const problem = {
      type: "urn:throughline:error:unavailable",
      title: "The service cannot store this now; try again.",
      status: 503,
      code: "unavailable",
      error: { code: "unavailable", message: "The service cannot store this now; try again." },
    };
    const headers = { ...TRY_AGAIN, "content-type": "application/problem+json" };
    return new Response(JSON.stringify(problem), { status: 503, headers });
  }
}

/**
 * @param {string} queue
 * @param {any} message
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
async function alone(queue, message, env, ctx) {
  const retryAll = () => message.retry();
  const batch = { queue, messages: [message], retryAll, ackAll() {} };
  try {
    await guarded(() => core.queue(batch, env, ctx));
  } catch {
    retryAll();
  }
}

export default {
  /**
   * @param {Request} request
   * @param {any} env
   * @param {ExecutionContext} ctx
   */
  fetch(request, env, ctx) {
    const url = request.url;
    const slash = url.indexOf("/", 8);
    if (url.startsWith("/go/", slash)) return visit(request, env, ctx, "");
    if (url.startsWith("/tl/", slash)) {
      const script = /^\/tl\/(tl|full)\.js(\?|$)/.exec(url.slice(slash));
      if (script) return new Response(SNIPPETS[script[1]], { headers: SNIPPET_HEADERS });
      if (request.method === "POST" && isOurs(url)) return beacon(request, env, ctx);
      return visit(request, env, ctx, "");
    }
    if (url.startsWith("/api/v1/track/", slash)) return api(request, env, ctx);
    if (isAdmin(url, slash, env.ADMIN_HOST)) return api(request, env, ctx);
    if (isPart(request) && passes(url)) return passThrough(request, env);
    return visit(request, env, ctx, "");
  },

  /**
   * @param {any} batch
   * @param {any} env
   * @param {ExecutionContext} ctx
   */
  async queue(batch, env, ctx) {
    try {
      await guarded(() => core.queue(batch, env, ctx));
    } catch {
      // One of them may crash each time: alone it takes no other with it. Repeats change nothing.
      for (const message of batch.messages) await alone(batch.queue, message, env, ctx);
    }
  },

  /**
   * @param {any} event
   * @param {any} env
   * @param {ExecutionContext} ctx
   */
  async scheduled(event, env, ctx) {
    await guarded(() => core.scheduled(event, env, ctx)).catch(() => {});
  },
};
