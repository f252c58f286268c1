/** People and shop together, on real workerd and its D1: what each call does to the ledger. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PLAN, eventually, postApart, problemOf, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Row} Row */

const CUSTOMER = "customer-of-the-walk";
const MAIL = "person@mail.example";

describe("a customer's life, and what people decide about it", () => {
  /** @type {Ready} */ let world;
  /** @type {string} */ let saleId;
  before(async () => {
    world = await startReady({
      program: { plan: { ...PLAN, renewal: { rate_bps: 500 }, payout_currency: "USD" } },
    });
  });
  after(() => world.stop());

  const money = { currency: "usd" };

  /** What Boris has, in cents, once all is folded. */
  const boris = async () => (await world.balances())[`${world.program.boris.id} USD`] ?? 0;

  /** The event, once its decision fits. @param {string} id @param {(event: Row) => boolean} fits */
  const decided = (id, fits) => eventually("the decision follows", async () => {
    const event = await world.must("GET", `events/${id}`);
    return event.decision && fits(event) ? event : undefined;
  });

  test("a sale with a code is the partner's whose code it is", async () => {
    const { id: program, boris: { id: partner } } = world.program;
    const code = await world.must("POST", "codes", { program, partner, code: "Tee 25%+ß" });
    assert.equal(code.code, "Tee 25%+ß");
    const again = { program, partner: world.program.anna.id, code: "TEE 25%+SS" };
    assert.equal(problemOf(await world.api("POST", "codes", again)).code, "already_exists");
    const sale = await world.accepted("sale", {
      ...money, customerExternalId: CUSTOMER, customerEmail: MAIL, invoiceId: "walk-1",
      amount: 10_000, code: "tee 25%+ss", subscriptionId: "walk-sub",
      lines: [{ sku: "tea", amount: 8_000, quantity: 4 }, { sku: "cup", amount: 2_000 }],
    });
    saleId = sale.eventId;
    assert.equal(await boris(), 1_000);
    const { decision } = await world.must("GET", `events/${saleId}`);
    assert.deepEqual([decision.rule, decision.reason], ["code", "credited"]);
    assert.match(decision.sentence, /Boris earns 10\.00 USD, because the code Tee 25%\+ß came with it/);
  });

  test("a renewal is found by its subscription, a refund by its line", async () => {
    const { results } = await world.accepted("batch", { events: [
      { ...money, type: "renewal", invoiceId: "walk-2", amount: 10_001,
        subscriptionId: "walk-sub" },
      { type: "refund", refundId: "walk-r", invoiceId: "walk-1",
        lines: [{ sku: "tea", quantity: 1 }] },
      { type: "milestone", eventName: "activation", customerExternalId: CUSTOMER },
      { type: "cancellation", subscriptionId: "walk-sub" },
    ] });
    assert.deepEqual(results.map((/** @type {Row} */ one) => one.status), [200, 200, 200, 200]);
    assert.equal(await boris(), 1_000 + 500 - 200);
  });

  test("a chargeback takes the renewal back, a won dispute restores it", async () => {
    const dispute = { disputeId: "walk-d", invoiceId: "walk-2" };
    await world.accepted("chargeback", dispute);
    assert.equal(await boris(), 800);
    await world.accepted("dispute_won", dispute);
    assert.equal(await boris(), 1_300);
  });

  test("a batch says of each event what came of it", async () => {
    const answer = await world.track("batch", { events: [
      { ...money, type: "sale", customerExternalId: "other", invoiceId: "walk-1", amount: 1 },
      { type: "nothing" },
      { ...money, type: "deal", customerExternalId: "other", invoiceId: "walk-9", amount: 1,
        partnerId: "pn_00000000000z" },
    ] });
    assert.equal(answer.status, 207);
    const codes = answer.json().results.map((/** @type {Row} */ one) => [one.status, one.code]);
    assert.deepEqual(codes,
      [[409, "conflict"], [422, "validation_failed"], [422, "validation_failed"]]);
    const large = await world.track("batch", { events: [], x: "y".repeat(100_000) });
    assert.equal(problemOf(large).code, "validation_failed", "longer than other bodies may be");
    const larger = await postApart(world.stack, "/api/v1/track/batch",
      { key: world.program.keys.track.key, body: { events: [], x: "y".repeat(300_000) } });
    assert.equal(problemOf(larger).code, "body_too_large");
  });

  test("a person holds, rejects and approves, and takes it back", async () => {
    /** @param {string} action */
    const rule = (action) => world.must("POST", `events/${saleId}/${action}`, { reason: "seen" });
    await rule("hold");
    await decided(saleId, (event) => event.decision.status === "held");
    const open = (await world.rows("reviews")).find((row) => row.key === "walk-1");
    assert.equal(open?.ruling.reason, "seen");
    await rule("reject");
    const rejected = await decided(saleId, (event) => event.decision.status === "rejected");
    assert.equal(rejected.rulings.length, 2);
    // The renewal follows the sale with which its subscription began.
    assert.equal(await boris(), 0);
    await rule("approve");
    await decided(saleId, (event) => event.decision.status === "clear");
    assert.equal(await boris(), 1_300);
    await rule("clear");
    await decided(saleId, (event) => event.decision.ruling.action === "clear");
    assert.deepEqual(await world.rows("reviews"), []);
  });

  test("a sale in another currency waits for its rate", async () => {
    const before_ = await boris();
    const sale = { customerExternalId: "abroad", invoiceId: "walk-e", amount: 1_000,
      currency: "eur", code: "tee 25%+ss" };
    const { eventId } = await world.accepted("sale", sale);
    const waiting = await decided(eventId, () => true);
    assert.deepEqual(waiting.decision.review, ["rate_missing"]);
    const at = new Date(Date.now() - 86_400_000).toISOString();
    const rates = [{ from: "EUR", to: "USD", rate: "1.0842", at }];
    await world.must("POST", "rates", { rates });
    const paid = await decided(eventId, (event) => event.decision.status === "clear");
    assert.equal(paid.decision.rates[0].rate, "1.0842");
    assert.deepEqual(paid.decision.credits[0].payout, [{ amount: 108, currency: "USD" }]);
    const other = [{ ...rates[0], rate: "1.1" }];
    const refused = await world.api("POST", "rates", { rates: other });
    assert.deepEqual(problemOf(refused).errors, [["/rates/0/rate", "already_known"]]);
    assert.equal(await boris(), before_ + 108, "it is paid in dollars");
  });

  test("a click that was no person's earns nothing, until that is taken back", async () => {
    const { token } = await world.click("/go/anna");
    const sale = { ...money, customerExternalId: "clicked", invoiceId: "walk-c", amount: 1_000,
      clickId: token };
    const { eventId } = await world.accepted("sale", sale);
    const { decision } = await decided(eventId, () => true);
    const path = `clicks/${decision.touches[0].nonce}/reclassify`;
    /** @param {string | null} class_ */
    const say = (class_) => world.must("POST", path,
      { program: world.program.id, class: class_, reason: "logs" });
    await say("crawler");
    await decided(eventId, (event) => event.decision.reason === "no_eligible_touch");
    await say(null);
    await decided(eventId, (event) => event.decision.credits.length === 1);
  });

  test("a partner who buys through the own code is looked at, by pseudonyms alone", async () => {
    const path = `partners/${world.program.boris.id}`;
    const partner = await world.must("PATCH", path, { email: MAIL, kind: "coupon" });
    assert.deepEqual([partner.identities, partner.kind], [1, "coupon"]);
    await decided(saleId, (event) => event.decision.review?.includes("self_referral"));
    assert.ok(!(await world.dump()).includes("mail.example"));
  });

  test("what is exported can be erased, and the money stays", async () => {
    const named = { program: world.program.id, customerExternalId: CUSTOMER };
    const known = await world.must("POST", "customers/export", named);
    assert.equal(known.data.length, 7);
    const balances = await world.balances();
    const entries = await world.rows("ledger");
    const done = await world.must("POST", "customers/erase", named);
    assert.equal(done.events, 7);
    const dump = await world.dump();
    for (const text of [known.customer, CUSTOMER]) assert.ok(!dump.includes(text), text);
    await world.stack.sql("UPDATE facts SET state = 'pending' WHERE state = 'folded'");
    await world.stack.cron();
    assert.deepEqual(await world.balances(), balances);
    assert.deepEqual(await world.rows("ledger"), entries);
    await decided(saleId, (event) => event.decision.review?.includes("self_referral"));
    await world.accepted("sale", { ...money, customerExternalId: CUSTOMER, invoiceId: "walk-1",
      amount: 10_000, lines: [{ sku: "tea", amount: 8_000, quantity: 4 },
        { sku: "cup", amount: 2_000 }] });
    assert.deepEqual(await world.balances(), balances, "a repeat is still one");
    await world.accepted("refund", { refundId: "walk-late", invoiceId: "walk-1" });
    assert.equal(await boris(), 500 + 108, "a late refund finds its sale");
    const again = await world.must("POST", "customers/erase", named);
    assert.equal(again.events, 0);
  });
});
