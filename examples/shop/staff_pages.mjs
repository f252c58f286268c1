// The pages of the shop's own staff. A real shop keeps them behind its staff login.
import { money } from "./catalogue.mjs";
import { html } from "./html.mjs";
import { leftOf } from "./store.mjs";

/** @typedef {import("./store.mjs").Order} Order */
/** @typedef {import("./tracking.mjs").Report} Report */
/** @typedef {(id: string) => Report | null} ReportOf */

/** How a call to Throughline went, in words. @param {Report | null} report */
function told(report) {
  if (!report) return "unknown";
  if (report.state === "waiting") {
    return report.attempts > 1 ? `waiting, tried ${report.attempts} times` : "waiting";
  }
  return report.note ? `${report.state}: ${report.note}` : report.state;
}

/** @param {Date} at */
const time = (at) => html`<time datetime="${at.toISOString()}">${
  at.toISOString().slice(0, 16).replace("T", " ")} UTC</time>`;

/** @param {Order[]} orders @param {ReportOf} reportOf */
export const ordersPage = (orders, reportOf) => html`
<h1>Orders</h1>
${orders.length === 0 ? html`<p>No order yet since the shop was started.</p>` : html`
<table>
  <thead><tr><th scope="col">Order</th><th scope="col">When</th>
    <th scope="col" class="number">Total</th><th scope="col" class="number">Refunded</th>
    <th scope="col">Throughline</th></tr></thead>
  <tbody>${orders.map((order) => html`<tr>
    <td><a href="/staff/orders/${order.id}">${order.id}</a></td>
    <td>${time(order.at)}</td>
    <td class="number">${money(order.total)}</td>
    <td class="number">${money(order.total - leftOf(order))}</td>
    <td>${told(reportOf(order.report))}</td></tr>`)}</tbody>
</table>`}`;

/** @param {Order} order @param {ReportOf} reportOf @param {string} error */
export const orderPage = (order, reportOf, error) => html`
<p><a href="/staff/orders">All orders</a></p>
<section class="columns">
  <div>
    <h1>${order.id}</h1>
    <p>${time(order.at)} · customer ${order.customer}</p>
    <ul>${order.lines.map((line) => html`
      <li>${line.quantity} × ${line.name}, ${money(line.price)} each</li>`)}</ul>
    <p>Total <strong>${money(order.total)}</strong> · sale ${told(reportOf(order.report))}</p>
    ${order.refunds.length === 0 ? "" : html`<h2>Refunds</h2>
    <ul>${order.refunds.map((refund) => html`
      <li>${money(refund.amount)} · ${refund.id} · ${time(refund.at)}
        · ${told(reportOf(refund.report))}</li>`)}</ul>`}
  </div>
  ${leftOf(order) === 0 ? html`<p class="panel">Everything is refunded.</p>` : html`
  <form method="post" action="/staff/orders/${order.id}/refund" class="panel"
    aria-labelledby="refund-title">
    <h2 id="refund-title">Refund</h2>
    ${error ? html`<p class="error" role="alert">${error}</p>` : ""}
    <label for="amount">Amount in dollars, at most ${money(leftOf(order))}</label>
    <input id="amount" name="amount" inputmode="decimal" placeholder="all that is left">
    <button class="button wide">Refund</button>
  </form>`}
</section>`;
