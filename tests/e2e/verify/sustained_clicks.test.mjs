/**
 * 2,000 clicks a second for a minute on one D1: the consumer keeps up, and each click is counted.
 * The messages are those of busy isolates, which gather for a second. `CLICKS` and `SECONDS` make
 * other runs of it.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PRODUCERS, messagesOf, sendAll } from "../support/click_messages.mjs";
import { eventually, startReady } from "../support/world.mjs";

const CLICKS = Number(process.env.CLICKS ?? 2_000);
const SECONDS = Number(process.env.SECONDS ?? 60);
/** How far the counts may be behind once the last click was sent. */
const BEHIND_MS = 15_000;
/** Clicks in a message, by how many isolates share them. */
const SHAPES = { "isolates that are busy": 125, "isolates that see few": 8 };

for (const [shape, each] of Object.entries(SHAPES)) {
  describe(`${CLICKS} clicks a second from ${shape}`, () => {
    /** @type {import("../support/world.mjs").Ready} */ let world;
    before(async () => {
      world = await startReady({ options: { queueProducers: PRODUCERS } });
    });
    after(() => world.stop());

    test(`are all counted, for ${SECONDS} s`, { timeout: 300_000 }, async () => {
      const { anna } = world.program;
      const begun = Date.now();
      let sent = 0;
      let late = 0;
      for (let second = 0; second < SECONDS; second += 1) {
        await sendAll(world, "CLICKS", messagesOf(world, anna.link, CLICKS, each));
        sent += CLICKS;
        const ahead = begun + (second + 1) * 1_000 - Date.now();
        if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
        else late = -ahead;
      }
      const took = Date.now() - begun;
      const last = Date.now();
      await eventually("all are counted",
        async () => ((await world.clicks(anna.link)).human ?? 0) >= sent, BEHIND_MS);
      console.log(`${sent} clicks in ${took} ms (sender ${late} ms late), all counted`
        + ` ${Date.now() - last} ms after the last`);
      assert.deepEqual(await world.clicks(anna.link), { human: sent });
      assert.deepEqual((await world.must("GET", "dead_letters")).data, []);
      assert.ok(took < SECONDS * 1_200, `they were sent in ${took} ms: too slowly to prove it`);
    });
  });
}
