// Services that do not answer at all: each of these waits for a limit of the product to pass.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { startFaultyServices } from "../support/faulty.mjs";
import { startWebhookReceiver } from "../support/webhook_receiver.mjs";
import { eventually, kvOf, startReady } from "../support/world.mjs";

/** @typedef {import("../support/world.mjs").Ready} Ready */

/** @type {Ready} */ let world;
/** @type {Awaited<ReturnType<typeof startFaultyServices>>} */ let faulty;
/** @type {Awaited<ReturnType<typeof startWebhookReceiver>>} */ let hook;

before(async () => {
  [faulty, hook] = [await startFaultyServices(), await startWebhookReceiver()];
  world = await startReady({ ...faulty.proxies });
});
afterEach(recover);
after(async () => {
  await world.stop();
  await Promise.all([faulty.close(), hook.close()]);
});

function recover() {
  for (const fault of [faulty.d1, faulty.kv, faulty.queue]) fault.reset();
}

test("a receiver that does not answer is tried again later", async () => {
  const destination = await world.must("POST", "destinations",
    { program: world.program.id, kind: "webhook", url: hook.url });
  hook.setSecret(destination.secret);
  hook.hang(1);
  const { eventId } = await world.accepted("sale",
    { customerExternalId: "c", amount: 1000, currency: "usd", invoiceId: "hanging" });
  const delivery = async () =>
    (await world.rows("deliveries")).find((row) => row.event === eventId);
  const done = await eventually("it is delivered", async () => {
    await world.stack.cron();
    const row = await delivery();
    return row?.state === "delivered" ? row : false;
  }, 60_000);
  assert.equal(done.attempts, 2);
  const got = hook.requests.map(({ id, status }) => [id, status]);
  assert.deepEqual(got, [[done.id, null], [done.id, 204]]);
});

test("settings are kept while KV hangs, and reach it when it is back", async () => {
  const { id, anna, target, host } = world.program;
  faulty.kv.mode = "hang";
  const link = { program: id, partner: anna.id, host, slug: "hanging", target };
  await world.must("POST", "links", link);
  recover();
  await world.stack.cron();
  const kv = await kvOf(world.stack);
  await eventually("the record is in KV", () => kv.get(`link:${host}/hanging`));
});

test("many settings that KV does not take do not hold up the fold", async () => {
  const { id, anna, target, host } = world.program;
  for (let i = 0; i < 20; i += 1) {
    const link = { program: id, partner: anna.id, host, slug: `many-${i}`, target };
    await world.must("POST", "links", link);
  }
  faulty.queue.mode = "error";
  const { token } = await world.click("/go/anna");
  await world.accepted("sale",
    { customerExternalId: "c", clickId: token, amount: 1000, currency: "usd", invoiceId: "slow" });
  faulty.kv.mode = "hang";
  await world.must("POST", "rebuild").catch(() => {});
  const start = Date.now();
  const cron = world.stack.cron().catch(() => {});
  await world.folded();
  assert.ok(Date.now() - start < 15_000, "cron folds first");
  recover();
  await cron;
});

test("a conversion is refused in the end when D1, KV and the queue all hang", async () => {
  for (const fault of [faulty.d1, faulty.kv, faulty.queue]) fault.mode = "hang";
  const answer = await world.track("sale",
    { customerExternalId: "c", amount: 1000, currency: "usd", invoiceId: "nowhere" });
  assert.equal(answer.status, 503);
  assert.ok(answer.headers["retry-after"]);
});
