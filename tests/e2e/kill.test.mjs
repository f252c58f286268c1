import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { newRootSecret } from "../../tools/stack.mjs";
import { Office } from "./support/office.mjs";
import { RULES, Traffic, check, randomOf, send } from "./support/traffic.mjs";
import { makeProgram, ready, startProduct } from "./support/world.mjs";

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 5);
const SENDERS = 8;
const ROUND_MS = 1_500;

test(`what was accepted survives ${ROUNDS} kills under load, once each`, async (t) => {
  const persist = await mkdtemp(path.join(tmpdir(), "throughline-kill-"));
  const rootSecret = newRootSecret();
  /** @type {import("./support/world.mjs").Stack | undefined} */ let stack;
  t.after(async () => {
    await stack?.dispose();
    await rm(persist, { recursive: true, force: true });
  });
  const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`KILL_SEED=${seed}`);
  stack = await startProduct({ persist, rootSecret });
  const admin = String((await stack.setup())?.key);
  const program = await makeProgram(stack, admin, { plan: RULES });
  const first = ready(stack, admin, program);
  const tokens = [(await first.click("/go/anna")).token, (await first.click("/go/boris")).token];
  const traffic = new Traffic(seed, tokens, program.anna.id);
  const office = new Office(randomOf(seed + 1));
  let before_ = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const world = ready(stack, admin, program);
    const signal = { stop: false };
    const senders = Array.from({ length: SENDERS }, () => send(world, traffic, signal));
    senders.push(office.work(world, signal));
    // The load itself is the point, for a different time in each round.
    await pause(ROUND_MS * (0.5 + traffic.random()));
    await stack.kill();
    signal.stop = true;
    await Promise.all(senders);
    assert.ok(traffic.accepted.size > before_, "the load was accepted before the kill");
    before_ = traffic.accepted.size;
    stack = await startProduct({ persist, rootSecret });
    await stack.cron();
    const after = ready(stack, admin, program);
    await check(after, traffic);
    await office.check(after);
  }
  const kinds = new Set([...traffic.accepted].map(({ kind }) => kind));
  assert.equal(kinds.size, 10, `every kind was in the load: ${[...kinds].join(" ")}`);
  for (const [what, ids] of Object.entries(office.done)) {
    assert.ok(ids.length > 0, `something was ${what}`);
  }
  t.diagnostic(`${traffic.accepted.size} of ${traffic.made.length} reports accepted`);
});
