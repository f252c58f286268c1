// The stand-in must be as strict as Meta's documentation, or tests against it prove nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { GRAPH_CODES, startMetaStandIn } from "./support/meta_stand_in.mjs";

const NOW_S = 1_790_000_000;
const DAY_S = 24 * 3600;

/** @param {string} text */
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** @param {object} [changes] */
const purchase = (changes = {}) => ({
  event_name: "Purchase",
  event_time: NOW_S - 60,
  event_id: "ord_1",
  action_source: "website",
  event_source_url: "http://shop.localhost/cart",
  user_data: user(),
  custom_data: { currency: "USD", value: 19.99 },
  ...changes,
});

/** @param {object} [changes] */
const user = (changes = {}) => ({
  em: [sha256("ada@example.com")],
  client_user_agent: "Mozilla/5.0",
  fbc: "fb.1.1789999000000.IwAR2x-y_Z",
  ...changes,
});

/** @type {import("./support/meta_stand_in.mjs").MetaStandIn} */
let meta;
before(async () => {
  meta = await startMetaStandIn({ now: () => NOW_S * 1000 });
});
after(() => meta.close());
beforeEach(() => {
  meta.events.length = 0;
  meta.requests.length = 0;
});

/** @param {unknown} body @param {string} [path] @returns {Promise<{status: number, json: any}>} */
async function post(body, path = `/${meta.version}/${meta.pixel}/events`) {
  const answer = await fetch(meta.url + path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  return { status: answer.status, json: await answer.json() };
}

/** @param {object[]} data */
const send = (data) => post({ access_token: meta.token, data });

test("accepts a good event and says how many it received", async () => {
  const { status, json } = await send([purchase()]);
  assert.equal(status, 200);
  assert.equal(json.events_received, 1);
  assert.deepEqual(json.messages, []);
  assert.equal(typeof json.fbtrace_id, "string");
  assert.equal(meta.events.length, 1);
});

test("takes the token from the query, a header or a form too", async () => {
  const path = `/${meta.version}/${meta.pixel}/events`;
  const data = [purchase({ event_id: "by_query" })];
  assert.equal((await post({ data }, `${path}?access_token=${meta.token}`)).status, 200);
  const headers = { authorization: `Bearer ${meta.token}`, "content-type": "application/json" };
  const byHeader = await fetch(meta.url + path,
    { method: "POST", headers, body: JSON.stringify({ data }) });
  assert.equal(byHeader.status, 200);
  const body = new URLSearchParams({ access_token: meta.token, data: JSON.stringify(data) });
  assert.equal((await fetch(meta.url + path, { method: "POST", body })).status, 200);
});

test("counts the same name and id once", async () => {
  await send([purchase({ event_id: "twice" }), purchase({ event_id: "twice" })]);
  const { json } = await send([purchase({ event_id: "twice" })]);
  assert.equal(json.events_received, 1);
  assert.equal(meta.events.length, 1);
});

test("refuses a wrong token with code 190", async () => {
  for (const access_token of ["wrong", undefined]) {
    const { status, json } = await post({ access_token, data: [purchase()] });
    assert.equal(status, 401);
    assert.equal(json.error.code, 190);
    assert.equal(json.error.type, "OAuthException");
  }
});

test("one event older than seven days fails the whole request", async () => {
  const old = purchase({ event_id: "old", event_time: NOW_S - 7 * DAY_S - 1 });
  const { status, json } = await send([purchase({ event_id: "fresh" }), old]);
  assert.equal(status, 400);
  assert.equal(json.error.code, 100);
  assert.equal(json.error.error_subcode, 2804003);
  assert.equal(meta.events.length, 0);
  const edge = purchase({ event_id: "edge", event_time: NOW_S - 7 * DAY_S });
  assert.equal((await send([edge])).status, 200);
});

const { event_source_url: _, ...withoutUrl } = purchase();
const { client_user_agent: __, ...withoutAgent } = user();
/** @type {[string, unknown][]} */
const refused = [
  ["no event_name", purchase({ event_name: undefined })],
  ["no event_time", purchase({ event_time: undefined })],
  ["event_time in milliseconds", purchase({ event_time: NOW_S * 1000 })],
  ["event_time as text", purchase({ event_time: String(NOW_S) })],
  ["event_time over a minute ahead", purchase({ event_time: NOW_S + 61 })],
  ["no user_data", purchase({ user_data: undefined })],
  ["empty user_data", purchase({ user_data: {} })],
  ["no action_source", purchase({ action_source: undefined })],
  ["website without a user agent", purchase({ user_data: withoutAgent })],
  ["website without an address", withoutUrl],
  ["only a user agent", purchase({ user_data: { client_user_agent: "Mozilla/5.0" } })],
  ["raw mail", purchase({ user_data: user({ em: ["ada@example.com"] }) })],
  ["upper-case hash", purchase({ user_data: user({ em: [sha256("a").toUpperCase()] }) })],
  ["raw phone", purchase({ user_data: user({ ph: "16505551212" }) })],
  ["fbc of three segments", purchase({ user_data: user({ fbc: "fb.1.1789999000000" }) })],
  ["fbc of six", purchase({ user_data: user({ fbc: "fb.1.1789999000000.IwAR.AQ.AQ" }) })],
  ["fbc that is a bare fbclid", purchase({ user_data: user({ fbc: "IwAR2x" }) })],
  ["fbp with letters", purchase({ user_data: user({ fbp: "fb.1.1789999000000.abc" }) })],
  ["hashed ip", purchase({ user_data: user({ client_ip_address: sha256("1.2.3.4") }) })],
  ["Purchase without currency", purchase({ custom_data: { value: 1 } })],
  ["Purchase without value", purchase({ custom_data: { currency: "USD" } })],
  ["Purchase without custom_data", purchase({ custom_data: undefined })],
  ["value as text", purchase({ custom_data: { currency: "USD", value: "1.00" } })],
  ["unknown currency", purchase({ custom_data: { currency: "XQQ", value: 1 } })],
  ["contents without id", purchase({ custom_data: {
    currency: "USD", value: 1, contents: [{ quantity: 1 }] } })],
  ["an item's price as text", purchase({ custom_data: {
    currency: "USD", value: 1, contents: [{ id: "a", item_price: "1.00" }] } })],
  ["an event that is no object", "Purchase"],
];
for (const [why, event] of refused) {
  test(`refuses ${why}`, async () => {
    const { status, json } = await post({ access_token: meta.token, data: [event] });
    assert.equal(status, 400);
    assert.equal(json.error.code, 100);
    assert.equal(meta.events.length, 0);
  });
}

/** @type {[string, object][]} */
const accepted = [
  ["fbc of five segments", purchase({
    user_data: user({ fbc: "fb.2.1789999000000.IwAR.AQQCAQMC" }),
  })],
  ["fbp", purchase({ user_data: user({ fbp: "fb.1.1789999000000.1098115397" }) })],
  ["a minute ahead", purchase({ event_time: NOW_S + 60 })],
  ["a lead without money", purchase({ event_name: "Lead", custom_data: undefined })],
  ["a sale by phone", purchase({
    action_source: "phone_call", event_source_url: undefined, user_data: withoutAgent,
  })],
];
for (const [why, event] of accepted) {
  test(`accepts ${why}`, async () => {
    assert.equal((await send([{ ...event, event_id: why }])).status, 200);
  });
}

test("refuses what is no list of 1 to 1000 events", async () => {
  const many = Array.from({ length: 1001 }, (_, i) => purchase({ event_id: `many_${i}` }));
  for (const data of [undefined, {}, "[]", [], many]) {
    const { status, json } = await post({ access_token: meta.token, data });
    assert.equal(status, 400);
    assert.equal(json.error.code, 100);
  }
  assert.equal((await send(many.slice(1))).json.events_received, 1000);
});

test("refuses another pixel, version, path or an unreadable body", async () => {
  const body = { access_token: meta.token, data: [purchase()] };
  assert.equal((await post(body, `/${meta.version}/1/events`)).json.error.error_subcode, 33);
  assert.equal((await post(body, `/v1.0/${meta.pixel}/events`)).json.error.code, 2635);
  assert.equal((await post(body, `/${meta.version}/${meta.pixel}/x`)).json.error.code, 2500);
  assert.equal((await post(null)).json.error.code, 100);
});

test("fails as it is told, then recovers", async () => {
  for (const codes of Object.values(GRAPH_CODES)) {
    for (const [code, expected] of Object.entries(codes)) {
      meta.fail(1, { code: Number(code) });
      const { status, json } = await send([purchase({ event_id: `after_${code}` })]);
      assert.equal(status, expected);
      assert.equal(json.error.code, Number(code));
    }
  }
  meta.fail(2, { code: 190, subcode: 463, status: 400 });
  for (const _ of [1, 2]) {
    const { status, json } = await send([purchase()]);
    assert.equal(status, 400);
    assert.equal(json.error.error_subcode, 463);
  }
  meta.fail(1, { status: 502, text: "<h1>Bad gateway</h1>" });
  const broken = await fetch(`${meta.url}/${meta.version}/${meta.pixel}/events`,
    { method: "POST", body: "{}" });
  assert.equal(broken.status, 502);
  assert.match(await broken.text(), /Bad gateway/);
  assert.equal((await send([purchase({ event_id: "recovered" })])).status, 200);
});

test("keeps every request with what it answered", async () => {
  await send([purchase({ event_id: "kept" })]);
  await post({ access_token: "wrong", data: [] });
  assert.deepEqual(meta.requests.map((request) => request.status), [200, 401]);
  assert.match(meta.requests[0]?.body ?? "", /kept/);
});
