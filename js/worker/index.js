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
import { isSite, passThrough } from "./gateway.js";

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

/** What stands before each part of an answer. */
const PART = "\x1f";

/**
 * Responses to copy, by ten times the status and the form (see `Form` in
 * src/app/edge_plane/answer.rs): copying one costs a quarter less than making one with the same
 * headers.
 *
 * @type {Map<number, Response>}
 */
const FORMS = new Map();

/** @param {number} status @param {number} number of the form */
function form(status, number) {
  const headers = new Headers();
  const text = guarded(() => core.form_headers(number));
  eachHeader(text, text.indexOf(PART), (name, value) => headers.append(name, value));
  const made = new Response(null, { status, headers });
  FORMS.set(status * 10 + number, made);
  return made;
}

/**
 * Hands over the headers whose names and values, by turns, a text holds from one place on. A
 * redirect's answer is not split for that: V8 leaves compiled code to do so.
 *
 * @param {string} text
 * @param {number} at where the first part begins; -1 for none
 * @param {(name: string, value: string) => void} add
 */
function eachHeader(text, at, add) {
  while (at >= 0) {
    const middle = text.indexOf(PART, at + 1);
    const end = text.indexOf(PART, middle + 1);
    add(text.slice(at + 1, middle), text.slice(middle + 1, end < 0 ? undefined : end));
    at = end;
  }
}

/**
 * Builds the response from the answer, which the edge plane gives as one text (see
 * `Answer::encode_apart`): six digits, the body, headers. Status 0: the site answers, with
 * additions.
 *
 * @param {string} text
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
function respond(text, request, env, ctx) {
  if (text === "") return passThrough(request, env);
  const digit = (/** @type {number} */ place) => text.charCodeAt(place) - 48;
  const status = digit(0) * 100 + digit(1) * 10 + digit(2);
  const number = digit(3);
  if (digit(4) > 0) ctx.waitUntil(prepared(env, wanted()).catch(() => {}));
  const clicks = digit(5);
  if (clicks > 0) gather(clicks > 1, env, ctx);
  const at = text.indexOf(PART);
  const body = text.slice(6, at < 0 ? undefined : at);
  if (status === 0) {
    /** @type {[string, string][]} */
    const headers = [];
    eachHeader(text, at, (name, value) => void headers.push([name, value]));
    return passThrough(request, env, { headers, script: body });
  }
  const content = body !== "" && request.method !== "HEAD" ? body : null;
  const made = FORMS.get(status * 10 + number) ?? form(status, number);
  const response = new Response(content, made);
  const { headers } = response;
  eachHeader(text, at, (name, value) => headers.append(name, value));
  return response;
}

/** The keys that the request needs which was answered just before, and no other's. */
function wanted() {
  return guarded(() => core.wanted());
}

/** Fetches what a request needs. @param {any} env @param {string} keys */
function prepared(env, keys) {
  return guarded(() => core.prepare(env, keys));
}

/**
 * A visitor's request whose answer needs something fetched: after that, else "try again". Where a
 * site stands behind the gateway, it answers whatever happens to us.
 *
 * @param {Request} request
 * @param {string} url
 * @param {any} env
 * @param {ExecutionContext} ctx
 * @param {string} body
 * @param {string} keys
 */
async function visitLater(request, url, env, ctx, body, keys) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await prepared(env, keys);
    } catch {
      // Another request's crash may have taken this fetch with it: once more.
      continue;
    }
    try {
      const text = guarded(() => core.answer(told(request, url), body, Date.now()));
      if (text !== undefined) return respond(text, request, env, ctx);
      keys = wanted();
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
  if (isSite(request.url, env) && !isOurs(request.url)) return passThrough(request, env);
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
 * @param {string} url
 * @param {any} env
 * @param {ExecutionContext} ctx
 * @param {string} body
 */
function visit(request, url, env, ctx, body) {
  let keys;
  try {
    const text = guarded(() => core.answer(told(request, url), body, Date.now()));
    if (text !== undefined) return respond(text, request, env, ctx);
    keys = wanted();
  } catch {
    return away(request, env, ctx);
  }
  return visitLater(request, url, env, ctx, body, keys);
}

/**
 * @param {Request} request
 * @param {string} url
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
async function beacon(request, url, env, ctx) {
  const length = Number(request.headers.get("content-length") ?? Infinity);
  // A body without a stated length, or too long, is not read at all; the edge plane answers 413.
  const body = length <= BEACON_BYTES ? await request.text() : " ".repeat(BEACON_BYTES + 1);
  return visit(request, url, env, ctx, body);
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
    if (url.startsWith("/go/", slash)) return visit(request, url, env, ctx, "");
    if (url.startsWith("/tl/", slash)) {
      const script = /^\/tl\/(tl|full)\.js(\?|$)/.exec(url.slice(slash));
      if (script) return new Response(SNIPPETS[script[1]], { headers: SNIPPET_HEADERS });
      if (request.method === "POST" && isOurs(url)) return beacon(request, url, env, ctx);
      return visit(request, url, env, ctx, "");
    }
    if (url.startsWith("/api/v1/track/", slash)) return api(request, env, ctx);
    if (isAdmin(url, slash, env.ADMIN_HOST)) return api(request, env, ctx);
    if (isPart(request) && passes(url)) return passThrough(request, env);
    return visit(request, url, env, ctx, "");
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
