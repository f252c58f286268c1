import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { D1_LIMITS } from "../../tools/gate.mjs";
import { startFaultyServices } from "./support/faulty.mjs";
import { eventually, makeProgram, ready, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

/** The guest's nights: each a milestone with a click of its own. */
const NIGHTS = 160;
const AT_ONCE = 20;

describe("one customer with a long history", () => {
  /** @type {Awaited<ReturnType<typeof startFaultyServices>>} */ let faults;
  /** @type {Ready} */ let world;
  /** @type {Ready} */ let other;
  before(async () => {
    faults = await startFaultyServices();
    world = await startReady(faults.proxies);
    const program = await makeProgram(world.stack, world.admin, {
      name: "Other", hosts: ["other.localhost"], target_hosts: ["other.localhost"],
    });
    other = ready(world.stack, world.admin, program);
  });
  after(async () => {
    await world?.stop();
    await faults?.close();
  });

  /** @param {number} number */
  async function night(number) {
    const { token } = await world.click(["/go/anna", "/go/boris"][number % 2]);
    await world.accepted("milestone", {
      customerExternalId: "guest", eventName: "night", eventId: `n${number}`, clickId: token,
    });
  }

  /** Bytes of the largest parameter that the Worker gave D1. */
  function largest() {
    const sizes = faults.d1.calls.flatMap(({ body }) => [JSON.parse(body ?? "[]")].flat())
      .flatMap(({ params = [] }) => params)
      .map((/** @type {unknown} */ param) => Buffer.byteLength(String(param)));
    return Math.max(...sizes);
  }

  test("160 clicks and then an older one: it is folded, and so is everybody else", async () => {
    const older = await world.click("/go/boris");
    for (let number = 0; number < NIGHTS; number += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, place) => night(number + place)));
    }
    await world.folded();
    faults.d1.reset();
    const began = Date.now();
    await world.accepted("sale", {
      customerExternalId: "guest", invoiceId: "g1", amount: 9999, currency: "usd",
      clickId: older.token,
    });
    const { token } = await other.click("/go/anna");
    await other.accepted("sale", {
      customerExternalId: "somebody", invoiceId: "s1", amount: 5000, currency: "usd",
      clickId: token,
    });
    await world.folded();
    console.log(`folded in ${Date.now() - began} ms, ${largest()} bytes at most`);
    assert.deepEqual(await other.balances(), { [`${other.program.anna.id} USD`]: 500 });
    assert.equal((await world.rows("events")).length, NIGHTS + 1);
    /** @type {any} */ let status;
    // Clicks that are stored after their events have these folded again.
    await eventually("nothing waits", async () => {
      status = await world.must("GET", "status");
      return status.pending === 0;
    });
    assert.deepEqual([status.set_aside, status.oldest_pending_seconds], [0, null]);
    const decisions = await world.stack.sql(
      "SELECT max(revision) AS revisions, sum(octet_length(body)) AS bytes FROM decisions");
    assert.ok(decisions[0].bytes > D1_LIMITS.text, "more than one parameter could hold");
    assert.ok(decisions[0].revisions > 1, "the older click is told");
    assert.ok(largest() < D1_LIMITS.text / 3, `${largest()} bytes`);
  });

  test("what can never be folded holds up nobody, and is told", async () => {
    await world.stack.sql(`CREATE TRIGGER poison BEFORE INSERT ON decisions
      WHEN new.body ->> 'key' = 'poison'
      BEGIN SELECT RAISE(ABORT, 'constraint failed: test'); END`);
    /** @param {Ready} shop @param {string} name */
    const sell = (shop, name) => shop.accepted("sale",
      { customerExternalId: name, invoiceId: name, amount: 5000, currency: "usd" });
    await sell(world, "poison");
    await Promise.all(Array.from({ length: 10 }, (_, place) => sell(other, `o${place}`)));
    await world.folded();
    const status = await world.must("GET", "status");
    assert.equal(status.set_aside, 1);
    const [{ event, reason, retry_at: again }, ...others] = status.events_set_aside;
    assert.deepEqual([reason, others], ["fold_failed", []]);
    assert.ok(Date.parse(again) > Date.now());
    const told = await world.must("GET", `events/${event}`);
    assert.deepEqual([told.state, told.aside], ["set_aside", "fold_failed"]);
    await world.stack.sql("DROP TRIGGER poison");
    await world.stack.sql("UPDATE facts SET retry_at = 1 WHERE state = 'set_aside'");
    await world.stack.cron();
    await world.folded();
    assert.equal((await world.must("GET", "status")).set_aside, 0);
  });

  test("an operator is told when the fold lags behind", async () => {
    await world.accepted("sale",
      { customerExternalId: "late", invoiceId: "late", amount: 5000, currency: "usd" });
    await world.folded();
    await world.stack.sql("DELETE FROM decisions WHERE body ->> 'key' = 'late'");
    await world.stack.sql("UPDATE facts SET state = 'pending', received_at = received_at - 600000"
      + " WHERE key = 'late'");
    await world.stack.cron();
    await world.folded();
    const told = world.stack.logs.filter((line) => line.includes("ledger lag: the oldest pending"));
    assert.equal(told.length, 1, told.join());
  });
});
