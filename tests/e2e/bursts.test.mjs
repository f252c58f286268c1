import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  PRODUCERS, madeClick, messageOf, messagesOf, sendAll,
} from "./support/click_messages.mjs";
import { eventually, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

describe("bursts of clicks", () => {
  /** @type {Ready} */ let world;
  /** @type {string} */ let link;
  let made = 0;
  before(async () => {
    world = await startReady({ options: { queueProducers: PRODUCERS } });
  });
  after(() => world.stop());
  beforeEach(async () => {
    const { id, anna, host, target } = world.program;
    made += 1;
    ({ id: link } = await world.must("POST", "links",
      { program: id, partner: anna.id, host, slug: `burst-${made}`, target }));
    await world.stack.sql("DELETE FROM dead_letters");
  });

  /** @param {Record<string, number>} wanted */
  async function counted(wanted) {
    const [expected] = Object.values(wanted);
    await eventually(`${expected} clicks are counted`,
      async () => ((await world.clicks(link)).human ?? 0) >= expected, 60_000);
    assert.deepEqual(await world.clicks(link), wanted);
  }

  const letters = async () => (await world.must("GET", "dead_letters")).data;

  /** While `work` runs, D1 refuses to pack this click. @param {string} key
   * @param {() => Promise<void>} work */
  async function refusing(key, work) {
    await world.stack.sql(`CREATE TRIGGER poison BEFORE INSERT ON click_packs
      WHEN instr(new.visits, '${key}') BEGIN SELECT RAISE(ABORT, 'constraint failed: test'); END`);
    try {
      await work();
    } finally {
      await world.stack.sql("DROP TRIGGER poison");
    }
  }

  test("7,000 within seconds, by requests", async () => {
    const path = `/go/burst-${made}`;
    let left = 7_000;
    const visitor = async () => {
      while (left > 0) {
        left -= 1;
        assert.equal((await world.visit(path)).status, 302);
      }
    };
    await Promise.all(Array.from({ length: 100 }, visitor));
    await counted({ human: 7_000 });
    assert.deepEqual(await letters(), []);
  });

  for (const count of [7_000, 20_000]) {
    test(`${count} at once, of which nothing is counted twice`, async () => {
      await sendAll(world, "CLICKS", messagesOf(world, link, count));
      await counted({ human: count });
      const [{ bytes }] = await world.stack.sql(
        "SELECT max(octet_length(visits)) AS bytes FROM click_packs");
      assert.ok(bytes < 128_000, `${bytes} bytes in a row`);
      assert.deepEqual(await letters(), []);
    });
  }

  for (const binding of ["CLICKS", "DEAD"]) {
    test(`one that D1 refuses takes no other of ${binding} with it, and is kept`, async () => {
      const bad = madeClick(world, link);
      const good = Array.from({ length: 99 }, () => messageOf([madeClick(world, link)]));
      await refusing(bad.key, async () => {
        await sendAll(world, binding,
          [...good.slice(0, 50), messageOf([bad]), ...good.slice(50)]);
        await counted({ human: 99 });
        await eventually("the bad one is kept", async () => (await letters()).length > 0);
      });
      const [kept, ...others] = await letters();
      assert.deepEqual(others, []);
      assert.equal(kept.queue, `throughline-${binding.toLowerCase()}`);
      assert.equal(kept.reason, "refused");
      assert.equal(kept.bytes, messageOf([bad]).length);
      const again = await world.must("POST", `dead_letters/${kept.id}/retry`, {});
      assert.deepEqual(again, { id: kept.id, left: null });
      await counted({ human: 100 });
      assert.deepEqual(await letters(), []);
    });

    test(`what cannot be read in ${binding} is kept`, async () => {
      const wrong = ["", "{", "[]", '{"sent":1}', '{"intake":{}}'];
      const mixed = JSON.stringify(
        { sent: Date.now(), visits: [madeClick(world, link), { kind: "click" }] });
      await sendAll(world, binding, [...wrong, mixed, messageOf([madeClick(world, link)])]);
      await counted({ human: 2 });
      await eventually("they are kept", async () => (await letters()).length >= 6);
      const reasons = (await letters()).map((/** @type {any} */ letter) => letter.reason);
      assert.deepEqual(reasons.sort(), ["not_json", "not_json", "unreadable", "unreadable",
        "unreadable", "visits_unreadable"]);
    });
  }
});
