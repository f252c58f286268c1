/**
 * The delivery engine on the whole product (workerd, real D1): events that wait for a webhook, one
 * request each, and for Meta, in batches. Receivers answer at once, so what is measured is ours.
 */
import { performance } from "node:perf_hooks";
import { Stop, dim } from "../tools/console.mjs";
import { startMetaStandIn } from "../tests/e2e/support/meta_stand_in.mjs";
import { startRudeReceiver } from "../tests/e2e/support/rude_receiver.mjs";
import { startReady } from "../tests/e2e/support/world.mjs";
import { startCounter } from "./counter.mjs";

const AT_ONCE = 8;

/**
 * @typedef {{ deliveries: number, seconds: number, d1_statements: number, d1_batches: number,
 *   d1_rows_written: number }} Delivered
 */

/** @param {Awaited<ReturnType<typeof startReady>>} world @param {number} events */
async function report(world, events) {
  let next = 0;
  const worker = async () => {
    while (next < events) {
      const n = next++;
      await world.accepted("sale", { customerExternalId: `c${n}`, customerEmail: `c${n}@x.example`,
        amount: 2_000, currency: "usd", invoiceId: `o${n}`,
        context: { consent: "full", userAgent: "Mozilla/5.0", pageUrl: "https://x.example/" } });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await world.folded();
}

/** @param {string} dir folder of the built Worker @param {number} events
 * @returns {Promise<Delivered>} */
export async function deliveries(dir, events) {
  console.log(dim("deliveries"));
  const [counter, meta, hook] = await Promise.all(
    [startCounter(), startMetaStandIn(), startRudeReceiver()]);
  const world = await startReady({ ...counter.proxies, worker: dir });
  try {
    const program = world.program.id;
    await world.must("POST", "destinations",
      { program, kind: "webhook", url: `${hook.url}/status/200` });
    await world.must("POST", "destinations",
      { program, kind: "meta", pixel_id: meta.pixel, access_token: meta.token, base_url: meta.url });
    await world.stack.sql("UPDATE destinations SET paused_until = 9e15");
    await report(world, events);
    await world.stack.sql("UPDATE deliveries SET next_at = 0");
    await world.stack.sql("UPDATE destinations SET paused_until = 0");
    counter.take();
    const start = performance.now();
    await world.stack.cron();
    const seconds = (performance.now() - start) / 1_000;
    const done = hook.got.length + meta.events.length;
    if (done !== 2 * events) throw new Stop(`${done} of ${2 * events} were delivered`);
    const { d1_statements, d1_batches, d1_rows_written } = counter.take();
    return { deliveries: done, seconds, d1_statements, d1_batches, d1_rows_written };
  } finally {
    await Promise.all([world.stop(), meta.close(), hook.close()]);
    counter.close();
  }
}
