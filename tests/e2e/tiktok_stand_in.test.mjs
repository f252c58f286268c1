// The stand-in must be as strict as TikTok, or tests against it prove nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { startTikTokStandIn } from "./support/tiktok_stand_in.mjs";

const NOW_S = 1_790_000_000;
const HASH = createHash("sha256").update("ada@example.com").digest("hex");

/** @type {Awaited<ReturnType<typeof startTikTokStandIn>>} */
let tiktok;
before(async () => {
  tiktok = await startTikTokStandIn({ now: () => NOW_S * 1000 });
});
after(() => tiktok.close());
beforeEach(() => {
  tiktok.events.length = 0;
});

/** @param {object} [changes] @param {object} [user] @param {object} [properties] */
const purchase = (changes = {}, user = {}, properties = {}) => ({
  event: "Purchase", event_time: NOW_S - 60, event_id: "ev_1",
  user: { email: [HASH], ttclid: "E.C.P.x", user_agent: "Mozilla/5.0", ...user },
  page: { url: "https://shop.example/thanks" },
  properties: { value: 1.5, currency: "USD", order_id: "o1", ...properties },
  ...changes,
});

/** @param {object[]} data @param {object} [body] @param {string} [token] */
async function send(data, body = {}, token = tiktok.token) {
  const answer = await fetch(`${tiktok.url}/open_api/v1.3/event/track/`, {
    method: "POST", headers: { "access-token": token },
    body: JSON.stringify({ event_source: "web", event_source_id: tiktok.pixel, data, ...body }),
  });
  return { status: answer.status, json: await answer.json() };
}

test("accepts a good event, each name and id once", async () => {
  for (const _ of [1, 2]) {
    const { status, json } = await send([purchase(), purchase()]);
    assert.deepEqual([status, json.code, json.message], [200, 0, "OK"]);
  }
  assert.equal(tiktok.events.length, 1);
});

test("refuses with 200 and a code", async () => {
  assert.equal((await send([purchase()], {}, "wrong")).json.code, 40105);
  assert.equal((await send([purchase()], { event_source_id: "other" })).json.code, 40001);
  assert.equal((await send([], {})).json.code, 40002);
  assert.equal((await send([purchase()], { event_source: "app" })).json.code, 40002);
});

test("one bad event fails the whole request", async () => {
  /** @type {[object, string][]} */
  const bad = [
    [purchase({ event_time: NOW_S - 7 * 86_400 - 1 }), "event_time"],
    [purchase({ event_time: String(NOW_S) }), "event_time"],
    [purchase({ event_time: NOW_S * 1000 }), "event_time"],
    [purchase({ event: undefined }), "event"],
    [purchase({ event_id: 7 }), "event_id"],
    [purchase({ page: {} }), "page.url"],
    [purchase({ limited_data_use: "true" }), "limited_data_use"],
    [purchase({}, { user_agent: undefined }), "user_agent"],
    [purchase({}, { email: ["ada@example.com"] }), "email"],
    [purchase({}, { email: [HASH.toUpperCase()] }), "email"],
    [purchase({}, { phone: `${HASH}0` }), "phone"],
    [purchase({}, { ttclid: 5 }), "ttclid"],
    [purchase({}, { first_party: "x" }), "first_party"],
    [purchase({}, {}, { value: "1.5" }), "value"],
    [purchase({}, {}, { value: undefined }), "properties"],
    [purchase({}, {}, { currency: "usd" }), "currency"],
    [purchase({}, {}, { order_id: 7 }), "order_id"],
    [purchase({}, {}, { contents: [{ content_id: 7 }] }), "content_id"],
    [purchase({}, {}, { contents: [{ content_id: "a", price: "1" }] }), "contents"],
    [purchase({}, {}, { content_type: "sku" }), "content_type"],
  ];
  for (const [event, word] of bad) {
    const { status, json } = await send([purchase({ event_id: "good" }), event]);
    assert.deepEqual([status, json.code], [200, 40002], JSON.stringify(event));
    assert.match(json.message, new RegExp(`^Batch\\.1\\..*${word}`));
  }
  assert.equal(tiktok.events.length, 0);
});

test("misbehaves as it is told, then recovers", async () => {
  tiktok.fail(1, { status: 200, body: { code: 40100, message: "Too many requests" } });
  assert.equal((await send([purchase()])).json.code, 40100);
  tiktok.fail(1, { status: 502, body: "<h1>Bad gateway</h1>" });
  const broken = await fetch(tiktok.url);
  assert.deepEqual([broken.status, await broken.text()], [502, "<h1>Bad gateway</h1>"]);
  tiktok.fail(1, { status: 429, body: "", headers: { "retry-after": "7" } });
  assert.equal((await fetch(tiktok.url)).headers.get("retry-after"), "7");
  tiktok.fail(1, { status: 200, body: "", endless: true });
  const endless = await fetch(tiktok.url);
  const reader = endless.body?.getReader();
  for (let bytes = 0; bytes < 300_000;) bytes += (await reader?.read())?.value?.length ?? 1e9;
  await reader?.cancel();
  assert.equal((await send([purchase({ event_id: "recovered" })])).json.code, 0);
});
