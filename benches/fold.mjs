/**
 * What folding costs: natively (benches/fold, by cargo), and through the whole product on D1
 * (Miniflare), where the round trips of a batch are counted at the binding.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ROOT, Stop, dim } from "../tools/console.mjs";
import { startReady } from "../tests/e2e/support/world.mjs";
import { startCounter } from "./counter.mjs";
import { cpuTime, median } from "./cpu.mjs";

const BATCH = 100;

/**
 * @typedef {Record<string, number>} Fold
 * @typedef {Awaited<ReturnType<typeof startReady>>} World
 */

/** @param {boolean} quick @returns {Promise<Fold>} */
async function native(quick) {
  console.log(dim("fold: natively (builds first; a million customers take some minutes)"));
  const args = ["bench", "--bench", "fold", ...(quick ? ["--", "--quick"] : [])];
  const { stdout } = await promisify(execFile)("cargo", args, { cwd: ROOT });
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Stop("benches/fold gave no numbers");
  return JSON.parse(line);
}

/**
 * A hundred events of every kind, of 20 customers, what takes back before what it is about.
 * @param {World} world @param {number} round
 */
async function send(world, round) {
  const { token } = await world.click("/go/anna");
  const at = Math.floor(Date.now() / 1000) - 60;
  for (let customer = 0; customer < BATCH / 5; customer++) {
    const own = (/** @type {string} */ name) => `${name}${round}.${customer}`;
    const common = { customerExternalId: own("u"), currency: "usd", subscriptionId: own("s") };
    const events = [
      ["refund", { refundId: own("r"), invoiceId: own("o"), amount: 500, currency: "usd" }],
      ["renewal", { ...common, invoiceId: own("n"), amount: 990, occurredAt: at + 9 }],
      ["sale", { ...common, invoiceId: own("o"), amount: 4_900, occurredAt: at + 5,
        clickId: token }],
      ["cancellation", { customerExternalId: own("u"), subscriptionId: own("s") }],
      ["lead", { customerExternalId: own("u"), eventName: "Sign up", occurredAt: at }],
    ];
    for (const [kind, body] of events) await world.accepted(String(kind), body);
  }
}

/** @param {string} dir @param {number} rounds @returns {Promise<Fold>} */
async function onD1(dir, rounds) {
  console.log(dim("fold: on D1"));
  const counter = await startCounter();
  // Without consumers nothing is folded before the bench says so.
  const world = await startReady({
    ...counter.proxies, worker: dir, options: { queueConsumers: {} },
  });
  try {
    const worker = /** @type {any} */ (await world.stack.mf.getWorker("throughline"));
    const trips = [];
    const times = [];
    const cpu = [];
    for (let round = 0; round < rounds; round++) {
      await send(world, round);
      counter.take();
      const before = cpuTime(Number(world.stack.pid));
      const begun = performance.now();
      const wake = { id: `w${round}`, timestamp: new Date(), attempts: 1, body: '{"wake":true}' };
      const { outcome } = await worker.queue("throughline-work", [wake]);
      times.push(performance.now() - begun);
      cpu.push((cpuTime(Number(world.stack.pid)) - before) / 1000);
      if (outcome !== "ok") throw new Stop(`the consumer: ${outcome}`);
      trips.push(counter.take().d1_batches);
      const left = await world.stack.sql("SELECT 1 FROM facts WHERE state <> 'folded'");
      if (left.length > 0) throw new Stop(`${left.length} events were not folded`);
    }
    return {
      d1_round_trips_per_100_events: Math.max(...trips),
      fold_d1_events_per_second: Math.round((BATCH * 1000) / median(times)),
      fold_d1_cpu_ms_per_100_events: Number(median(cpu).toFixed(1)),
    };
  } finally {
    await world.stop();
    counter.close();
  }
}

/** @param {string} dir folder of the built Worker @param {boolean} quick */
export async function foldCosts(dir, quick) {
  return { ...await native(quick), ...await onD1(dir, quick ? 3 : 11) };
}
