import assert from "node:assert/strict";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { unstable_getMiniflareWorkerOptions as readWorkerOptions } from "wrangler";
import { ROOT } from "../../tools/console.mjs";
import { startFaultyServices } from "./support/faulty.mjs";
import { eventually, kvOf, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Answer} Answer */
/** @typedef {import("./support/faulty.mjs").Mode} Mode */

/** @type {Ready} */ let world;
/** @type {Awaited<ReturnType<typeof startFaultyServices>>} */ let faulty;
let sales = 0;

before(async () => {
  faulty = await startFaultyServices();
  world = await startReady({ ...faulty.proxies });
});
after(async () => {
  recover();
  await world.stop();
  await faulty.close();
});
afterEach(recover);

function recover() {
  for (const fault of [faulty.d1, faulty.kv, faulty.queue]) fault.reset();
}

/** A sale of 10.00 by an own customer, which earns 1.00. @param {string} [clickId] */
function newSale(clickId) {
  sales += 1;
  return {
    customerExternalId: `c-${sales}`, invoiceId: `i-${sales}`, amount: 1000, currency: "usd",
    clickId,
  };
}

/** What each fact of these sales has earned, once the product is well and all is folded.
 * @param {{ invoiceId: string }[]} wanted @returns {Promise<Record<string, number[]>>} */
async function earned(wanted) {
  const keys = JSON.stringify(wanted.map((sale) => sale.invoiceId));
  await eventually("all of them are folded", async () => (await world.stack.sql(
    `SELECT key FROM facts WHERE kind = 'sale' AND state = 'folded'
       AND key IN (SELECT value FROM json_each(?))`, keys)).length >= wanted.length);
  const rows = await world.stack.sql(
    `SELECT f.key AS key, e.amount AS amount FROM facts f LEFT JOIN entries e ON e.cause = f.id
     WHERE f.kind = 'sale' AND f.key IN (SELECT value FROM json_each(?))`, keys);
  /** @type {Record<string, number[]>} */ const found = {};
  for (const { key, amount } of rows) (found[key] ??= []).push(amount);
  return found;
}

/** @param {{ invoiceId: string }[]} wanted */
const eachOnce = (wanted) => Object.fromEntries(wanted.map((sale) => [sale.invoiceId, [100]]));

/** @param {Answer} answer */
function tryAgain(answer) {
  assert.equal(answer.status, 503);
  assert.match(String(answer.headers["retry-after"]), /^\d+$/);
  assert.ok(!answer.headers["set-cookie"] && !answer.headers.location);
}

/** @template T @param {() => Promise<T>} work @returns {Promise<[T, number]>} */
async function timed(work) {
  const start = Date.now();
  return [await work(), Date.now() - start];
}

test("a request that misses reads its own keys, whatever others wait for", async () => {
  // Making something empties what the isolate remembers.
  await world.must("POST", "partners", { program: world.program.id, name: "Reads" });
  const many = 200;
  faulty.kv.reset();
  const paths = Array.from({ length: many }, (_, number) => `/go/guess-${number}`);
  const answers = await Promise.all(paths.map((path) => world.visit(path)));
  assert.ok(answers.every((answer) => answer.status === 404));
  const reads = faulty.kv.calls.filter((call) => call.method === "GET").map((call) => call.url);
  assert.ok(reads.length <= 2 * many, `${reads.length} reads of ${many} requests`);
  for (const path of paths) {
    const own = reads.filter((url) => decodeURIComponent(url).includes(`localhost${path.slice(3)}?`)
      || decodeURIComponent(url).endsWith(`localhost${path.slice(3)}`));
    assert.equal(own.length, 1, path);
  }
  faulty.kv.reset();
  await Promise.all(paths.map((path) => world.visit(path)));
  assert.equal(faulty.kv.calls.length, 0, "a miss is remembered");
});

for (const mode of /** @type {Mode[]} */ (["error", "hang"])) {
  describe(`with KV and the queues in ${mode}`, () => {
    test("a known link redirects at once, and its token earns", async () => {
      await world.click();
      faulty.kv.mode = faulty.queue.mode = mode;
      const [{ token, cookie }, ms] = await timed(() => world.click());
      assert.ok(ms < 1_000, `${ms} ms`);
      assert.ok(cookie);
      const sale = newSale(token);
      const [, saleMs] = await timed(() => world.accepted("sale", sale));
      assert.ok(saleMs < 1_000, `${saleMs} ms`);
      await world.stack.cron();
      assert.deepEqual(await earned([sale]), eachOnce([sale]), "cron folds without the queue");
    });

    test("an unknown link is not said to be none: 503, try again", async () => {
      await world.click();
      faulty.kv.mode = mode;
      const [answer, ms] = await timed(() => world.visit(`/go/unknown-${mode}`));
      tryAgain(answer);
      assert.match(String(answer.headers["content-type"]), /^text\/html/);
      assert.ok(ms < 3_000, `${ms} ms`);
      recover();
      await eventually("it is known to be none", async () =>
        (await world.visit(`/go/unknown-${mode}`)).status === 404);
      assert.equal((await world.visit("/go/anna")).status, 302);
    });
  });

  describe(`with D1 in ${mode}`, () => {
    test("a conversion is accepted by the queue, and is in the ledger in the end", async () => {
      const { token } = await world.click();
      faulty.d1.mode = mode;
      const all = [newSale(token), newSale(token)];
      const report = () => Promise.all(all.map((sale) => world.accepted("sale", sale)));
      const [, ms] = await timed(report);
      assert.ok(ms < 9_000, `${ms} ms`);
      assert.equal((await world.visit("/go/boris")).status, 302, "links do not ask D1");
      const keys = JSON.stringify(all.map((sale) => sale.invoiceId));
      const stored = await world.stack.sql(
        "SELECT * FROM facts WHERE key IN (SELECT value FROM json_each(?))", keys);
      assert.deepEqual(stored, []);
      recover();
      assert.deepEqual(await earned(all), eachOnce(all));
      for (const sale of all) await world.accepted("sale", sale);
      assert.deepEqual(await earned(all), eachOnce(all));
    });

    test("and the queue down as well, it is refused and not stored", async () => {
      faulty.d1.mode = mode;
      faulty.queue.mode = "error";
      const sale = newSale((await world.click()).token);
      const answer = await world.track("sale", sale);
      tryAgain(answer);
      assert.equal(answer.json().code, "unavailable");
      assert.equal(answer.json().detail, answer.json().title, "nothing internal is told");
      if (mode === "error") {
        recover();
        await world.stack.cron();
        const key = sale.invoiceId;
        assert.deepEqual(await world.stack.sql("SELECT * FROM facts WHERE key = ?", key), []);
      }
      recover();
      await world.accepted("sale", sale);
      assert.deepEqual(await earned([sale]), eachOnce([sale]));
    });
  });
}

test("with KV in error settings are kept, and reach KV when it is back", async () => {
  const { id, anna, target, host } = world.program;
  faulty.kv.mode = "error";
  tryAgain(await world.visit("/go/anna", {}, "GET", "unknown.localhost"));
  const link = { program: id, partner: anna.id, host, slug: "made", target };
  await world.must("POST", "links", link);
  recover();
  await world.stack.cron();
  const kv = await kvOf(world.stack);
  await eventually("the record is in KV", () => kv.get(`link:${host}/made`));
});

describe("with D1 in error", () => {
  test("the control plane says so; what was revoked or wrong stays so", async () => {
    const spare = await world.must("POST", "keys",
      { name: "s", scope: "track", program: world.program.id });
    await world.api("DELETE", `keys/${spare.id}`);
    faulty.d1.mode = "error";
    tryAgain(await world.api("GET", "programs"));
    tryAgain(await world.api("POST", "partners", { program: world.program.id, name: "Lost" }));
    const sent = faulty.queue.calls.length;
    const revoked = await world.track("sale", newSale(), spare.key);
    assert.deepEqual([revoked.status, revoked.json().code], [403, "key_revoked"]);
    assert.equal((await world.track("sale", { ...newSale(), amount: -1 })).status, 422);
    assert.equal((await world.track("sale", newSale(), "tlk_wrong")).status, 401);
    assert.equal(faulty.queue.calls.length, sent, "nothing was queued");
    recover();
    assert.ok(!(await world.rows("partners")).some((row) => row.name === "Lost"));
  });

  test("a key that is not in D1 any more reports nothing in the end, and is listed", async () => {
    const { token } = await world.click();
    const spare = await world.must("POST", "keys",
      { name: "s", scope: "track", program: world.program.id });
    await world.stack.sql("UPDATE api_keys SET digest = 'another' WHERE id = ?", spare.id);
    const sale = newSale(token);
    assert.equal((await world.track("sale", sale, spare.key)).status, 401);
    faulty.d1.mode = "error";
    assert.equal((await world.track("sale", sale, spare.key)).status, 200, "nobody can know");
    recover();
    const kept = await eventually("it is kept apart", async () =>
      (await world.rows("refused")).find((row) => row.key === spare.id));
    assert.deepEqual([kept.reason, kept.amount.amount], ["key_invalid", 1000]);
    const stored = "SELECT * FROM facts WHERE key = ?";
    assert.deepEqual(await world.stack.sql(stored, sale.invoiceId), []);
    assert.ok(world.stack.logs.some((line) => line.includes("an intake was refused")));
  });
});

test("the queues hold a conversion for more than a day without D1", () => {
  const { workerOptions } = readWorkerOptions(path.join(ROOT, "wrangler.toml"));
  const consumers = /** @type {Record<string, any>} */ (workerOptions.queueConsumers);
  const waits = ["throughline-work", "throughline-dead"].map((name) =>
    consumers[name].maxRetries * (consumers[name].retryDelay ?? 0));
  const seconds = waits.reduce((sum, wait) => sum + wait, 0);
  assert.ok(seconds > 86_400, `${seconds} s, then they are dropped`);
});

describe("answers that are lost", () => {
  /** @type {[string, string][]} */
  const writes = [
    ["the fact", "INTO facts"], ["the fold's result", "INTO fold_guard"],
    ["what the fold reads", "FROM involved"],
  ];
  for (const [what, sql] of writes) {
    test(`of ${what}: one fact and its commission`, async () => {
      const { token } = await world.click();
      faulty.d1.match = ({ body }) => body?.includes(sql) ?? false;
      faulty.d1.next(2, "lost");
      const all = [newSale(token), newSale(token), newSale(token)];
      for (const sale of all) await world.accepted("sale", sale);
      await world.stack.cron();
      assert.deepEqual(await earned(all), eachOnce(all));
    });
  }

  test("of the queue: the sender is told to try again, and it still counts once", async () => {
    const sale = newSale((await world.click()).token);
    faulty.d1.match = ({ body }) => body?.includes("INTO facts") ?? false;
    faulty.d1.next(1, "error");
    faulty.queue.next(1, "lost");
    tryAgain(await world.track("sale", sale));
    recover();
    await world.accepted("sale", sale);
    assert.deepEqual(await earned([sale]), eachOnce([sale]));
  });

  test("anywhere and often: what was accepted counts exactly once", async () => {
    const { token } = await world.click();
    // Every third operation, in an order that does not depend on the kind of it.
    let operations = 0;
    faulty.d1.match = () => (operations += 1) % 3 === 0;
    faulty.d1.mode = "lost";
    const all = Array.from({ length: 24 }, () => newSale(token));
    await Promise.all([...all, ...all].map(async (sale) => {
      const accepted = () => world.track("sale", sale).then(({ status }) => status === 200);
      await eventually("the sale is accepted", accepted);
    }));
    recover();
    await world.stack.cron();
    assert.deepEqual(await earned(all), eachOnce(all));
    const decided = await world.stack.sql(
      `SELECT count(*) AS n FROM decisions d JOIN facts f ON f.id = d.event
       WHERE d.revision = 1 AND f.key IN (SELECT value FROM json_each(?))`,
      JSON.stringify(all.map((each) => each.invoiceId)));
    assert.deepEqual(decided, [{ n: all.length }]);
  });
});
