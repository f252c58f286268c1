// The stand-in must be as strict as Segment's documentation, or tests against it prove nothing.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startSegmentStandIn } from "./support/segment_stand_in.mjs";

/** @type {Awaited<ReturnType<typeof startSegmentStandIn>>} */
let segment;
before(async () => {
  segment = await startSegmentStandIn();
});
after(() => segment.close());
beforeEach(() => {
  segment.events.length = 0;
  segment.dropped.length = 0;
});

/** @param {object} [changes] */
const order = (changes = {}) => ({
  type: "track", event: "Order Completed", messageId: "ev_1", userId: "u1",
  timestamp: "2026-11-22T08:00:00Z", properties: { order_id: "o1", total: 1.5, currency: "USD" },
  context: { consent: { categoryPreferences: { Advertising: true } } }, ...changes,
});

/** @param {unknown} body @param {string} [key] @param {string} [type] */
async function send(body, key = segment.key, type = "application/json") {
  const authorization = `Basic ${Buffer.from(`${key}:`).toString("base64")}`;
  const answer = await fetch(`${segment.url}/v1/batch`, {
    method: "POST", headers: { authorization, "content-type": type },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: answer.status, json: await answer.json() };
}

test("takes a batch, each message id once", async () => {
  const { status, json } = await send({ batch: [order(), order()] });
  assert.deepEqual([status, json], [200, { success: true }]);
  await send({ batch: [order(), order({ messageId: "ev_2" })] });
  assert.equal(segment.events.length, 2);
});

test("takes what it drops later with the same words", async () => {
  const bad = {
    type: order({ type: "order" }), event: order({ event: "" }),
    identifier: order({ userId: undefined }), messageId: order({ messageId: 5 }),
    timestamp: order({ timestamp: "yesterday" }),
    number: order({ properties: { order_id: "o1", total: "1.50" } }),
    order_id: order({ properties: { total: 1 } }),
    product: order({ properties: { order_id: "o1", products: [{ sku: "a", price: 1 }] } }),
    consent: order({ context: { consent: { categoryPreferences: { Advertising: "yes" } } } }),
  };
  for (const event of Object.values(bad)) {
    const { status, json } = await send({ batch: [event] });
    assert.deepEqual([status, json], [200, { success: true }]);
  }
  assert.deepEqual(segment.dropped, Object.keys(bad));
  assert.equal(segment.events.length, 0);
});

test("refuses wrong keys, what does not read, and what is too large", async () => {
  assert.equal((await send({ batch: [order()] }, "wrong")).status, 401);
  assert.equal((await send("{", segment.key)).status, 400);
  assert.equal((await send({ batch: [order()] }, segment.key, "text/plain")).status, 400);
  const large = order({ properties: { order_id: "x".repeat(32 * 1024) } });
  assert.equal((await send({ batch: [order(), large] })).status, 400);
  const many = Array.from({ length: 20 }, (_, i) =>
    order({ messageId: `m${i}`, properties: { order_id: "x".repeat(30_000) } }));
  assert.equal((await send({ batch: many })).status, 400);
  assert.equal(segment.events.length, 0);
});

test("misbehaves as it is told, then recovers", async () => {
  segment.fail(1, { status: 429, body: {}, headers: { "retry-after": "9" } });
  assert.equal((await send({ batch: [order()] })).status, 429);
  segment.fail(1, { status: 200, body: { success: false } });
  assert.deepEqual((await send({ batch: [order()] })).json, { success: false });
  assert.equal((await send({ batch: [order({ messageId: "after" })] })).status, 200);
  assert.equal(segment.events.length, 1);
});
