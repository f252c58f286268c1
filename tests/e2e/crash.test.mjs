import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startFaultyServices } from "./support/faulty.mjs";
import { eventually, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Answer} Answer */

/** The build that crashes on purpose where a request asks for it. */
const WORKER = process.env.DRILL_WORKER_DIR ?? "target/worker-drill";
const LIMIT_MS = 5_000;
/** Few tries, so that a message that always crashes is given up within the test. */
const CONSUMER = { maxBatchSize: 100, maxBatchTimeout: 0.1, maxRetries: 3 };
const QUEUES = {
  "throughline-clicks": CONSUMER,
  "throughline-work": { ...CONSUMER, deadLetterQueue: "throughline-dead" },
  "throughline-dead": CONSUMER,
};

describe("a crash", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startFaultyServices>>} */ let faulty;
  let sales = 0;
  before(async () => {
    faulty = await startFaultyServices();
    world = await startReady(
      { ...faulty.proxies, worker: WORKER, options: { queueConsumers: QUEUES } });
  });
  after(async () => {
    await world.stop();
    await faulty.close();
  });

  const crashes = () => world.stack.logs.filter((line) => line.includes("wasm crashed")).length;

  /** @param {Answer} answer */
  function tryAgain(answer) {
    assert.equal(answer.status, 503);
    assert.match(String(answer.headers["retry-after"]), /^\d+$/);
    assert.ok(!/drill|wasm|unreachable/.test(answer.text), "nothing internal is told");
  }

  /** @param {string | null} clickId */
  function newSale(clickId) {
    sales += 1;
    return {
      customerExternalId: `c-${sales}`, invoiceId: `i-${sales}`, amount: 1000, currency: "usd",
      clickId,
    };
  }

  /** Runs the crash among other requests: visitors notice nothing, senders at most "try again".
   * @param {() => Promise<Answer>} crash */
  async function amongOthers(crash) {
    const { token } = await world.click();
    const before_ = crashes();
    const start = Date.now();
    const all = Array.from({ length: 20 }, () => newSale(token));
    const clicks = Array.from({ length: 20 }, () => world.visit("/go/anna"));
    const reports = all.map((sale) => world.track("sale", sale));
    const crashed = crash();
    const more = Array.from({ length: 20 }, () => world.visit("/go/boris"));
    tryAgain(await crashed);
    for (const answer of await Promise.all([...clicks, ...more])) assert.equal(answer.status, 302);
    const answers = await Promise.all(reports);
    assert.ok(Date.now() - start < LIMIT_MS, "nothing hangs");
    for (const answer of answers) if (answer.status !== 200) tryAgain(answer);
    for (const [i, { status }] of answers.entries()) {
      if (status !== 200) await world.accepted("sale", all[i]);
    }
    assert.ok(crashes() > before_, "it did crash");
    await allWell(all);
  }

  /** A message that crashes comes again some times, and what the API has in flight then is asked to
   * come again too. @param {string} what @param {() => Promise<{ status: number }>} call */
  const inTheEnd = (what, call) => eventually(what, async () => {
    const { status } = await call();
    assert.ok(status === 200 || status === 503, `${status}`);
    return status === 200;
  });

  /** Everything works, and each of these sales has earned exactly once.
   * @param {{ invoiceId: string }[]} all */
  async function allWell(all) {
    const fresh = newSale((await world.click()).token);
    await inTheEnd("a sale is accepted", () => world.track("sale", fresh));
    await world.stack.cron();
    const wanted = [...all, fresh].map((sale) => sale.invoiceId).sort();
    await eventually("all sales have earned", async () => {
      const rows = await world.stack.sql(
        `SELECT f.key AS key, e.amount AS amount FROM facts f JOIN entries e ON e.cause = f.id
         WHERE f.key IN (SELECT value FROM json_each(?)) ORDER BY f.key`, JSON.stringify(wanted));
      assert.ok(rows.length <= wanted.length, "nothing is booked twice");
      return rows.length === wanted.length && rows.every((row) => row.amount === 100);
    }, 10_000);
    await inTheEnd("the API answers", () => world.api("GET", "programs"));
    assert.equal((await world.visit("/go/nobody")).status, 404);
  }

  test("while a link is answered costs that visitor one try, and nobody else anything",
    () => amongOthers(() => world.visit("/go/anna?drill=sync")));

  test("after an await of a link does the same",
    () => amongOthers(() => world.visit("/go/uncached?drill=async")));

  test("in the API does the same",
    () => amongOthers(() => world.api("GET", "programs?drill=api")));

  test("many times in a row does not wear the instance out", async () => {
    for (let i = 0; i < 30; i += 1) {
      const where = ["/go/anna?drill=sync", `/go/uncached-${i}?drill=async`][i % 2];
      const [crashed, other] = await Promise.all([world.visit(where), world.visit("/go/anna")]);
      tryAgain(crashed);
      assert.equal(other.status, 302);
    }
    await allWell([]);
  });

  test("in the queue handler comes back a few times and disturbs no request", async () => {
    const queue = await world.stack.mf.getQueueProducer("WORK", world.stack.bound);
    const before_ = crashes();
    await queue.send('{"drill=queue":1}', { contentType: "text" });
    const start = Date.now();
    while (crashes() < before_ + 4) {
      const answers = await Promise.all([world.visit("/go/anna"), world.visit("/go/boris")]);
      for (const { status } of answers) assert.equal(status, 302);
      assert.ok(Date.now() - start < LIMIT_MS, "it is delivered again");
    }
    await allWell([]);
  });

  test("in the queue handler does not take the other messages of its batch with it", async () => {
    const { token } = await world.click();
    const queue = await world.stack.mf.getQueueProducer("WORK", world.stack.bound);
    const all = [newSale(token), newSale(token)];
    const before_ = crashes();
    faulty.d1.match = ({ body }) => body?.includes("INTO facts") ?? false;
    faulty.d1.next(all.length, "error");
    for (const sale of all) {
      await inTheEnd("the sale is accepted", () => world.track("sale", sale));
    }
    await queue.send('{"drill=queue":1}', { contentType: "text" });
    await eventually("it crashed", () => crashes() > before_);
    await allWell(all);
  });
});
