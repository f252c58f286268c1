import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startMetaStandIn } from "./support/meta_stand_in.mjs";
import { startRudeReceiver } from "./support/rude_receiver.mjs";
import { PLAN, eventually, problemOf, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Row} Row */

/** More than several rounds take in which nobody answers. */
const ROUNDS_MS = 120_000;

describe("destinations", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startRudeReceiver>>} */ let rude;
  /** @type {Awaited<ReturnType<typeof startMetaStandIn>>} */ let meta;
  let sales = 0;

  before(async () => {
    rude = await startRudeReceiver();
    meta = await startMetaStandIn({ token: "EAAB-meta-access-token-of-the-test" });
    // What is bought within seconds of a click needs no look here.
    world = await startReady({ program: { plan: { ...PLAN, review: { min_seconds: 0 } } } });
  });
  after(async () => {
    await world.stop();
    await Promise.all([rude.close(), meta.close()]);
  });

  /** @param {object} settings @returns {Promise<Row>} */
  const make = (settings) =>
    world.must("POST", "destinations", { program: world.program.id, ...settings });

  /** @param {Row} row */
  const remove = (row) => world.must("PATCH", `destinations/${row.id}`, { enabled: false });

  /** @param {object} [more] */
  async function sell(more) {
    sales += 1;
    const { eventId } = await world.accepted("sale", {
      customerExternalId: `customer-${sales}`, customerEmail: `c${sales}@shop.example`,
      amount: 2000, currency: "usd", invoiceId: `sale-${sales}`,
      context: { consent: "full" }, ...more,
    });
    return { id: `sale-${sales}`, event: eventId };
  }

  /** @param {Row} destination @param {(row: Row) => unknown} isSo @param {string} [event] */
  const delivery = (destination, isSo, event) => eventually("the delivery", async () => {
    const rows = await world.rows("deliveries");
    const mine = rows.filter((row) => row.destination === destination.id
      && (event === undefined || row.event === event));
    return mine.find((row) => isSo(row)) ?? false;
  }, ROUNDS_MS);
  /** @param {Row} row */
  const tried = (row) => row.attempts > 0 && (row.state !== "pending" || row.last_error);

  test("that misbehave end as documented, and hold nobody up for long", async () => {
    /** @type {[string, string, string | null][]} */
    const webhooks = [
      ["/endless", "delivered", null], ["/drip", "delivered", null],
      ["/silent", "pending", "no answer in time"], ["/reset", "pending", "unreachable"],
      ["/redirect", "pending", "http 307, redirects are not followed"],
      ["/later", "pending", "http 429"], ["/status/401", "pending", "http 401"],
      ["/status/422", "pending", "http 422"], ["/status/426", "pending", "http 426"],
      ["/status/500", "pending", "http 500"], ["/status/207", "delivered", null],
      ["/status/410", "set_aside", "http 410"],
    ];
    /** @type {[string, string, string | null][]} */
    const postbacks = [
      ["/text/200/success=true;", "delivered", null],
      ["/text/200/success=false;%20err_msg=Invalid", "set_aside",
        "http 200, without success_text"],
      ["/status/400", "set_aside", "http 400"], ["/status/403", "set_aside", "http 403"],
      ["/silent", "pending", "no answer in time"],
    ];
    const all = [];
    for (const [path, state, reason] of webhooks) {
      const hook = { kind: "webhook", url: rude.url + path, events: ["sale"] };
      all.push({ row: await make(hook), state, reason, path });
    }
    for (const [path, state, reason] of postbacks) {
      const url = `${rude.url}${path}?o={order_id}`;
      const row = await make({ kind: "postback", url, success_text: "success=true" });
      all.push({ row, state, reason, path });
    }
    const { token } = await world.click("/go/anna");
    await sell({ clickId: token });
    for (const { row, state, reason, path } of all) {
      const found = await delivery(row, tried);
      assert.deepEqual([found.state, found.last_error], [state, reason], `${row.kind} ${path}`);
    }
    // Who never answers holds up nobody: meanwhile those that stand behind it were asked.
    for (const silent of rude.got.filter(({ url }) => url.startsWith("/silent"))) {
      const until = await eventually("it was given up", () => silent.until);
      assert.ok(until >= 5, `${silent.url} was over when ${until} had been asked`);
    }
    const later = all.find(({ path }) => path === "/later");
    const wait = await delivery(later?.row ?? {}, tried);
    assert.ok(Date.parse(wait.next_at) - Date.parse(wait.created_at) >= 1_200_000, "Retry-After");
    assert.ok(!rude.got.some(({ url }) => url === "/status/200"), "no redirect was followed");
    for (const { row } of all) await remove(row);
  });

  test("that refuse one event of a batch get all others, once", async () => {
    const row = await make({ kind: "meta", pixel_id: meta.pixel, access_token: meta.token,
      api_version: meta.version, base_url: meta.url });
    // Held back, so that all go together.
    await world.stack.sql("UPDATE destinations SET paused_until = 9e15 WHERE id = ?", row.id);
    /** @type {string[]} */ const ids = [];
    for (let n = 0; n < 12; n += 1) ids.push((await sell()).event);
    await world.folded();
    meta.poison(ids[4]);
    const before = meta.requests.length;
    await world.stack.sql("UPDATE deliveries SET next_at = 0 WHERE state = 'pending'");
    await world.stack.sql("UPDATE destinations SET paused_until = 0 WHERE id = ?", row.id);
    await world.stack.cron();
    const spoilt = await delivery(row, (one) => one.state === "set_aside", ids[4]);
    assert.match(spoilt.last_error, /^http 400, code 100/);
    for (const id of ids.filter((one) => one !== ids[4])) {
      await delivery(row, (one) => one.state === "delivered", id);
    }
    const sent = meta.events.map((event) => event.event_id);
    assert.deepEqual(sent.filter((id) => ids.includes(id)).sort(),
      ids.filter((id) => id !== ids[4]).sort());
    assert.ok(meta.requests.length - before <= 9, `${meta.requests.length - before} requests`);
    await remove(row);
  });

  test("get a partner's own click back in the partner's dialect", async () => {
    const row = await make({ kind: "postback", template: "affise", url: `${rude.url}/status/200`,
      partner: world.program.anna.id, secret: "s&1" });
    assert.equal(row.secret, undefined);
    const { token } = await world.click("/go/anna?sub1=a%2Bb%20c");
    const { id, event } = await sell({ clickId: token });
    await delivery(row, (one) => one.state === "delivered", event);
    const got = rude.got.find((one) => one.url.includes(`action_id=${id}&`));
    const url = new URL(got?.url ?? "", rude.url);
    assert.deepEqual([...url.searchParams], [["clickid", "a+b c"], ["action_id", id],
      ["sum", "20.00"], ["status", "1"], ["secure", "s&1"]]);
    const other = await world.click("/go/boris?sub1=x");
    const elsewhere = await sell({ clickId: other.token });
    const skipped = await delivery(row, (one) => one.state === "skipped", elsewhere.event);
    assert.equal(skipped.last_error, "no_partner");
    await remove(row);
  });

  test("show what they would be sent, and what they answer, without secrets", async () => {
    const row = await make({ kind: "meta", pixel_id: meta.pixel, access_token: meta.token,
      api_version: "v20.0", base_url: meta.url, test_event_code: "TEST1" });
    assert.equal(row.warning, "API version v20.0 ended on 2026-09-24.");
    const path = `destinations/${row.id}`;
    const before = meta.requests.length;
    const preview = await world.must("POST", `${path}/preview`, { sample: "sale" });
    assert.equal(preview.request.url, `${meta.url}/v20.0/${meta.pixel}/events`);
    assert.equal(preview.request.headers.authorization, "[redacted]");
    assert.equal(JSON.parse(preview.request.body).data[0].custom_data.value, 19.99);
    assert.equal(meta.requests.length, before, "nothing was sent");
    const refused = await world.must("POST", `${path}/test`, {});
    assert.deepEqual([refused.outcome, refused.answer.status], ["misconfigured", 400]);
    await world.must("PATCH", path, { api_version: meta.version });
    const sent = await world.must("POST", `${path}/test`, { sample: "lead" });
    assert.deepEqual([sent.outcome, sent.answer.status], ["delivered", 200]);
    assert.equal(meta.requests.at(-1)?.body.includes("TEST1"), true);
    // What was kept of the person is gone once the event is delivered.
    await world.stack.sql("UPDATE destinations SET paused_until = 9e15 WHERE id = ?", row.id);
    const sale = await sell();
    await world.folded();
    const real = await world.must("POST", `${path}/preview`, { event: sale.event });
    assert.equal(JSON.parse(real.request.body).data[0].event_id, sale.event);
    const rule = await world.must("POST", `${path}/preview`, { sample: "refund" });
    assert.deepEqual(rule, { state: "skipped", reason: "kind_not_taken" });
    const unknown = await world.api("POST", `${path}/preview`, { event: "ev_none" });
    assert.deepEqual(problemOf(unknown).errors, [["/event", "unknown"]]);
    const { keys } = world.program;
    assert.equal((await world.api("POST", `${path}/test`, {}, keys.read.key)).status, 403);
    const shown = JSON.stringify([preview, refused, sent, real]);
    assert.ok(!shown.includes(meta.token));
    await remove(row);
  });

  test("take a secret nowhere else, and show it in no form", async () => {
    const secret = "Sec\"ret/Qz\\x7<&>";
    const url = `${rude.url}/echo?k={secret}`;
    const row = await make({ kind: "postback", url, secret, method: "POST", content_type: "json",
      body: "{\"k\": \"{secret}\"}" });
    const path = `destinations/${row.id}`;
    const moved = { url: `${rude.url}/elsewhere?k={secret}` };
    const refused = await world.api("PATCH", path, moved);
    assert.deepEqual(problemOf(refused).errors, [["/secret", "secret_required"]]);
    const preview = await world.must("POST", `${path}/preview`, {});
    assert.equal(preview.request.url, `${rude.url}/echo?k=[redacted]`);
    assert.equal(preview.request.body, "{\"k\": \"[redacted]\"}");
    const test = await world.must("POST", `${path}/test`, {});
    assert.equal(test.answer.body, "url [redacted] hex [redacted] base64 [redacted]");
    assert.ok(!rude.got.some((one) => one.url.startsWith("/elsewhere")));
    await world.must("PATCH", path, { ...moved, secret: "another" });
    await world.must("POST", `${path}/test`, {});
    assert.equal(rude.got.at(-1)?.url, "/elsewhere?k=another");
    await remove(row);
  });

  test("refuse settings that lead elsewhere", async () => {
    /** @type {[object, string, string][]} */
    const wrong = [
      [{ kind: "postback", url: "http://{sub1}.localhost/" }, "/url", "macro_misplaced"],
      [{ kind: "postback", url: "https://10.0.0.1/{sub1}" }, "/url", "ip_literal"],
      [{ kind: "postback", url: `${rude.url}/{x}`, unknown_macros: "refuse" }, "/url",
        "macro_unknown"],
      [{ kind: "webhook", url: rude.url, events: ["Sale!"] }, "/events", "not_a_message"],
      [{ kind: "meta", pixel_id: "1/2", access_token: "x" }, "/pixel_id", "not_digits"],
      [{ kind: "meta", pixel_id: "1", access_token: "x", api_version: "24" }, "/api_version",
        "invalid"],
      [{ kind: "pigeon" }, "/kind", "not_a_choice"],
    ];
    for (const [body, at, code] of wrong) {
      const answer = await world.api("POST", "destinations",
        { program: world.program.id, ...body });
      assert.equal(answer.status, 422, JSON.stringify(body));
      assert.deepEqual(problemOf(answer).errors[0], [at, code]);
    }
  });
});
