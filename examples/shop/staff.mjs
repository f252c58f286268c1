// What the shop's staff can do: look at orders and refund them, in part or in full.
import { messagePage } from "./pages.mjs";
import { readForm } from "./request.mjs";
import { orderPage, ordersPage } from "./staff_pages.mjs";
import { leftOf } from "./store.mjs";

/** @typedef {import("./request.mjs").Req} Req */

/** Dollars as typed into a form → cents; null when that is no amount.
 * @param {string} typed */
export function centsOf(typed) {
  const match = /^\$?(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(typed.trim());
  if (!match) return null;
  return Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

/** @param {import("./store.mjs").Store} store
 * @param {import("./tracking.mjs").Tracking} tracking */
export function staffRoutes(store, tracking) {
  /** @param {Req} req @param {import("./store.mjs").Order} order */
  async function refund(req, order) {
    const typed = (await readForm(req.raw)).get("amount") ?? "";
    const amount = typed.trim() === "" ? leftOf(order) : centsOf(typed);
    if (amount === null || amount < 1 || amount > leftOf(order)) {
      const page = orderPage(order, tracking.report, "That is not an amount we can refund.");
      return req.page(order.id, page, 422);
    }
    const made = store.refund(order, amount);
    made.report = tracking.refund(order, made);
    req.redirect(`/staff/orders/${order.id}`);
  }

  /** @param {Req} req */
  return async function answer(req) {
    const posted = req.raw.method === "POST";
    if (req.path === "/staff/orders" && !posted) {
      return req.page("Orders", ordersPage(store.allOrders(), tracking.report));
    }
    const match = /^\/staff\/orders\/(\w+)(\/refund)?$/.exec(req.path);
    const order = match ? store.orderOf(match[1] ?? "") : null;
    if (order && posted && match?.[2]) return refund(req, order);
    if (order && !posted && !match?.[2]) {
      return req.page(order.id, orderPage(order, tracking.report, ""));
    }
    req.page("Not found", messagePage("Not here", "There is no such order."), 404);
  };
}
