/**
 * Cloudflare's list prices and what the counted operations cost by them.
 *
 * Source: the public documentation of the platform (workers/platform/pricing, kv/platform/pricing,
 * d1/platform/pricing, queues/platform/pricing), read in 2026-11. Paid plan, beyond what is
 * included, in dollars per million.
 */
import { bold, dim } from "../tools/console.mjs";

export const PRICES = {
  request: 0.3,
  cpu_ms: 0.02,
  kv_read: 0.5,
  queue_operation: 0.4,
  d1_row_read: 0.001,
  d1_row_written: 1,
};
/** Writing, reading and deleting a message, for each 64 KB of it. */
const OPERATIONS = 3;
/** The redirect and the beacon of its landing. */
const REQUESTS = 2;

/**
 * The operations of one click. A batch of the consumer counts as a request.
 * @param {import("./costs.mjs").Counted} counted
 */
function perClick(counted) {
  const per = (/** @type {number} */ count) => count / counted.clicks;
  return {
    request: REQUESTS + per(counted.consumer_batches),
    cpu_ms: per(counted.cpu_ms),
    kv_read: per(counted.kv_reads),
    queue_operation: OPERATIONS * per(counted.queue_chunks),
    d1_row_read: per(counted.d1_rows_read),
    d1_row_written: per(counted.d1_rows_written),
  };
}

/** @param {Record<string, number>} operations of one click */
function dollars(operations) {
  const costs = Object.entries(PRICES).map(([name, price]) => price * operations[name]);
  return Number(costs.reduce((sum, cost) => sum + cost, 0).toFixed(2));
}

/** @param {import("./costs.mjs").Counts} counts */
export function priced(counts) {
  const operations = {
    // Each visit is a message of its own; they were given to the consumer without the queue.
    one_by_one: {
      ...perClick(counts.one_by_one), queue_operation: OPERATIONS * REQUESTS,
    },
    gathered: perClick(counts.gathered),
    alone: perClick(counts.alone),
  };
  return {
    cost_per_million_clicks_usd: dollars(operations.one_by_one),
    cost_per_million_clicks_gathered_usd: dollars(operations.gathered),
    cost_per_million_clicks_alone_usd: dollars(operations.alone),
    operations, prices_usd_per_million: PRICES, counted: counts,
  };
}

/** @param {Record<string, any>} result */
export function printPrices({ operations, ...result }) {
  const columns = ["one by one", "gathered", "alone"];
  console.log(bold(`\n${"per click".padEnd(24)}${columns.map((c) => c.padStart(14)).join("")}`));
  for (const [name, price] of Object.entries(PRICES)) {
    const values = [operations.one_by_one, operations.gathered, operations.alone];
    const cells = values.map((each) => each[name].toFixed(3).padStart(14)).join("");
    console.log(`${name.padEnd(24)}${cells}  ${dim(`$${price} a million`)}`);
  }
  const costs = ["", "_gathered", "_alone"].map((end) => result[`cost_per_million_clicks${end}_usd`]);
  const cells = costs.map((cost) => `$${cost.toFixed(2)}`.padStart(14)).join("");
  console.log(bold(`${"a million clicks".padEnd(24)}${cells}`));
}
