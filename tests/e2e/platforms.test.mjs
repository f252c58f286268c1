// Sales, leads and refunds reach four platforms through the real Worker: what each accepted, and
// what none may ever see.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { startGa4StandIn } from "./support/ga4_stand_in.mjs";
import { startGoogleAdsStandIn } from "./support/google_ads_stand_in.mjs";
import { startSegmentStandIn } from "./support/segment_stand_in.mjs";
import { startTikTokStandIn } from "./support/tiktok_stand_in.mjs";
import { eventually, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Row} Row */

const MAIL = "Ada.Canary+shop@GMail.com";
const PHONE = "+1 (650) 555-1212";
const NAME = "Ada Canary-Lovelace";
const IP = "203.0.113.77";
const HOUR_S = 3600;
const CONTEXT = {
  userAgent: "Mozilla/5.0 (test)", pageUrl: "https://shop.localhost/thanks", ip: IP,
  ttp: "94e2a4j9-h3ss-k5s5", gaClientId: "GA1.1.1234567890.1732230000",
  gaSessionId: "GS2.1.s1732230001$o1$g1$t1732230060$j60$l0$h0",
};

/** @param {string} text */
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
/** @param {number} hours */
const hoursAgo = (hours) => Math.floor(Date.now() / 1000) - hours * HOUR_S;

describe("four platforms", () => {
  /** @type {import("./support/world.mjs").Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startGa4StandIn>>} */ let ga4;
  /** @type {Awaited<ReturnType<typeof startGoogleAdsStandIn>>} */ let google;
  /** @type {Awaited<ReturnType<typeof startTikTokStandIn>>} */ let tiktok;
  /** @type {Awaited<ReturnType<typeof startSegmentStandIn>>} */ let segment;
  /** @type {Record<"ga4" | "google_ads" | "tiktok" | "segment", Row>} */ let to;
  let sales = 0;

  before(async () => {
    [ga4, google, tiktok, segment] = await Promise.all([
      startGa4StandIn(), startGoogleAdsStandIn(), startTikTokStandIn(), startSegmentStandIn()]);
    world = await startReady();
    const make = (/** @type {string} */ kind, /** @type {object} */ members) =>
      world.must("POST", "destinations", { program: world.program.id, kind, ...members });
    to = {
      ga4: await make("ga4", { measurement_id: ga4.id, api_secret: ga4.secret, base_url: ga4.url,
        limited_data: true }),
      google_ads: await make("google_ads", { customer_id: google.customer,
        conversion_action_id: "777", lead_conversion_action_id: "888", click_wait_minutes: 0,
        credentials: google.credentials, base_url: google.url, token_url: `${google.url}/token` }),
      tiktok: await make("tiktok", { pixel_code: tiktok.pixel, access_token: tiktok.token,
        base_url: tiktok.url, limited_data: true }),
      segment: await make("segment", { write_key: segment.key, base_url: segment.url,
        consent_categories: ["Advertising"] }),
    };
  });
  after(async () => {
    await world.stop();
    await Promise.all([ga4, google, tiktok, segment].map((one) => one.close()));
  });
  beforeEach(() => healthy());

  /** No destination is left alone, and none has anything left to be sent. */
  async function healthy() {
    await world.stack.sql("UPDATE destinations SET paused_until = 0, failures = 0");
    await world.quiet();
  }

  /** Reports a sale of an own customer, under full consent unless told otherwise.
   * @param {object} [more] */
  async function sell(more) {
    sales += 1;
    const [id, customer] = [`order-${sales}`, `customer-${sales}`];
    const { eventId } = await world.accepted("sale", {
      customerExternalId: customer, customerEmail: MAIL, customerPhone: PHONE, customerName: NAME,
      amount: 1999, currency: "usd", invoiceId: id, context: { ...CONTEXT, consent: "full" },
      ...more,
    });
    return { id, customer, event: eventId };
  }

  /** The delivery of an event once `isSo` holds. @param {string} event @param {Row} destination
   * @param {(row: Row) => unknown} isSo @param {() => Promise<unknown>} [meanwhile] */
  const delivery = (event, destination, isSo, meanwhile = world.hasten) =>
    eventually(`${destination.kind} is as wanted`, async () => {
      const all = await world.rows("deliveries");
      const row = all.filter((one) =>
        one.event === event && one.destination === destination.id).at(-1);
      if (row && isSo(row)) return row;
      await meanwhile();
      return false;
    });

  /** @param {string} state */
  const is = (state) => (/** @type {Row} */ row) => row.state === state;

  test("hear of a sale with its click, each in its own dialect", async () => {
    const { token } = await world.click("/go/anna?gclid=Cj0-Ab_C&ttclid=E.C.P.xyz");
    const lines = [{ sku: "SKU-1", category: "Shoes", quantity: 2, amount: 1500, tax: 200 },
      { sku: MAIL, amount: 1 }, { category: "gift", amount: 99 }, { sku: "Größe 3", quantity: 3, amount: 100 }];
    const sale = await sell({ clickId: token, lines, shipping: 199 });
    for (const kind of Object.values(to)) await delivery(sale.event, kind, is("delivered"));

    const counted = ga4.events.find((one) => one.params.transaction_id === sale.id);
    assert.equal(counted?.client_id, "1234567890.1732230000");
    assert.deepEqual(counted?.consent,
      { ad_user_data: "GRANTED", ad_personalization: "GRANTED" });
    assert.deepEqual(counted?.params, { session_id: "1732230001", engagement_time_msec: 1,
      transaction_id: sale.id, value: 16, tax: 2, shipping: 1.99, currency: "USD",
      items: [{ item_id: "SKU-1", item_category: "Shoes", quantity: 2, price: 6.5 },
        { item_id: "Größe 3", quantity: 3 }] });

    const conversion = google.conversions.get(`sale\n${sale.id}`);
    assert.deepEqual(conversion?.adIdentifiers, { gclid: "Cj0-Ab_C" });
    assert.deepEqual(conversion?.userData.userIdentifiers, [
      { emailAddress: sha256("adacanary@gmail.com") }, { phoneNumber: sha256("+16505551212") }]);
    assert.equal(conversion?.conversionValue, 19.99);

    const bought = tiktok.events.find((one) => one.event_id === sale.event);
    assert.equal(bought?.event, "Purchase");
    assert.deepEqual(bought?.properties.contents[0],
      { content_id: "SKU-1", content_category: "Shoes", quantity: 2, price: 7.5 });
    assert.deepEqual(bought?.user, { email: [sha256("ada.canary+shop@gmail.com")],
      phone: [sha256("+16505551212")], external_id: [sha256(sale.customer)],
      ttclid: "E.C.P.xyz", ttp: CONTEXT.ttp, user_agent: CONTEXT.userAgent });
    assert.deepEqual(bought?.page, { url: CONTEXT.pageUrl });
    assert.equal(bought?.limited_data_use, undefined);

    const order = segment.events.find((one) => one.messageId === sale.event);
    assert.deepEqual([order?.event, order?.userId], ["Order Completed", sale.customer]);
    assert.deepEqual(order?.properties.products[0],
      { product_id: "SKU-1", sku: "SKU-1", category: "Shoes", quantity: 2, price: 6.5 });
    const { total, revenue, tax, shipping } = order?.properties ?? {};
    assert.deepEqual([total, revenue, tax, shipping], [19.99, 16, 2, 1.99]);
    assert.equal(order?.properties.partner_id, world.program.anna.id);
    assert.deepEqual(order?.context.consent.categoryPreferences, { Advertising: true });
  });

  test("hear of a lead", async () => {
    const lead = { customerExternalId: "lead-1", customerEmail: MAIL, eventName: "Demo booked",
      context: { ...CONTEXT, consent: "full" } };
    const { eventId } = await world.accepted("lead", lead);
    for (const kind of Object.values(to)) await delivery(eventId, kind, is("delivered"));
    assert.ok(ga4.events.some((one) => one.name === "generate_lead"));
    assert.ok(google.conversions.has(`lead\n${eventId}`));
    assert.equal(tiktok.events.find((one) => one.event_id === eventId)?.event, "Lead");
    const told = segment.events.find((one) => one.messageId === eventId);
    assert.deepEqual([told?.event, told?.userId], ["Demo booked", "lead-1"]);
  });

  test("hear of a refund as far as they can", async () => {
    const sale = await sell({ occurredAt: hoursAgo(30) });
    for (const kind of Object.values(to)) await delivery(sale.event, kind, is("delivered"));
    const refund = { invoiceId: sale.id, amount: 500, currency: "usd", customerEmail: MAIL,
      customerExternalId: sale.customer, context: { ...CONTEXT, consent: "full" } };
    const { eventId } = await world.accepted("refund",
      { ...refund, refundId: "re-1", occurredAt: hoursAgo(25) });
    for (const kind of [to.ga4, to.google_ads, to.segment]) {
      await delivery(eventId, kind, is("delivered"));
    }
    const skipped = await delivery(eventId, to.tiktok, is("skipped"));
    assert.equal(skipped.last_error, "kind_not_taken");
    const back = ga4.events.find((one) => one.name === "refund");
    assert.deepEqual([back?.params.transaction_id, back?.params.value], [sale.id, 5]);
    const conversion = google.conversions.get(`sale\n${sale.id}`);
    assert.equal(conversion?.conversionValue, 14.99, "what is left of the sale");
    const told = segment.events.find((one) => one.messageId === eventId);
    assert.deepEqual([told?.event, told?.userId, told?.properties.order_id, told?.properties.total],
      ["Order Refunded", sale.customer, sale.id, 5]);

    const soon = await world.accepted("refund", { ...refund, refundId: "re-2", amount: 100 });
    const waiting = await delivery(soon.eventId, to.google_ads,
      (row) => row.last_error === "correction_after_sale");
    assert.deepEqual([waiting.state, waiting.attempts], ["pending", 0]);
    assert.ok(Date.parse(waiting.next_at) > Date.now() + 23 * HOUR_S * 1000);
  });

  test("hear nothing without consent, and of an opt-out only with its mark", async () => {
    const before_ = [ga4, google, tiktok, segment].map((one) => one.requests.length);
    const refused = await sell({ context: { ...CONTEXT, consent: "session" } });
    const silent = await sell({ context: CONTEXT });
    for (const { event } of [refused, silent]) {
      for (const kind of Object.values(to)) {
        const row = await delivery(event, kind, is("skipped"));
        assert.deepEqual([row.last_error, row.attempts], ["no_consent", 1]);
      }
    }
    assert.deepEqual([ga4, google, tiktok, segment].map((one) => one.requests.length), before_);

    const { token } = await world.click("/go/anna?ttclid=E.C.P.gpc", { "sec-gpc": "1" });
    const { event, id } = await sell({ clickId: token, context: CONTEXT });
    for (const kind of [to.google_ads, to.segment]) await delivery(event, kind, is("skipped"));
    for (const kind of [to.ga4, to.tiktok]) await delivery(event, kind, is("delivered"));
    const counted = ga4.events.find((one) => one.params.transaction_id === id);
    assert.deepEqual(counted?.consent, { ad_user_data: "DENIED", ad_personalization: "DENIED" });
    const told = tiktok.events.find((one) => one.event_id === event);
    assert.deepEqual([told?.limited_data_use, told?.user.ttclid], [true, undefined]);
  });

  test("are tried again, mended or set aside as their answers say", async () => {
    const code = (/** @type {number} */ number) => ({ status: 200, body: { code: number } });
    /** @type {[keyof typeof to, any, import("./support/platform.mjs").Failure, string][]} */
    const failures = [
      ["tiktok", tiktok, code(40100), "pending"], ["tiktok", tiktok, code(50000), "pending"],
      ["tiktok", tiktok, { status: 200, body: "<html>" }, "pending"],
      ["tiktok", tiktok, { status: 200, body: "", endless: true }, "pending"],
      ["tiktok", tiktok, { status: 429, headers: { "retry-after": "120" } }, "pending"],
      ["tiktok", tiktok, code(40105), "set_aside"], ["tiktok", tiktok, code(40002), "set_aside"],
      ["segment", segment, { status: 200, body: { success: false } }, "pending"],
      ["segment", segment, { status: 401 }, "set_aside"],
      ["segment", segment, { status: 400, body: {} }, "set_aside"],
      ["ga4", ga4, { status: 500, body: "<html>" }, "pending"],
      ["ga4", ga4, { status: 422 }, "set_aside"],
      ["google_ads", google, { status: 503 }, "pending"],
      ["google_ads", google, { status: 403 }, "set_aside"],
    ];
    for (const [kind, platform, failure, state] of failures) {
      await healthy();
      platform.fail(1, failure);
      const { event } = await sell();
      const tried = await delivery(event, to[kind],
        (row) => row.last_status !== null && row.state !== "delivered");
      assert.equal(tried.state, state, `${kind} ${JSON.stringify(failure)}`);
      await world.stack.sql("UPDATE destinations SET paused_until = 0, failures = 0");
      if (state === "pending") await delivery(event, to[kind], is("delivered"));
    }
  });

  test("one bad event of a batch does not take the others with it", async () => {
    await world.stack.sql("UPDATE destinations SET paused_until = 9000000000000000");
    const batch = [await sell(), await sell(), await sell()];
    await world.folded();
    const known = tiktok.requests.length;
    tiktok.fail(1, { status: 200, body: { code: 40002, message: "Batch.1.event_time" } });
    await world.stack.sql("UPDATE destinations SET paused_until = 0");
    for (const { event } of batch) await delivery(event, to.tiktok, is("delivered"));
    const sizes = tiktok.requests.slice(known).map((one) => one.json.data.length);
    assert.ok((sizes[0] ?? 0) > 1, `one batch: ${sizes}`);
    assert.equal(sizes.slice(1).reduce((all, one) => all + one, 0), sizes[0], "then its halves");
  });

  test("Google is asked until it knows, and what it then says counts", async () => {
    google.takeTime(2);
    const slow = await sell();
    const row = await delivery(slow.event, to.google_ads, is("delivered"));
    assert.ok(row.attempts >= 4, `sent, asked three times: ${row.attempts}`);
    google.takeTime(0);
    const bodies = google.requests.filter((one) => one.text.includes(`"${slow.id}"`));
    assert.equal(bodies.length, 1, "asked about, not sent again");
    for (const [reason, state] of [["INVALID_GCLID", "set_aside"], ["EVENT_TOO_OLD", "expired"],
      ["DUPLICATE_TRANSACTION_ID", "delivered"]]) {
      await world.quiet();
      google.failToProcess(String(reason));
      const { event } = await sell();
      await delivery(event, to.google_ads, is(String(state)));
    }
    await world.quiet();
    google.failToProcess("TOO_RECENT_CLICK");
    const { event } = await sell();
    await delivery(event, to.google_ads, (one) => one.last_status === 200 || one.attempts > 0);
    const late = await delivery(event, to.google_ads,
      (one) => String(one.last_error).includes("TOO_RECENT_CLICK"),
      async () => (await world.rows("deliveries")).some((one) => one.event === event
        && String(one.last_error).includes("TOO_RECENT")) || world.hasten());
    assert.ok(Date.parse(late.next_at) > Date.now() + 5 * HOUR_S * 1000, "some hours later");
    await delivery(event, to.google_ads, is("delivered"));
    const tokens = google.requests.filter((one) => one.url.pathname === "/token");
    assert.ok(tokens.length < 5, `tokens are kept: ${tokens.length}`);
  });

  test("Google's two take a test that counts nothing", async () => {
    const known = [ga4.events.length, google.conversions.size];
    const tried = await world.must("POST", `destinations/${to.ga4.id}/test`, { sample: "sale" });
    assert.deepEqual([tried.outcome, tried.answer.status], ["delivered", 200]);
    assert.match(tried.request.url, /\/debug\/mp\/collect\?.*api_secret=\[redacted\]$/);
    const checked = await world.must("POST", `destinations/${to.google_ads.id}/test`,
      { sample: "lead" });
    assert.equal(checked.outcome, "accepted");
    assert.match(checked.request.body, /"validateOnly":true/);
    assert.equal(checked.request.headers.authorization, "[redacted]");
    assert.deepEqual([ga4.events.length, google.conversions.size], known);
  });

  test("never see a person in clear, and nothing that they would drop", async () => {
    await world.folded();
    const out = Object.entries({ ga4, google, tiktok, segment }).map(([kind, platform]) =>
      [kind, platform.requests.map((one) => `${one.url} ${one.text}`).join("\n").toLowerCase()]);
    const forms = (/** @type {string} */ word) => [word.toLowerCase(),
      encodeURIComponent(word).toLowerCase(), Buffer.from(word).toString("base64").toLowerCase()];
    for (const [kind, text] of out) {
      for (const word of [MAIL, "ada.canary", PHONE, "6505551212", NAME, "lovelace", IP]) {
        for (const form of forms(word)) assert.ok(!text?.includes(form), `${kind}: ${form}`);
      }
      if (kind !== "segment") assert.ok(!text?.includes("customer-"), `${kind}: customer id`);
      if (kind !== "tiktok") assert.ok(!text?.includes("e.c.p."), `${kind}: TikTok's click id`);
      if (kind !== "google") assert.ok(!text?.includes("cj0-ab_c"), `${kind}: Google's click id`);
    }
    for (const [kind, text] of out.filter(([kind]) => kind === "ga4" || kind === "segment")) {
      assert.ok(!/"[0-9a-f]{64}"/.test(String(text)), `${kind} gets no hash`);
    }
    assert.deepEqual([ga4.dropped, segment.dropped], [[], []]);
  });
});
