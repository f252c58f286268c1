// The frame around every page: head, header, footer and the consent banner.
import { html } from "./html.mjs";

/**
 * What a page needs to know about the visitor.
 * @typedef {{ consent: "full" | "code" | null, gpc: boolean, items: number,
 *   name: string | null }} Visitor
 */

/** Throughline's snippet, told what this shop already knows about consent.
 * @param {Visitor} visitor */
const snippet = (visitor) => visitor.consent
  ? html`<script src="/tl/tl.js" defer data-consent="${visitor.consent}"></script>`
  : html`<script src="/tl/tl.js" defer></script>`;

/** Hidden until shop.js shows it: without scripts there is nothing here to consent to.
 * @param {Visitor} visitor */
const banner = (visitor) => html`
<section id="consent" class="consent" aria-labelledby="consent-title" hidden
  ${visitor.consent ? "" : html`data-ask`}>
  <div>
    <h2 id="consent-title">May we remember who sent you?</h2>
    <p>If a partner's link brought you here, one cookie lets us thank them and measure our
      advertising. The shop works the same either way, and you can change your mind at the
      bottom of every page.</p>
  </div>
  <div class="consent-choices">
    <button type="button" class="button" data-choice="full">Accept</button>
    <button type="button" class="button" data-choice="code">Only necessary</button>
  </div>
</section>`;

/** @param {Visitor} visitor */
const footer = (visitor) => html`
<footer class="footer">
  <p>Kettle &amp; Pine is a made-up tea shop. Nothing is charged, nothing is shipped.</p>
  <nav aria-label="More">
    ${visitor.gpc
      ? html`<span>Your browser asks sites not to share your data, so we keep only what is
          necessary.</span>`
      : html`<button type="button" id="consent-open" class="link" hidden>Cookie settings</button>`}
    <a href="/staff/orders">Staff: orders</a>
  </nav>
</footer>`;

/** @param {Visitor} visitor */
const header = (visitor) => html`
<header class="header">
  <a class="brand" href="/">Kettle <span aria-hidden="true">&amp;</span><span class="sr">and</span>
    Pine</a>
  <nav aria-label="Shop">
    <a href="/#teas">Teas</a>
    ${visitor.name
      ? html`<a href="/account">${visitor.name}</a>`
      : html`<a href="/sign-up">Join the club</a>`}
    <a href="/cart" class="cart-link">Cart
      <span class="count">${visitor.items}<span class="sr"> items</span></span></a>
  </nav>
</header>`;

/**
 * @param {{ title: string, visitor: Visitor, body: import("./html.mjs").Html,
 *   staff?: boolean }} page
 */
export function layout({ title, visitor, body, staff = false }) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Kettle &amp; Pine</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/shop.css">
${staff ? "" : html`${snippet(visitor)}
<script src="/shop.js" defer></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${staff ? html`<header class="header staff"><a class="brand" href="/staff/orders">Kettle &amp; Pine
  · staff</a><nav aria-label="Staff"><a href="/">To the shop</a></nav></header>` : header(visitor)}
<main id="main">${body}</main>
${staff ? "" : html`${footer(visitor)}${banner(visitor)}`}
</body>
</html>`.toString();
}
