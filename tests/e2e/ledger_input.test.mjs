/** What the ledger does not take, on real workerd and its D1: refused with a stable code, nothing
 * stored, nothing booked. What `track` refuses by itself stands in track.test.mjs. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PLAN, problemOf, startReady } from "./support/world.mjs";

describe("the ledger", () => {
  /** @type {import("./support/world.mjs").Ready} */ let world;
  before(async () => {
    world = await startReady();
  });
  after(() => world.stop());

  const plans = async () => world.stack.sql("SELECT version, rules FROM plans ORDER BY version");

  test("takes no plan that pays nothing it knows, and the old one stays", async () => {
    const before_ = await plans();
    const usd = { currency: "USD" };
    /** @type {[object, [string, string][]][]} */
    const cases = [
      [{ sale: {} }, [["/plan/sale/rate_bps", "required"]]],
      [{ sale: { rate_bps: 10_001 } }, [["/plan/sale/rate_bps", "out_of_range"]]],
      [{ sale: { rate_bps: 12.5 } }, [["/plan/sale/rate_bps", "fractional"]]],
      [{ sale: { flat: { amount: 100 } } }, [["/plan/sale/flat/currency", "required"]]],
      [{ sale: { flat: { ...usd, amount: 1.5 } } }, [["/plan/sale/flat/amount", "fractional"]]],
      [{ sale: { flat: { ...usd, amount: 2 ** 53 } } },
        [["/plan/sale/flat/amount", "out_of_range"]]],
      [{ sale: { flat: { amount: 1, currency: "XAU" } } },
        [["/plan/sale/flat/currency", "currency_unknown"]]],
      // Versions follow each other by the instant at which they are given: dates cannot overlap.
      [{ from: "2026-01-01T00:00:00Z" }, [["/plan/from", "unknown_member"]]],
      [{ payout_currency: "EURO" }, [["/plan/payout_currency", "too_long"]]],
    ];
    for (const [change, wanted] of cases) {
      const body = { plan: { ...PLAN, ...change } };
      const answer = await world.api("PATCH", `programs/${world.program.id}`, body);
      const told = { status: 422, code: "validation_failed", errors: wanted };
      assert.deepEqual(problemOf(answer), told, JSON.stringify(change));
    }
    assert.deepEqual(await plans(), before_);
  });

  test("keeps ids of any script byte for byte, and finds them again", async () => {
    const ids = ["Bestellung-Ä☕", "订单-1", "طلب-١", "e\u0301", "\u00e9", "🫖", "O'Brien; --", "%00"];
    for (const invoiceId of ids) {
      const sale = { customerExternalId: invoiceId, amount: 1_000, currency: "kwd", invoiceId };
      await world.accepted("sale", sale);
      await world.accepted("sale", sale);
      await world.accepted("refund", { refundId: invoiceId, invoiceId, amount: 400,
        currency: "kwd" });
    }
    await world.folded();
    const facts = await world.stack.sql("SELECT kind, key, state FROM facts ORDER BY seq");
    const wanted = ids.flatMap((key) =>
      ["sale", "refund"].map((kind) => ({ kind, key, state: "folded" })));
    assert.deepEqual(facts, wanted, "each once, and no two are taken for one");
    assert.deepEqual(await world.rows("conflicts"), []);
  });

  test("takes an amount's own exponent, and no line above the whole", async () => {
    const usd = { customerExternalId: "c", amount: 1_000, currency: "usd", invoiceId: "lines" };
    const answer = await world.track("sale", { ...usd, lines: [{ sku: "a", amount: 1_001 }] });
    assert.equal(answer.status, 422, answer.text);
    const wrong = await world.track("sale", { ...usd, amount: "10.00" });
    assert.deepEqual(problemOf(wrong).errors, [["/amount", "not_an_integer"]]);
    const stored = await world.stack.sql("SELECT 1 FROM facts WHERE key = 'lines'");
    assert.deepEqual(stored, []);
  });
});
