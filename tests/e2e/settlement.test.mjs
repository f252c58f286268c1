/** Settlements, payouts, states and what-if on workerd's D1: the same SQL as in the native tests. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, startReady } from "./support/world.mjs";

/** @type {Awaited<ReturnType<typeof startReady>>} */
let world;

before(async () => {
  const each = { flat: { amount: 5, currency: "USD" } };
  world = await startReady({
    program: {
      plan: { window_days: 30, sale: { rate_bps: 1000 }, click: each,
        caps: { partner: { amount: 250, currency: "USD" }, clicks: "none" } },
    },
  });
});
after(() => world.stop());

test("a sale is settled within the cap, paid once, and can be asked about", async () => {
  const { token } = await world.click();
  // The sale is decided once: its click is stored before it comes.
  await eventually("the click is stored", async () => (await world.clicks()).human === 1);
  const sale = { customerExternalId: "u1", amount: 3_000, currency: "usd", invoiceId: "o1",
    clickId: token, occurredAt: Math.floor(Date.now() / 1000) + 30 };
  const { eventId } = await world.accepted("sale", sale);
  await world.folded();
  const program = world.program.id;
  const partner = world.program.anna.id;
  await world.stack.sql("UPDATE decisions SET body = json_set(body, '$.hold_until', 0)");
  const settled = await world.must("POST", "settlements", { program });
  assert.deepEqual(settled.settlements[0].sums, [{ partner, currency: "USD", amount: 250 }]);
  const { lines } = await world.must("GET", `settlements/${settled.settlements[0].id}`);
  assert.deepEqual(lines.data.map((/** @type {any} */ line) => line.kind), ["cap", "commission"]);
  const event = await world.must("GET", `events/${eventId}`);
  assert.equal(event.earnings[0].state, "payable");
  const body = { program, reference: "SEPA 1", id: "one" };
  const paid = await world.must("POST", "payouts", body);
  assert.equal(paid.payouts[0].amount, 250);
  const again = await world.must("POST", "payouts", body);
  assert.equal(again.payouts[0].id, paid.payouts[0].id);
  assert.equal((await world.api("POST", "payouts", { ...body, id: "two" })).status, 409);
  const [balance] = await world.rows("balances");
  assert.deepEqual([balance.amount, balance.paid, balance.total, balance.payable], [0, 250, 250, 0]);
  const states = async () => (await world.rows("earnings")).map((row) => row.state);
  assert.deepEqual(await states(), ["paid", "paid"]);

  // It was booked wrongly: taken back once, and paid again.
  const path = `payouts/${paid.payouts[0].id}`;
  const voided = await world.must("POST", `${path}/void`, { reason: "wrong account" });
  assert.equal(voided.void.reason, "wrong account");
  assert.deepEqual(await states(), ["payable", "payable"]);
  const twice = await world.api("POST", `${path}/void`, { reason: "again" });
  assert.deepEqual([twice.status, twice.json().code], [409, "state_unfit"]);
  const anew = await world.must("POST", "payouts", { ...body, id: "three" });
  assert.equal(anew.payouts[0].amount, 250);
  const [after_] = await world.rows("balances");
  assert.deepEqual([after_.amount, after_.paid, after_.total, after_.payable], [0, 250, 250, 0]);
  const booked = (await world.rows("ledger")).map((row) => [row.kind, row.amount, row.reason]);
  assert.deepEqual(booked.slice(-3),
    [["payout", -250, "payout"], ["payout", 250, "void"], ["payout", -250, "payout"]]);
});

test("a month that ended is closed by cron once, with its clicks", async () => {
  const { id, anna } = world.program;
  const last = new Date();
  last.setUTCDate(0);
  const day = last.toISOString().slice(0, 10);
  for (const [class_, count] of [["human", 7], ["confirmed", 9]]) {
    await world.stack.sql(`INSERT INTO click_rollups (program, day, link, partner, class, count)
      VALUES ('${id}', '${day}', '${anna.link}', '${anna.id}', '${class_}', ${count})`);
  }
  await world.stack.sql("UPDATE programs SET created_at = 0");
  await world.stack.cron();
  await world.stack.cron();
  const rows = (await world.rows("settlements")).filter((row) => row.actor === "cron");
  assert.deepEqual(rows.map((row) => [row.entries, row.left]), [[1, 0]]);
  assert.deepEqual(rows[0].sums, [{ partner: anna.id, currency: "USD", amount: 35 }]);
});

test("a replay gives what is booked, another plan something else", async () => {
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const range = { program: world.program.id, from: "2020-01-01T00:00:00Z", until };
  const replay = await world.must("POST", "what-if", range);
  const [row] = replay.partners;
  assert.equal(row.now, row.then);
  const plan = { window_days: 30, sale: { rate_bps: 2000 } };
  const tried = await world.must("POST", "what-if", { ...range, plan });
  assert.equal(tried.partners[0].difference, 300);
  assert.equal(tried.examples.length, 1);
});
