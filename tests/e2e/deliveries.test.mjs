import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import { startMetaStandIn } from "./support/meta_stand_in.mjs";
import { eventually, from, startReady } from "./support/world.mjs";
import { startWebhookReceiver } from "./support/webhook_receiver.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Row} Row */

const MAIL = "Ada.Long+shop@Example.com";
const HASH = createHash("sha256").update(MAIL.toLowerCase()).digest("hex");
const CONTEXT = {
  userAgent: "Mozilla/5.0 (test)", pageUrl: "https://shop.localhost/thanks", ip: "203.0.113.77",
  fbp: "fb.1.1700000000000.1234567890",
};

describe("events go out", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startWebhookReceiver>>} */ let hook;
  /** @type {Awaited<ReturnType<typeof startMetaStandIn>>} */ let meta;
  /** @type {Row} */ let toHook;
  /** @type {Row} */ let toMeta;
  let sales = 0;

  before(async () => {
    hook = await startWebhookReceiver();
    meta = await startMetaStandIn({ token: "EAAB-meta-access-token-of-the-test" });
    world = await startReady();
    const program = world.program.id;
    const url = hook.url;
    toHook = await world.must("POST", "destinations", { program, kind: "webhook", url,
      events: ["lead", "sale", "refund"] });
    hook.setSecret(toHook.secret);
    toMeta = await world.must("POST", "destinations", {
      program, kind: "meta", pixel_id: meta.pixel, access_token: meta.token,
      api_version: meta.version, base_url: meta.url,
    });
  });
  after(async () => {
    await world.stop();
    await Promise.all([hook.close(), meta.close()]);
  });
  afterEach(async () => {
    await world.stack.sql("UPDATE destinations SET paused_until = 0, failures = 0");
    await world.quiet();
  });

  /** Reports a sale of an own customer. @param {object} [more] */
  async function sell(more) {
    sales += 1;
    const id = `sale-${sales}`;
    const { eventId } = await world.accepted("sale", {
      customerExternalId: `customer-${sales}`, customerEmail: MAIL, customerName: "Ada Long",
      amount: 2000, currency: "usd", invoiceId: id, context: { ...CONTEXT, consent: "full" },
      ...more,
    });
    return { id, event: eventId };
  }

  /** The delivery of an event to a destination once `isSo` holds.
   * @param {string} event @param {Row} destination @param {(row: Row) => unknown} isSo */
  const delivery = (event, destination, isSo) =>
    eventually("the delivery is as wanted", async () => {
      const rows = (await world.rows("deliveries")).filter((row) =>
        row.event === event && row.destination === destination.id
        && !row.type.startsWith("commission."));
      const row = rows.at(-1);
      return row && isSo(row) ? row : false;
    });

  /** @param {string} state */
  const is = (state) => (/** @type {Row} */ row) => row.state === state;
  /** @param {Row} row */
  const tried = (row) => row.last_error !== null && row.state !== "delivered";

  test("signed with the old and the new secret for a day after a change", async () => {
    const path = `destinations/${toHook.id}`;
    const changed = await world.must("PATCH", path, { secret: null });
    assert.match(changed.secret, /^whsec_/);
    assert.notEqual(changed.secret, toHook.secret);
    const inADay = Date.parse(changed.previous_secrets_until) - Date.now();
    assert.ok(Math.abs(inADay - 86_400_000) < 60_000, changed.previous_secrets_until);
    // The receiver takes it with the one that it knows, and with the new one.
    for (const secret of [toHook.secret, changed.secret]) {
      hook.setSecret(secret);
      const tried = await world.must("POST", `${path}/test`, { sample: "sale" });
      assert.deepEqual([tried.outcome, hook.requests.at(-1)?.error], ["delivered", null]);
    }
    const signatures = String(hook.requests.at(-1)?.headers["webhook-signature"]).split(" ");
    assert.equal(signatures.length, 2);
    await world.must("PATCH", path, { previous_secrets: null });
    await world.must("POST", `${path}/test`, { sample: "sale" });
    assert.equal(hook.requests.at(-1)?.verified, true);
    hook.setSecret(toHook.secret);
    await world.must("POST", `${path}/test`, { sample: "sale" });
    assert.equal(hook.requests.at(-1)?.verified, false, "the old one has ended");
    hook.setSecret(changed.secret);
    const stored = JSON.stringify(await world.stack.sql("SELECT * FROM destinations"));
    assert.ok(!stored.includes(changed.secret) && !stored.includes(toHook.secret));
    const { secret, ...shown } = await world.must("GET", path);
    assert.equal(secret, undefined);
    assert.ok(!JSON.stringify(shown).includes("whsec_"));
    hook.requests.splice(0);
  });

  test("as a signed webhook, once, with the decision and no mail address", async () => {
    const { token } = await world.click("/go/anna");
    const sale = await sell({ clickId: token, customerExternalId: "Ada@example.com" });
    const row = await delivery(sale.event, toHook, is("delivered"));
    assert.deepEqual([row.attempts, row.last_status, row.type], [1, 204, "sale.created"]);
    const got = hook.requests.filter((one) => one.id === row.id);
    assert.equal(got.length, 1);
    assert.ok(got[0].verified, String(got[0].error));
    const { type, data } = got[0].json;
    assert.equal(type, "sale.created");
    assert.deepEqual(data.amount, { amount: 2000, currency: "USD" });
    assert.deepEqual(data.commission, [{ amount: 200, currency: "USD" }]);
    assert.deepEqual(data.partner, { id: world.program.anna.id, name: "Anna" });
    assert.deepEqual([data.id, data.key, data.kind], [sale.event, sale.id, "sale"]);
    assert.equal(data.customerExternalId, null, "an id that is a mail address does not go out");
    assert.match(data.explanation, /Anna earns 2\.00 USD/);

    const refund = { refundId: "re_1", invoiceId: sale.id };
    const { eventId } = await world.accepted("refund", refund);
    const returned = await delivery(eventId, toHook, is("delivered"));
    assert.equal(returned.type, "refund.created");
    const plain = await sell();
    const plainRow = await delivery(plain.event, toHook, is("delivered"));
    const body = hook.requests.find((one) => one.id === plainRow.id)?.json;
    assert.equal(body.data.customerExternalId, `customer-${sales}`);
    assert.equal(body.data.partner, null);
  });

  test("again as changed when a decision changes", async () => {
    const sale = await sell({ customerExternalId: "late-lead" });
    await delivery(sale.event, toHook, is("delivered"));
    const { token } = await world.click("/go/boris");
    const lead = { clickId: token, customerExternalId: "late-lead", eventName: "Sign up" };
    // The touch comes before this sale only.
    const later = await sell({ customerExternalId: "late-lead" });
    await delivery(later.event, toHook, is("delivered"));
    await world.accepted("lead", lead);
    const changed = await delivery(later.event, toHook, (row) =>
      row.type === "sale.changed" && row.state === "delivered");
    const body = hook.requests.find((one) => one.id === changed.id)?.json;
    assert.equal(body.data.partner.name, "Boris");
    const types = (await world.rows("deliveries")).filter((row) => row.event === later.event
      && row.destination === toMeta.id).map((row) => row.type);
    assert.deepEqual(types, ["sale.created"], "an ad platform hears of an event once");
  });

  test("later, when the receiver fails: at the time that the delivery names", async () => {
    hook.fail(1, 500);
    const sale = await sell();
    const waiting = await delivery(sale.event, toHook, tried);
    assert.deepEqual([waiting.state, waiting.attempts, waiting.last_status], ["pending", 1, 500]);
    const wait = Date.parse(waiting.next_at) - Date.parse(waiting.created_at);
    assert.ok(wait >= 5_000 && wait < 60_000, `${wait} ms`);
    assert.equal((await sealed(sale.event)).length, 1, "what it needs is kept");
    await world.stack.sql("UPDATE deliveries SET next_at = 0 WHERE id = ?", waiting.id);
    await world.stack.cron();
    const done = await delivery(sale.event, toHook, is("delivered"));
    assert.equal(done.attempts, 2);
    const got = hook.requests.filter((one) => one.id === waiting.id);
    assert.deepEqual(got.map((one) => [one.status, one.verified]), [[500, true], [204, true]]);
    assert.equal(got[0].body, got[1].body);
    assert.deepEqual(await sealed(sale.event), [], "and then deleted");
  });

  /** @param {string} event */
  const sealed = (event) => world.stack.sql("SELECT * FROM sealed_rows WHERE event = ?", event);

  test("are set aside when a receiver is gone, or after the last try", async () => {
    hook.fail(1, 410);
    const sale = await sell();
    const aside = await delivery(sale.event, toHook, is("set_aside"));
    assert.deepEqual([aside.attempts, aside.last_status], [1, 410]);
    await world.stack.cron();
    assert.equal((await delivery(sale.event, toHook, is("set_aside"))).attempts, 1);
    const { keys } = world.program;
    const retry = `deliveries/${aside.id}/retry`;
    assert.equal((await world.api("POST", retry, undefined, keys.read.key)).status, 403);
    assert.equal((await world.api("POST", "deliveries/dl_nothing/retry")).status, 404);
    assert.equal((await world.api("POST", retry)).status, 200);
    await delivery(sale.event, toHook, is("delivered"));
    const known = hook.requests.filter((one) => one.id === aside.id).length;
    assert.equal((await world.api("POST", retry)).status, 200, "what a webhook took, again");
    await eventually("it came again", () =>
      hook.requests.filter((one) => one.id === aside.id).length === known + 1);
    await delivery(sale.event, toHook, is("delivered"));

    hook.fail(1, 503);
    const last = await sell();
    const waiting = await delivery(last.event, toHook, tried);
    hook.fail(1, 503);
    await world.stack.sql(
      "UPDATE deliveries SET attempts = 8, next_at = 0 WHERE id = ?", waiting.id);
    await world.stack.cron();
    assert.equal((await delivery(last.event, toHook, is("set_aside"))).attempts, 9);
  });

  test("do not follow a redirect", async () => {
    hook.fail(1, 307);
    const sale = await sell();
    const row = await delivery(sale.event, toHook, tried);
    assert.deepEqual([row.state, row.last_status], ["pending", 307]);
    assert.match(row.last_error, /redirects are not followed/);
    assert.ok(!hook.requests.some((one) => one.path === "/followed"));
  });

  test("to Meta under full consent: hashes, the click's id, no more", async () => {
    const at = Date.now();
    // The sale is there before its click: the event waits for the click's id.
    const { token } = await world.click("/go/anna?fbclid=IwAR1_x-Y");
    const sale = await sell({ clickId: token });
    await delivery(sale.event, toMeta, is("delivered"));
    const event = meta.events.find((one) => one.event_id === sale.event);
    assert.equal(event?.event_name, "Purchase");
    assert.equal(event?.action_source, "website");
    assert.equal(event?.event_source_url, CONTEXT.pageUrl);
    assert.deepEqual(event?.custom_data, { currency: "USD", value: 20, order_id: sale.id });
    const { em, external_id: external, fbc, ...rest } = event?.user_data;
    assert.deepEqual([em, external.length], [[HASH], 1]);
    assert.match(external[0], /^[0-9a-f]{64}$/);
    const [, ms, id] = /^fb\.1\.(\d+)\.(.+)$/.exec(fbc) ?? [];
    assert.equal(id, "IwAR1_x-Y");
    assert.ok(Number(ms) >= at - 1000 && Number(ms) <= Date.now() + 1000);
    assert.deepEqual(rest, { client_user_agent: CONTEXT.userAgent, fbp: CONTEXT.fbp });
    const sent = meta.requests.find((one) => one.body.includes(sale.event));
    assert.equal(sent?.headers.authorization, `Bearer ${meta.token}`);
    assert.ok(!sent?.body.includes(meta.token));
  });

  test("to Meta not at all without full consent", async () => {
    const before_ = meta.requests.length;
    /** @type {[Record<string, string>, object][]} */
    const refusals = [
      [from("DE"), {}], [{ "sec-gpc": "1" }, {}], [{}, { context: { consent: "session" } }],
      [{}, { context: { ...CONTEXT, consent: "code" } }],
    ];
    const ids = [await sell({ context: CONTEXT })];
    for (const [headers, more] of refusals) {
      const { token } = await world.click("/go/anna?fbclid=IwNo", headers);
      ids.push(await sell({ clickId: token, ...more }));
    }
    for (const { event } of ids) {
      const row = await delivery(event, toMeta, is("skipped"));
      assert.deepEqual([row.last_error, row.last_status], ["no_consent", null]);
      await delivery(event, toHook, is("delivered"));
      assert.deepEqual(await sealed(event), [], "nothing is kept for it");
    }
    assert.equal(meta.requests.length, before_);
  });

  test("to Meta again or not, as its error says", async () => {
    /** @type {[import("./support/meta_stand_in.mjs").Failure, string][]} */
    const failures = [
      [{ code: 2 }, "pending"], [{ code: 4 }, "pending"],
      [{ text: "<html>", status: 502 }, "pending"],
      [{ code: 190, message: meta.token }, "set_aside"],
      [{ code: 100, message: meta.token }, "set_aside"],
    ];
    for (const [failure, state] of failures) {
      meta.fail(1, failure);
      const { event } = await sell();
      const row = await delivery(event, toMeta, tried);
      assert.equal(row.state, state, JSON.stringify(failure));
      assert.ok(row.last_error && !row.last_error.includes(meta.token));
      // A destination that throttles or refuses its token is left alone for a while.
      await world.stack.sql("UPDATE destinations SET paused_until = 0");
      await world.stack.sql("UPDATE deliveries SET next_at = 0 WHERE id = ?", row.id);
      await world.stack.cron();
      if (state === "pending") await delivery(event, toMeta, is("delivered"));
    }
  });

  test("and what was kept for them is deleted when its time is over", async () => {
    hook.fail(1, 410);
    const { event } = await sell();
    await delivery(event, toHook, is("set_aside"));
    assert.equal((await sealed(event)).length, 1);
    await world.stack.sql("UPDATE sealed_rows SET expires_at = 1 WHERE event = ?", event);
    await world.stack.cron();
    assert.deepEqual(await sealed(event), []);
  });

  test("and leave neither mail addresses nor secrets behind, anywhere", async () => {
    const { token } = await world.click("/go/anna");
    await sell({ clickId: token, customerExternalId: MAIL });
    await world.track("sale", { customerEmail: MAIL, customerExternalId: MAIL, amount: -1 });
    await world.folded();
    const reads = await Promise.all(["destinations", "keys", `destinations/${toHook.id}`,
      `destinations/${toMeta.id}`, "events", "decisions", "deliveries", "programs"]
      .map(async (path) => (await world.api("GET", path)).text));
    const logs = world.stack.logs.join("\n");
    const places = { reads: reads.join("\n"), logs, stored: await world.dump() };
    const { keys } = world.program;
    const secrets = [toHook.secret, toHook.secret.slice("whsec_".length), meta.token, world.admin,
      keys.track.key, keys.read.key, world.stack.rootSecret, world.stack.rootSecret.slice(2)];
    const personal = [MAIL, MAIL.toLowerCase(), "Ada Long", HASH, CONTEXT.ip, CONTEXT.pageUrl];
    for (const [place, text] of Object.entries(places)) {
      for (const word of [...secrets, ...personal]) {
        assert.ok(!text.includes(word), `${place}: ${word}`);
      }
    }
    assert.ok(places.stored.includes("sale-1"), "the dump is one");
    const out = hook.requests.map((one) => one.body).concat(meta.requests.map((one) => one.body));
    for (const word of [MAIL, MAIL.toLowerCase(), "Ada Long", "ada@example.com", CONTEXT.ip]) {
      assert.ok(!out.some((body) => body.includes(word)), word);
    }
  });
});
