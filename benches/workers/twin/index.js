/**
 * The product's redirect once more, written by hand in JavaScript and tuned: what was tried and
 * what it gained stands in benches/README.md. Before anything is measured the bench compares its
 * Location, its journal and its click with the product's, field by field (benches/equal.mjs).
 */
import { idBytes, random, readU48, writeU48 } from "./bytes.js";
import { clickFact, gather } from "./fact.js";
import { clickIds, location } from "./query.js";
import { hasKeys, importKeys, mint, newest, sealJournal } from "./sealed.js";
import {
  DUPLICATE, FLOOD, HUMAN, PREFETCH, classOf, decidedBefore, floods, permission,
} from "./visitor.js";

const FRESH_MS = 60_000;
const DUPLICATE_MS = 3_600_000;
const DAY_MS = 86_400_000;
const LONGEST_HEADER = 16_384;
const PROVISIONAL = 6;
const ERASED = "__Host-tl=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax";
/** @type {Map<string, { value: any, at: number }>} */
const cache = new Map();

/** @param {string} key @param {any} env */
async function fetchSnapshot(key, env) {
  const value = await env.SNAPSHOTS.get(key, "json");
  if (value?.target) {
    value.ids = new Uint8Array(24);
    [value.program, value.id, value.partner].forEach((id, at) => value.ids.set(idBytes(id), at * 8));
    const query = value.target.split("#")[0].split("?")[1] ?? "";
    value.pinned = query.split("&").map((/** @type {string} */ each) => each.split("=")[0]);
  }
  cache.set(key, { value, at: Date.now() });
  return value;
}

/** @param {string} key @param {any} env @param {ExecutionContext} ctx @param {number} now */
function snapshot(key, env, ctx, now) {
  const known = cache.get(key);
  if (!known) return fetchSnapshot(key, env);
  if (now - known.at >= FRESH_MS) {
    known.at = now - FRESH_MS + 5_000;
    ctx.waitUntil(fetchSnapshot(key, env));
  }
  return known.value;
}

/** The values of our cookie. @param {string} header */
function ourCookies(header) {
  /** @type {string[]} */
  const found = [];
  if (header.length > LONGEST_HEADER) return found;
  for (let at = header.indexOf("__"); at >= 0; at = header.indexOf("__", at + 2)) {
    const whole = at === 0 || header[at - 1] === " " || header[at - 1] === ";";
    const host = header.startsWith("__Host-tl=", at);
    if (!whole || !(host || header.startsWith("__Secure-tl=", at))) continue;
    const end = header.indexOf(";", at);
    found.push(header.slice(at + (host ? 10 : 12), end < 0 ? undefined : end));
  }
  return found;
}

/** @param {Uint8Array} one @param {Uint8Array} other */
function sameLink(one, other) {
  for (let at = 14; at < 22; at++) if (one[at] !== other[at]) return false;
  return true;
}

/**
 * The newest touch, if this click repeats it: same link, within an hour, no new click ID.
 * @param {import("./sealed.js").Journal} journal
 * @param {Uint8Array} touch
 * @param {[number, string][]} ids
 * @param {number} now
 */
function repeated(journal, touch, ids, now) {
  const last = journal.touches.at(-1);
  if (!last || !sameLink(last, touch) || now - readU48(last, 0) >= DUPLICATE_MS) return undefined;
  const known = ids.every(([code, value]) =>
    journal.ids.some((each) => each.code === code && each.value === value));
  return known ? last : undefined;
}

/** @param {any} link @param {number} kind @param {number} allowed @param {number} now */
function newTouch(link, kind, allowed, now) {
  const touch = new Uint8Array(41);
  const named = (allowed & 15) > 0;
  writeU48(touch, 0, named ? now : now - now % DAY_MS);
  touch.set(link.ids, 6);
  touch[31] = kind;
  touch[32] = allowed;
  if (named) touch.set(random(8), 33);
  return touch;
}

/**
 * @param {import("./sealed.js").Journal} journal
 * @param {[number, string][]} found
 * @param {number} now
 */
function addClickIds({ ids }, found, now) {
  for (const [code, value] of found) {
    const at = ids.findIndex((each) => each.code === code);
    if (at >= 0 && ids[at].value === value) continue;
    if (at >= 0) ids.splice(at, 1);
    ids.push({ code, at: now, value });
  }
}

const PRIVATE = {
  "cache-control": "private, no-store",
  "referrer-policy": "strict-origin-when-cross-origin",
  "x-robots-tag": "noindex, nofollow",
};
/** Copied for each redirect, which costs a quarter less than making one with these headers. */
const MOVED = new Response(null, { status: 302, headers: PRIVATE });
/** With a page for clients that may not follow. */
const MOVED_PAGE = new Response(null, {
  status: 302,
  headers: {
    ...PRIVATE,
    "content-type": "text/html; charset=utf-8",
    "x-content-type-options": "nosniff",
  },
});

/** @param {string} to */
function page(to) {
  const href = to.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return new Response(
    `<!doctype html><title>Moved</title><a href="${href}">Continue</a>`, MOVED_PAGE);
}

/** @param {Headers} asked @param {string} to @param {string} [cookie] */
function leadTo(asked, to, cookie) {
  const follows = asked.get("sec-fetch-mode") === "navigate";
  const response = follows ? new Response(null, MOVED) : page(to);
  const { headers } = response;
  headers.set("location", to);
  if (cookie) headers.set("set-cookie", cookie);
  return response;
}

/** @param {number} kind */
const person = (kind) => kind === HUMAN || kind === PROVISIONAL;

/**
 * @param {Request} request
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
async function redirect(request, env, ctx) {
  if (!hasKeys()) await importKeys(env);
  const now = Date.now();
  const { url, headers } = request;
  const slash = url.indexOf("/", 8);
  const mark = url.indexOf("?", slash);
  const path = url.slice(slash, mark < 0 ? undefined : mark);
  const segments = mark < 0 ? [] : url.slice(mark + 1).split("&");
  const host = url.slice(url.indexOf("//") + 2, slash).replace(/:\d+$/, "");
  if (!path.startsWith("/go/")) return new Response("nothing here", { status: 404 });
  let site = snapshot(`host:${host}`, env, ctx, now);
  let link = snapshot(`link:${host}/${path.slice(4).toLowerCase()}`, env, ctx, now);
  if (site instanceof Promise) site = await site;
  if (link instanceof Promise) link = await link;
  if (!site || !link) return new Response("nothing here", { status: 404 });
  const cf = /** @type {any} */ (request).cf ?? {};
  let kind = classOf(request, cf);
  if (!link.active || !(person(kind) || kind === PREFETCH)) {
    if (link.active) gather(clickFact(newTouch(link, kind, 0, now), [], [], random(8)), env, ctx);
    return leadTo(headers, location(link, segments, ""));
  }
  const cookies = ourCookies(headers.get("cookie") ?? "");
  const known = cookies.length > 0 ? await newest(cookies, now) : undefined;
  const decided = decidedBefore(cookies.includes("refused"), known);
  const allowed = permission(headers, decided, cf.country ?? "", site.default_consent);
  const touch = newTouch(link, kind, allowed, now);
  if (kind === PREFETCH) {
    gather(clickFact(newTouch(link, kind, 0, now), [], [], random(8)), env, ctx);
    return leadTo(headers, location(link, segments, await mint(touch)));
  }
  const flood = floods(headers.get("cf-connecting-ip") ?? "", link.partner, now);
  if (flood) touch[31] = kind = FLOOD;
  if ((allowed & 15) === 0) {
    const token = await mint(touch);
    gather(clickFact(touch, [], [], random(8)), env, ctx);
    // A signal of now, as Global Privacy Control, takes away what was kept before.
    const erased = known && headers.get("sec-gpc") === "1" ? ERASED : undefined;
    return leadTo(headers, location(link, segments, token), erased);
  }
  const found = clickIds(segments);
  const journal = known ??
    { consent: allowed & 15, issued: now, visitor: random(8).slice(), touches: [], ids: [] };
  const before = flood ? undefined : repeated(journal, touch, found, now);
  if (before) {
    touch[31] = kind = DUPLICATE;
    touch.fill(0, 33);
  } else if (!flood) {
    journal.touches.push(touch);
  }
  if (flood) {
    const token = await mint(touch);
    gather(clickFact(touch, [], [], touch.subarray(33)), env, ctx);
    return leadTo(headers, location(link, segments, token));
  }
  journal.issued = now;
  addClickIds(journal, found, now);
  const work = [mint(before ?? touch), sealJournal(journal)];
  const [ids, past] = before ? [[], []] : [journal.ids, journal.touches.slice(0, -1)];
  gather(clickFact(touch, past, ids, before ? random(8) : touch.subarray(33)), env, ctx);
  const [token, value] = await Promise.all(work);
  const life = (allowed & 15) === 2 ? "; Max-Age=34560000" : "";
  const cookie = `__Host-tl=${value}${life}; Path=/; Secure; HttpOnly; SameSite=Lax`;
  return leadTo(headers, location(link, segments, token), cookie);
}

export default { fetch: redirect };
