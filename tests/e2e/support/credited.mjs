/** A sale of the example shop in the ledger: whom it was credited to, and why. */
import assert from "node:assert/strict";
import { PARTNERS } from "../../../examples/shop/demo/provision.mjs";
import { eventually } from "./shop.mjs";

/** @typedef {import("./shop.mjs").World} World */
/** @typedef {Record<string, any>} Row */
/** @typedef {{ id: string, total: number }} Bought */

/** Commission of the program's plan. @param {number} total */
const tenPercent = (total) => total / 10;

/** What the ledger says about a sale, once it says it.
 * @param {World} world @param {Bought} order @param {keyof typeof PARTNERS} slug */
export async function credited(world, order, slug) {
  const partner = world.partners[slug] ?? assert.fail(slug);
  const event = await eventually(`event of ${order.id}`, async () =>
    (await world.rows("events")).find((row) =>
      row.kind === "sale" && String(row.key).includes(order.id)));
  assert.deepEqual(event.amount, { amount: order.total, currency: "USD" });
  const decision = await eventually(`decision on ${order.id}`, async () =>
    (await world.rows("decisions")).find((row) => row.event === event.id));
  const [credit] = decision.credits;
  assert.equal(credit.partner, partner.id);
  assert.deepEqual(credit.commission, [{ amount: tenPercent(order.total), currency: "USD" }]);
  const entry = await eventually(`ledger entry of ${order.id}`, async () =>
    (await world.rows("ledger")).find((row) =>
      row.partner === partner.id && row.cause === event.id));
  assert.equal(entry.amount, tenPercent(order.total));
  assert.equal(entry.currency, "USD");
  return { event, decision };
}

/** The reason names the touch that earned the credit: whose link it was, and when.
 * @param {World} world @param {Row} decision @param {keyof typeof PARTNERS} slug */
export function explains(world, decision, slug) {
  const named = [PARTNERS[slug], `/go/${slug}`];
  assert.ok(named.some((name) => decision.sentence.includes(name)), decision.sentence);
  assert.ok(Array.isArray(decision.touches) && decision.touches.length > 0);
  const touches = JSON.stringify(decision.touches);
  assert.ok(touches.includes(world.partners[slug]?.link ?? "?"), touches);
  assert.match(touches, /\d{4}-\d\d-\d\d(T\d\d:\d\d|")/);
}
