/**
 * What clicks do at the bindings, counted on the whole product (Miniflare, real D1, KV and
 * queues): the redirect, the beacon of its landing, and both stored.
 *
 * - One by one: every visit is a message of its own, as in quiet isolates, and the consumer gets
 *   full batches, as it does from 20 visits a second on. The visits are made through the Worker;
 *   then each goes to the consumer by itself, a hundred in a batch.
 * - Gathered: 50 clicks a second in one isolate, with the consumer as wrangler.toml has it.
 * - Alone: one click that finds nothing in memory and shares no batch: the dearest there is.
 */
import { setTimeout as pause } from "node:timers/promises";
import { unstable_getMiniflareWorkerOptions as readWorkerOptions } from "wrangler";
import path from "node:path";
import { ROOT, Stop, dim } from "../tools/console.mjs";
import { startReady } from "../tests/e2e/support/world.mjs";
import { startCounter } from "./counter.mjs";
import { cpuTime } from "./cpu.mjs";

const QUEUE = "throughline-clicks";
const BATCH = 100;
const BATCHES = 6;
const RATE = 50;
const SECONDS = 10;
/** The consumer waits five seconds for a batch. */
const SETTLED_MS = 7_000;

/**
 * @typedef {import("./counter.mjs").Operations & { clicks: number, consumer_batches: number,
 *   cpu_ms: number }} Counted
 * @typedef {Awaited<ReturnType<typeof startReady>>} World
 * @typedef {{ one_by_one: Counted, gathered: Counted, alone: Counted }} Counts
 */

/** @param {World} world @param {number} visitor */
async function clickAndLand(world, visitor) {
  const ip = { "cf-connecting-ip": `100.${visitor >> 8 & 255}.${visitor & 255}.7` };
  const gesture = { ...ip, "sec-fetch-user": "?1" };
  const { token, cookie } = await world.click("/go/anna?gclid=Cj0KCQjw", gesture);
  const landed = await world.beacon({ n: "land", t: token, q: `?tl=${token}` }, {
    ...ip, cookie: String(cookie?.pair),
  });
  if (landed.status !== 200) throw new Stop(`the beacon was refused: ${landed.text}`);
}

/** How many visits of each class D1 counts. @param {World} world */
async function stored(world) {
  const rows = await world.stack.sql("SELECT class, sum(count) AS n FROM click_rollups GROUP BY 1");
  const counts = Object.fromEntries(rows.map((row) => [row.class, row.n]));
  return { clicks: counts.human ?? 0, landings: counts.confirmed ?? 0 };
}

/**
 * @param {World} world
 * @param {number} clicks
 */
async function allStored(world, clicks) {
  const deadline = performance.now() + 4 * SETTLED_MS;
  let found = await stored(world);
  while (found.landings < clicks || found.clicks < clicks) {
    if (performance.now() > deadline) {
      throw new Stop(`${clicks} clicks were made, stored are ${JSON.stringify(found)}`);
    }
    await pause(500);
    found = await stored(world);
  }
}

/** @param {string} dir folder of the built Worker */
export async function costs(dir) {
  console.log(dim("operations of clicks"));
  const counter = await startCounter();
  const { workerOptions } = readWorkerOptions(path.join(ROOT, "wrangler.toml"));
  const { queueConsumers } = /** @type {any} */ (workerOptions);
  const world = await startReady({
    ...counter.proxies, worker: dir, options: { queueConsumers },
  });
  const pid = Number(world.stack.pid);
  let clicks = 0;
  /**
   * @param {number} count
   * @param {number} batches
   * @param {() => Promise<void>} work
   * @returns {Promise<Counted>}
   */
  const counted = async (count, batches, work) => {
    counter.take();
    const before = cpuTime(pid);
    await work();
    await allStored(world, (clicks += count));
    const cpu = (cpuTime(pid) - before) / 1000;
    const operations = counter.take();
    const sent = batches || operations.d1_batches;
    return { ...operations, clicks: count, consumer_batches: sent, cpu_ms: cpu };
  };
  try {
    const alone = await counted(1, 0, () => clickAndLand(world, 0));
    const one_by_one = await counted((BATCH * BATCHES) / 2, BATCHES, () => oneByOne(world, counter));
    const gathered = await counted(RATE * SECONDS, 0, async () => {
      for (let second = 0; second < SECONDS; second++) {
        const until = pause(1_000);
        for (let n = 0; n < RATE; n++) await clickAndLand(world, 1_000 + second * RATE + n);
        await until;
      }
    });
    return { one_by_one, gathered, alone };
  } finally {
    await world.stop();
    counter.close();
  }
}

/**
 * Makes visits through the Worker, takes them before they reach the queue, and gives each to the
 * consumer as a message of its own.
 * @param {World} world
 * @param {import("./counter.mjs").Counter} counter
 */
async function oneByOne(world, counter) {
  counter.state.keeps = true;
  for (let n = 0; n < (BATCH * BATCHES) / 2; n++) await clickAndLand(world, 1 + n);
  const deadline = performance.now() + SETTLED_MS;
  const visits = () => counter.state.kept.flatMap((text) => JSON.parse(text).visits);
  while (visits().length < BATCH * BATCHES && performance.now() < deadline) await pause(100);
  counter.state.keeps = false;
  const all = visits();
  if (all.length !== BATCH * BATCHES) throw new Stop(`${all.length} visits were queued`);
  counter.take();
  // All of one minute: the more of it is stored, the more a batch may have to read.
  const sent = Date.now();
  const worker = /** @type {any} */ (await world.stack.mf.getWorker("throughline"));
  for (let from = 0; from < all.length; from += BATCH) {
    const messages = all.slice(from, from + BATCH).map((visit, place) => ({
      id: `message-${from + place}`, timestamp: new Date(), attempts: 1,
      body: JSON.stringify({ sent, visits: [visit] }),
    }));
    const { outcome } = await worker.queue(QUEUE, messages);
    if (outcome !== "ok") throw new Stop(`the consumer: ${outcome}`);
  }
}
