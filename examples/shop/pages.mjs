// The pages a customer sees. Each form carries `tl_token`: Throughline's snippet fills it in, and
// the shop's server hands it back with the sign-up or the sale.
import { MAX_QUANTITY } from "./store.mjs";
import { PRODUCTS, money } from "./catalogue.mjs";
import { html } from "./html.mjs";

/** @typedef {import("./catalogue.mjs").Product} Product */
/** @typedef {import("./store.mjs").Order} Order */
/** @typedef {{ name: string, email: string, error?: string }} PersonForm */

const tokenField = html`<input type="hidden" name="tl_token" value="">`;

/** A tin, drawn in the product's colours. @param {Product} product */
const picture = (product) => html`
<svg class="tin" viewBox="0 0 200 200" role="img" aria-label="${product.name}, ${product.unit}">
  <rect width="200" height="200" fill="${product.leaf}"/>
  <ellipse cx="100" cy="172" rx="58" ry="9" fill="#000" opacity=".12"/>
  <rect x="50" y="52" width="100" height="118" rx="7" fill="${product.tin}"/>
  <rect x="46" y="38" width="108" height="22" rx="6" fill="${product.tin}"/>
  <rect x="50" y="60" width="100" height="5" fill="#000" opacity=".18"/>
  <rect x="62" y="84" width="76" height="58" rx="4" fill="#fffdf7"/>
  <path d="M100 94c13 8 14 22 0 36-14-14-13-28 0-36z" fill="${product.tin}"/>
  <path d="M100 98v30" stroke="#fffdf7" stroke-width="2"/>
</svg>`;

/** @param {Product} product */
const addForm = (product) => html`
<form method="post" action="/cart">
  <input type="hidden" name="product" value="${product.id}">${tokenField}
  <button class="button" aria-label="Add to cart: ${product.name}">Add to cart</button>
</form>`;

export const landing = () => html`
<section class="hero">
  <h1>Tea for slow mornings</h1>
  <p>Small lots, picked this year, packed the week they leave us. Six things, chosen with care.</p>
  <a class="button" href="#teas">See the teas</a>
</section>
<section id="teas" aria-labelledby="teas-title">
  <h2 id="teas-title">The shelf</h2>
  <ul class="grid">${PRODUCTS.map((product) => html`
    <li class="card">
      <a href="/products/${product.id}">${picture(product)}
        <h3>${product.name}</h3></a>
      <p>${product.tagline}</p>
      <div class="buy"><span class="price">${money(product.price)}</span>${addForm(product)}</div>
    </li>`)}
  </ul>
</section>`;

/** @param {Product} product */
export const productPage = (product) => html`
<article class="product">
  ${picture(product)}
  <div>
    <h1>${product.name}</h1>
    <p class="tagline">${product.tagline}</p>
    <p>${product.about}</p>
    <p><span class="price">${money(product.price)}</span>
      <span class="muted">· ${product.unit}</span></p>
    <form method="post" action="/cart" class="inline">
      <input type="hidden" name="product" value="${product.id}">${tokenField}
      <label for="quantity">Quantity</label>
      <input id="quantity" name="quantity" type="number" min="1" max="${MAX_QUANTITY}" value="1">
      <button class="button">Add to cart</button>
    </form>
  </div>
</article>`;

/** @param {PersonForm} person */
const personFields = (person) => html`
${person.error ? html`<p class="error" role="alert" id="form-error">${person.error}</p>` : ""}
<label for="name">Name</label>
<input id="name" name="name" autocomplete="name" required maxlength="100" value="${person.name}">
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="email" required maxlength="200"
  value="${person.email}">`;

/** @param {import("./store.mjs").OrderLine[]} lines @param {number} total */
const table = (lines, total) => html`
<table>
  <thead><tr><th scope="col">Tea</th><th scope="col" class="number">Quantity</th>
    <th scope="col" class="number">Price</th></tr></thead>
  <tbody>${lines.map((line) => html`<tr><td>${line.name}</td>
    <td class="number">${line.quantity}</td>
    <td class="number">${money(line.price * line.quantity)}</td></tr>`)}</tbody>
  <tfoot><tr><th scope="row" colspan="2">Total, shipping included</th>
    <td class="number"><strong>${money(total)}</strong></td></tr></tfoot>
</table>`;

/** @param {(import("./store.mjs").OrderLine & { id: string })[]} lines @param {number} total
 * @param {PersonForm} person */
export const cartPage = (lines, total, person) => lines.length === 0
  ? html`<section class="narrow"><h1>Your cart is empty</h1>
      <p><a class="button" href="/#teas">See the teas</a></p></section>`
  : html`
<section class="columns">
  <div>
    <h1>Your cart</h1>
    ${table(lines, total)}
    <form method="post" action="/cart/empty"><button class="link">Empty the cart</button></form>
  </div>
  <form method="post" action="/checkout" class="panel" aria-labelledby="checkout-title">
    <h2 id="checkout-title">Checkout</h2>
    ${personFields(person)}${tokenField}
    <button class="button wide">Buy now · ${money(total)}</button>
    <p class="muted">No card needed: this shop only pretends to charge you.</p>
  </form>
</section>`;

/** @param {Order} order */
export const thanksPage = (order) => html`
<section class="narrow">
  <h1>Thank you!</h1>
  <p>Your order <strong id="order-number">${order.id}</strong> is on the shelf, ready to pack.</p>
  ${table(order.lines, order.total)}
  <p><a class="button" href="/">Back to the shop</a></p>
</section>`;

/** @param {PersonForm} person */
export const signUpPage = (person) => html`
<section class="narrow">
  <h1>Join the tea club</h1>
  <p>First pick of every new harvest, and a note when your tin should be running low.</p>
  <form method="post" action="/sign-up" class="panel">
    ${personFields(person)}${tokenField}
    <button class="button wide">Join</button>
  </form>
</section>`;

/** @param {import("./store.mjs").Customer} customer @param {Order[]} orders */
export const accountPage = (customer, orders) => html`
<section class="narrow">
  <h1>Hello, ${customer.name}</h1>
  <p>${customer.member ? "You are in the tea club." : ""}</p>
  <h2>Your orders</h2>
  ${orders.length === 0 ? html`<p>None yet.</p>` : html`<ul>${orders.map((order) => html`
    <li>${order.id} · ${money(order.total)}</li>`)}</ul>`}
  <p><a class="button" href="/#teas">See the teas</a></p>
</section>`;

/** @param {string} heading @param {string} text */
export const messagePage = (heading, text) => html`
<section class="narrow"><h1>${heading}</h1><p>${text}</p>
  <p><a class="button" href="/">Back to the shop</a></p></section>`;
