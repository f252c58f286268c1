/**
 * The landing gateway: the Worker in front of the site.
 *
 * Everything streams through untouched, but for two things: our cookie does not reach the origin,
 * and a document for a visitor who has one may renew it. It fails open: whatever goes wrong on our
 * side, the origin's answer still goes out.
 */
import * as core from "throughline:core";
import { guarded } from "./crash.js";
import { told } from "./facts.js";

const OURS = /(?:^|;)\s*__(?:Host|Secure)-tl=[^;]*/g;
const HAS_OURS = /(?:^|;)\s*__(?:Host|Secure)-tl=/;

/**
 * @param {Request} request
 * @param {any} env
 */
function toOrigin(request, env) {
  const url = new URL(request.url);
  const target = new URL(env.SITE_ORIGIN).origin + url.pathname + url.search;
  const forwarded = new Request(target, /** @type {any} */ (request));
  const result = new Request(forwarded, { redirect: "manual" });
  const cookies = request.headers.get("cookie");
  if (cookies !== null && HAS_OURS.test(cookies)) {
    const rest = cookies.replace(OURS, "").replace(/^;\s*/, "").trim();
    if (rest) result.headers.set("cookie", rest);
    else result.headers.delete("cookie");
  }
  result.headers.set("x-forwarded-host", url.host);
  result.headers.set("x-forwarded-proto", url.protocol.slice(0, -1));
  return result;
}

/** @param {Request} request */
function isDocument(request) {
  const destination = request.headers.get("sec-fetch-dest");
  if (request.method !== "GET") return false;
  if (destination !== null) return destination === "document";
  return (request.headers.get("accept") ?? "").includes("text/html");
}

/**
 * @param {Request} request
 * @param {Response} response
 */
function withCookie(request, response) {
  const cookie = guarded(() => core.document(told(request), Date.now()));
  if (cookie === undefined) return response;
  const renewed = new Response(response.body, response);
  renewed.headers.append("set-cookie", cookie);
  // A shared cache must not hand one visitor's cookie to another.
  renewed.headers.set("cache-control", "private, no-store");
  return renewed;
}

/**
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} _ctx
 */
export async function passThrough(request, env, _ctx) {
  const ours = HAS_OURS.test(request.headers.get("cookie") ?? "") && isDocument(request);
  const ready = ours ? guardedPrepare(request, env) : undefined;
  let response;
  try {
    response = await fetch(toOrigin(request, env));
  } catch {
    const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
    return new Response("The site does not answer right now.\n", { status: 502, headers });
  }
  if (!ours) return response;
  try {
    await ready;
    return withCookie(request, response);
  } catch {
    return response;
  }
}

/**
 * @param {Request} request
 * @param {any} env
 */
function guardedPrepare(request, env) {
  try {
    return guarded(() => core.prepare(request.url, env)).catch(() => {});
  } catch {
    return undefined;
  }
}
