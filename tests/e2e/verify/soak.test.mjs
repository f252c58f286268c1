import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { newRootSecret } from "../../../tools/stack.mjs";
import {
  GUEST_EVENTS, Guest, Visitors, Watch, cron, hostileSale, repeat, residentBytes,
} from "../support/soak.mjs";
import { RULES, Traffic, check, sendOnce } from "../support/traffic.mjs";
import { eventually, makeProgram, ready, startProduct } from "../support/world.mjs";

/** @typedef {import("../support/world.mjs").Ready} Ready */

const SECONDS = Number(process.env.SOAK_SECONDS ?? 600);
const part = (/** @type {number} */ share) => SECONDS * share * 1_000;
/** When workerd is killed, and when its memory is read, as parts of the whole: with ten minutes,
 * killed at minutes one and two, read at minutes three and ten. */
const KILLS = [0.1, 0.2];
const FIRST_READING = 0.3;
/** The oldest event that waits, at most: always, and until two minutes after a kill. */
const OLDEST_MS = 60_000;
const OLDEST_AFTER_KILL_MS = 120_000;
const GROWTH = 1.2;

/** All traffic of one stretch between two kills.
 * @param {Ready} world @param {{ stop: boolean }} signal @param {Traffic} traffic
 * @param {{ guest: Guest, visitors: Visitors, watch: Watch, hostile: { made: number } }} actors
 * @param {string} path of the visitors' link */
function load(world, signal, traffic, actors, path) {
  const { guest, visitors, watch, hostile } = actors;
  const merchants = repeat(signal, 100, () => sendOnce(world, traffic));
  const oversized = repeat(signal, 500, async () => {
    const report = hostileSale(traffic, hostile.made);
    hostile.made += 1;
    traffic.made.push(report);
    const answer = await world.track(report.kind, report.body);
    assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    if (answer.status === 200) traffic.accepted.add(report);
  });
  // Twice as fast as the guest needs, so that repeats after kills fit.
  const guestMs = part(1) / (GUEST_EVENTS / 20) / 2;
  return Promise.all([
    merchants, oversized, cron(world, signal), watch.look(world, signal),
    repeat(signal, guestMs, () => guest.buy(world, traffic)),
    repeat(signal, 50, () => visitors.come(world, path)),
    repeat(signal, 50, () => visitors.come(world, path)),
  ]);
}

test(`${SECONDS} seconds of everything lose nothing, double nothing and hold nothing up`,
  async (t) => {
    const persist = await mkdtemp(path.join(tmpdir(), "throughline-soak-"));
    const rootSecret = newRootSecret();
    /** @type {import("../support/world.mjs").Stack | undefined} */ let stack;
    t.after(async () => {
      await stack?.dispose();
      await rm(persist, { recursive: true, force: true });
    });
    const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
    t.diagnostic(`SOAK_SEED=${seed}`);
    stack = await startProduct({ persist, rootSecret });
    const admin = String((await stack.setup())?.key);
    const program = await makeProgram(stack, admin, { plan: RULES });
    const first = ready(stack, admin, program);
    const click = async (/** @type {string} */ path) => (await first.click(path)).token;
    const tokens = [await click("/go/anna"), await click("/go/boris")];
    const guest = new Guest([await click("/go/anna"), await click("/go/boris")]);
    const traffic = new Traffic(seed, tokens, program.anna.id, 300);
    const actors = {
      guest, visitors: new Visitors(), watch: new Watch(), hostile: { made: 0 },
    };
    const start = Date.now();
    const until = (/** @type {number} */ share) => pause(start + part(share) - Date.now());
    const kills = [];
    for (const share of KILLS) {
      const signal = { stop: false };
      const running = load(ready(stack, admin, program), signal, traffic, actors, "/go/boris");
      await Promise.race([until(share), running]);
      await stack.kill();
      kills.push(Date.now());
      signal.stop = true;
      await running;
      stack = await startProduct({ persist, rootSecret });
    }
    // Local queues forget what they held when workerd ends: clicks are counted on a link of the
    // last stretch.
    const world = ready(stack, admin, program);
    const { id: link } = await world.must("POST", "links", {
      program: program.id, partner: program.anna.id, host: program.host, slug: "last",
      target: program.target,
    });
    const last = { ...actors, visitors: new Visitors() };
    const signal = { stop: false };
    const running = load(world, signal, traffic, last, "/go/last");
    await Promise.race([until(FIRST_READING), running]);
    const early = residentBytes(world);
    await Promise.race([until(1), running]);
    const late = residentBytes(world);
    // A slow machine may need longer for the guest's events; all the rest goes on meanwhile.
    const guestIsDone = async () => {
      while (actors.guest.sent < GUEST_EVENTS && Date.now() < start + part(2)) await pause(1_000);
    };
    await Promise.race([guestIsDone(), running]);
    signal.stop = true;
    await running;
    t.diagnostic(`${traffic.accepted.size} reports, ${last.visitors.clicks} clicks of the last`
      + ` stretch, ${Math.round(early / 1e6)} MB, then ${Math.round(late / 1e6)} MB`);

    assert.equal(actors.guest.sent, GUEST_EVENTS, "the guest's events were all accepted");
    await check(world, traffic);
    await eventually("each click of the last stretch is counted", async () =>
      (await world.clicks(link)).human >= last.visitors.clicks);
    const counted = await world.clicks(link);
    assert.equal(counted.human, last.visitors.clicks, "once each");
    assert.equal(counted.confirmed, last.visitors.landings);
    checkAges(actors.watch, kills, t);
    assert.ok(late <= early * GROWTH, `memory grew from ${early} to ${late} bytes`);
  });

/** @param {Watch} watch @param {number[]} kills @param {import("node:test").TestContext} t */
function checkAges(watch, kills, t) {
  const afterKill = (/** @type {number} */ at) =>
    kills.some((kill) => at >= kill && at <= kill + OLDEST_AFTER_KILL_MS);
  const worst = { after: 0, else: 0 };
  for (const { at, oldestMs } of watch.seen) {
    const place = afterKill(at) ? "after" : "else";
    worst[place] = Math.max(worst[place], oldestMs);
  }
  t.diagnostic(`oldest event that waited: ${worst.else} ms, after a kill ${worst.after} ms`);
  assert.ok(watch.seen.length > SECONDS / 10, "somebody watched");
  assert.ok(worst.else <= OLDEST_MS, `${worst.else} ms`);
  assert.ok(worst.after <= OLDEST_AFTER_KILL_MS, `${worst.after} ms`);
}
