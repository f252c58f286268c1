import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Row} Row */

describe("what is accepted becomes money", () => {
  /** @type {Ready} */ let world;
  /** @type {string} */ let token;
  before(async () => {
    world = await startReady();
    ({ token } = await world.click());
  });
  after(() => world.stop());

  /** The events of a customer with what was booked for each, once all is folded.
   * @param {string} customer @returns {Promise<Record<string, { booked: number, row: Row }>>} */
  async function bookedFor(customer) {
    await world.folded();
    const [events, entries, decisions] = await Promise.all(
      ["events", "ledger", "decisions"].map(world.rows));
    const mine = events.filter((row) => row.key.startsWith(`${customer}-`));
    return Object.fromEntries(mine.map((row) => {
      const sum = entries.filter((entry) => entry.cause === row.id)
        .reduce((total, entry) => total + entry.amount, 0);
      const decision = decisions.find((one) => one.event === row.id);
      return [row.key.slice(customer.length + 1), { booked: sum, row: { ...row, ...decision } }];
    }));
  }

  /** @param {string} customer @param {object} [more] */
  const sale = (customer, more) => ["sale", {
    customerExternalId: customer, clickId: token, invoiceId: `${customer}-sale`, amount: 9999,
    currency: "usd", ...more,
  }];
  /** @param {string} customer @param {string} id @param {number} [amount] @param {object} [more] */
  const refund = (customer, id, amount, more) => ["refund", {
    refundId: `${customer}-${id}`, invoiceId: `${customer}-sale`,
    ...(amount === undefined ? {} : { amount, currency: "usd" }), ...more,
  }];
  /** @param {any[]} reports */
  async function report(...reports) {
    for (const [kind, body] of reports) await world.accepted(kind, body);
  }

  test("a sale that is reported again, also after its refund, is one sale", async () => {
    const again = [sale("twice"), sale("twice", { eventName: "Again", metadata: { a: 1 } })];
    const back = refund("twice", "back", 4000);
    await report(...again, back, ...again, back);
    const { sale: sold, back: returned, ...others } = await bookedFor("twice");
    assert.deepEqual([sold.booked, returned.booked], [999, -399]);
    assert.deepEqual(others, {});
  });

  test("any order of arrival comes to the same positions and decisions", async () => {
    const at = { occurredAt: new Date().toISOString() };
    /** @param {string} customer */
    const reports = (customer) => [
      sale(customer, at), refund(customer, "r1", 3333, at), refund(customer, "r2", 3333, at),
      refund(customer, "rest", undefined, at),
    ];
    const orders = { forth: [0, 1, 2, 3], back: [3, 2, 1, 0], mixed: [2, 0, 3, 2, 1, 0] };
    for (const [customer, order] of Object.entries(orders)) {
      const all = reports(customer);
      for (const place of order) {
        await report(all[place]);
        await world.folded();
      }
    }
    const results = await Promise.all(Object.keys(orders).map(async (customer) => {
      const found = await bookedFor(customer);
      return Object.fromEntries(Object.entries(found).map(([key, { booked, row }]) =>
        [key, [booked, row.amount, row.reason, row.state]]));
    }));
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
    const sum = Object.values(results[0]).reduce((total, [booked]) => total + Number(booked), 0);
    assert.equal(sum, 0, "what was given back entirely earns nothing");
    assert.deepEqual(Object.keys(results[0]).sort(), ["r1", "r2", "rest", "sale"]);
  });

  test("refunds above the sale, in another currency or of nothing take no more", async () => {
    await report(sale("odd"), refund("odd", "euro", 100, { currency: "eur" }),
      refund("odd", "most", 9000), refund("odd", "more", 9000), refund("odd", "rest"));
    const { sale: sold, euro, most, more, rest } = await bookedFor("odd");
    assert.equal(euro.row.reason, "refund_currency_differs");
    assert.equal(more.row.reason, "refund_above_sale");
    assert.deepEqual([sold.booked, euro.booked, rest.booked], [999, 0, 0]);
    assert.equal(most.booked + more.booked, -999);
    await report(["refund",
      { refundId: "odd-nothing", invoiceId: "never", amount: 5, currency: "usd" }]);
    const { nothing } = await bookedFor("odd");
    assert.deepEqual([nothing.row.state, nothing.booked], ["parked", 0]);
  });

  test("a lead pays once, and its customer's later sales need no token", async () => {
    const lead = { clickId: token, customerExternalId: "lead", eventName: "Sign up" };
    const before_ = await world.balances();
    await report(["lead", lead], ["lead", { ...lead, clickId: "" }], ["lead", lead],
      ["lead", { ...lead, eventName: "Demo booked" }],
      sale("lead", { clickId: undefined }), sale("lead-2", { clickId: undefined }));
    const position = `${world.program.anna.id} USD`;
    const gained = (await world.balances())[position] - before_[position];
    assert.equal(gained, 200 + 200 + 999);
    const found = (await world.rows("decisions")).find((row) => row.key === "lead-sale");
    assert.equal(found?.credits[0]?.partner, world.program.anna.id);
    assert.match(found?.sentence, /Anna earns 9\.99 USD.*shop\.localhost\/go\/anna.*30 days/);
  });

  test("the last touch before the event wins, and the others say why not", async () => {
    const first = await world.click("/go/boris");
    const second = await world.click("/go/anna", { cookie: first.cookie?.pair });
    // Later than a click that came too late to have brought anybody.
    const occurredAt = Math.floor(Date.now() / 1000) + 60;
    await report(sale("journal", { clickId: second.token, occurredAt }));
    await eventually("the click is found", async () => (await world.stack.sql(
      "SELECT 1 FROM facts WHERE key = 'journal-sale' AND awaits_click = 0 AND state = 'folded'",
    )).length === 1);
    const { sale: { row } } = await bookedFor("journal");
    /** @param {Row} touch */
    const short = ({ partner, verdict, share_bps: share = 0 }) => [partner, verdict, share];
    const { anna, boris } = world.program;
    assert.deepEqual(row.touches.map(short), [[boris.id, "no_share", 0], [anna.id, "won", 10000]]);
  });

  test("a sale without an id of its own gets one, and the answer says so", async () => {
    const body = { customerExternalId: "nameless", clickId: token, amount: 100, currency: "usd" };
    const [one, two] = [await world.accepted("sale", body), await world.accepted("sale", body)];
    for (const { idempotency } of [one, two]) {
      assert.equal(idempotency.from, "server");
      assert.match(idempotency.key, /^srv_[0-9a-f]{24}$/);
    }
    assert.notEqual(one.eventId, two.eventId, "without an id nobody can tell a repetition");
    const named = await world.accepted("sale", { ...body, invoiceId: " own-1 " });
    assert.deepEqual(named.idempotency, { key: "own-1", from: "invoiceId" });
  });

  test("currencies keep their own minor units", async () => {
    const customer = "abroad";
    for (const [currency, amount] of Object.entries({ jpy: 1005, kwd: 12_345, usd: 0 })) {
      await report(sale(customer, { currency, amount, invoiceId: `${customer}-${currency}` }));
    }
    const { jpy, kwd, usd } = await bookedFor(customer);
    assert.deepEqual([jpy.booked, kwd.booked, usd.booked], [100, 1234, 0]);
    assert.match(jpy.row.sentence, /of 1005 JPY/);
    assert.match(kwd.row.sentence, /of 12\.345 KWD/);
  });

  test("a partner who is suspended earns nothing from then on", async () => {
    const { id } = world.program.boris;
    const { token: theirs } = await world.click("/go/boris");
    await report(sale("soon", { clickId: theirs }));
    await world.must("PATCH", `partners/${id}`, { status: "suspended" });
    await report(sale("late", { clickId: theirs }));
    const [soon, late] = [await bookedFor("soon"), await bookedFor("late")];
    assert.equal(soon.sale.booked, 999);
    assert.equal(late.sale.booked, 0);
    assert.match(late.sale.row.sentence, /touch of Boris is of a suspended partner/);
    await world.must("PATCH", `partners/${id}`, { status: "active" });
  });

  test("one event shows its decision, entries and deliveries; entries add up", async () => {
    const { eventId } = await world.accepted("sale", sale("shown")[1]);
    await world.folded();
    const event = await world.must("GET", `events/${eventId}`);
    assert.deepEqual(event.entries.map((/** @type {Row} */ e) => [e.kind, e.amount]),
      [["commission", 999]]);
    assert.equal(event.decision.reason, "credited");
    assert.deepEqual(event.deliveries, []);
    assert.equal((await world.api("GET", "events/ev_nothing")).status, 404);
    const balances = await world.balances();
    /** @type {Record<string, number>} */ const sums = {};
    for (const { partner, currency, amount } of await world.rows("ledger")) {
      sums[`${partner} ${currency}`] = (sums[`${partner} ${currency}`] ?? 0) + amount;
    }
    assert.deepEqual(balances, sums);
  });
});
