// The stand-in must be as strict as Google's documentation, or tests against it prove nothing.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startGa4StandIn } from "./support/ga4_stand_in.mjs";

const NOW = 1_790_000_000_000;
const HOUR = 3_600_000;

/** @type {Awaited<ReturnType<typeof startGa4StandIn>>} */
let ga4;
before(async () => {
  ga4 = await startGa4StandIn({ now: () => NOW });
});
after(() => ga4.close());
beforeEach(() => {
  ga4.events.length = 0;
  ga4.dropped.length = 0;
});

/** @param {object} [changes] @param {object} [params] */
const purchase = (changes = {}, params = {}) => ({
  client_id: "1234567890.1732230000",
  timestamp_micros: (NOW - HOUR) * 1000,
  consent: { ad_user_data: "GRANTED", ad_personalization: "DENIED" },
  events: [{ name: "purchase", params: {
    session_id: "1732230000", transaction_id: "o1", value: 1.5, currency: "USD", items: [],
    ...params } }],
  ...changes,
});

/** @param {unknown} body @param {string} [path] @param {string} [query] */
function post(body, path = "/mp/collect", query = "") {
  const found = query || `measurement_id=${ga4.id}&api_secret=${ga4.secret}`;
  return fetch(`${ga4.url}${path}?${found}`, { method: "POST", body: JSON.stringify(body) });
}

test("counts a good event, and a purchase once for its transaction", async () => {
  assert.equal((await post(purchase())).status, 204);
  assert.equal((await post(purchase())).status, 204);
  assert.deepEqual(ga4.dropped, []);
  assert.equal(ga4.events.length, 1);
  assert.equal(ga4.events[0]?.client_id, "1234567890.1732230000");
});

test("answers 204 to what it drops, and the validation server says why", async () => {
  const lead = (/** @type {string} */ name) => ({ events: [{ name, params: {} }] });
  /** @type {[string, object][]} */
  const bad = [
    ["client_id", purchase({ client_id: "GA1.1.1234567890.1732230000" })],
    ["timestamp_micros", purchase({ timestamp_micros: (NOW - 73 * HOUR) * 1000 })],
    ["timestamp_micros", purchase({ timestamp_micros: String(NOW * 1000) })],
    ["timestamp_micros", purchase({ timestamp_micros: NOW })],
    ["consent.ad_user_data", purchase({ consent: { ad_user_data: "CONSENT_GRANTED" } })],
    ["events", purchase({ events: [] })],
    ["events.name", purchase(lead("two words"))],
    ["events.name", purchase(lead("session_start"))],
    ["events.name", purchase(lead("ga_x"))],
    ["events.params.value", purchase({}, { value: "1.50" })],
    ["events.params.currency", purchase({}, { currency: "usd" })],
    ["events.params.transaction_id", purchase({}, { transaction_id: undefined })],
    ["events.params.transaction_id", purchase({}, { transaction_id: "x".repeat(101) })],
    ["events.params.items", purchase({}, { items: undefined })],
    ["events.params.items.item_id", purchase({}, { items: [{ price: 1 }] })],
    ["events.params.items", purchase({}, { items: [{ item_id: "a", quantity: 1.5 }] })],
    ["events.params.session_id", purchase({}, { session_id: "GS2.1.s1" })],
  ];
  for (const [where, body] of bad) {
    assert.equal((await post(body)).status, 204);
    const said = await (await post(body, "/debug/mp/collect")).json();
    assert.equal(said.validationMessages[0].fieldPath, where, JSON.stringify(body));
  }
  assert.deepEqual([ga4.events.length, ga4.dropped.length], [0, bad.length]);
  const good = await (await post(purchase(), "/debug/mp/collect")).json();
  assert.deepEqual(good, { validationMessages: [] });
  assert.equal(ga4.events.length, 0, "validation counts nothing");
});

test("drops what has a wrong secret or id, without a word", async () => {
  for (const query of [`measurement_id=${ga4.id}&api_secret=x`, `api_secret=${ga4.secret}`]) {
    assert.equal((await post(purchase(), "/mp/collect", query)).status, 204);
  }
  assert.deepEqual([ga4.events.length, ga4.dropped.length], [0, 2]);
});

test("misbehaves as it is told, then recovers", async () => {
  ga4.fail(1, { status: 500, body: "<h1>" });
  const broken = await post(purchase());
  assert.deepEqual([broken.status, await broken.text()], [500, "<h1>"]);
  assert.equal((await post(purchase({}, { transaction_id: "after" }))).status, 204);
  assert.equal(ga4.events.length, 1);
});
