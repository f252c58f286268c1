// What the shop remembers: sessions with their carts, customers, orders. All in memory and all
// bounded; a real shop keeps them in its database.
import { randomBytes } from "node:crypto";
import { CURRENCY, productOf } from "./catalogue.mjs";

/**
 * @typedef {{ product: string, quantity: number }} CartLine
 * @typedef {{ id: string, cart: CartLine[], token: string, customer: string | null,
 *   lastOrder: string | null }} Session
 * @typedef {{ id: string, name: string, email: string, member: boolean }} Customer
 * @typedef {{ name: string, quantity: number, price: number }} OrderLine
 * @typedef {{ id: string, amount: number, at: Date, report: string }} Refund
 * @typedef {{ id: string, customer: string, lines: OrderLine[], total: number, currency: string,
 *   at: Date, report: string, refunds: Refund[] }} Order
 */

const LIMIT = { sessions: 10_000, customers: 10_000, orders: 10_000 };
export const MAX_QUANTITY = 20;

/** Letters and digits that nobody confuses when an order number is read out on the phone. */
const ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ";

/** @param {number} length */
function code(length) {
  return Array.from(randomBytes(length), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

/**
 * The oldest entry leaves when a new one would pass the bound (a Map keeps insertion order).
 * @template V
 * @param {Map<string, V>} map @param {string} key @param {V} value @param {number} limit
 */
function put(map, key, value, limit) {
  map.set(key, value);
  if (map.size > limit) {
    const oldest = map.keys().next().value;
    if (oldest !== undefined) map.delete(oldest);
  }
}

/** @param {Session} to @param {string} product @param {number} quantity */
function addToCart(to, product, quantity) {
  const line = to.cart.find((one) => one.product === product);
  if (line) line.quantity = Math.min(MAX_QUANTITY, line.quantity + quantity);
  else to.cart.push({ product, quantity: Math.min(MAX_QUANTITY, quantity) });
}

export function createStore() {
  /** @type {Map<string, Session>} */ const sessions = new Map();
  /** @type {Map<string, Customer>} */ const customers = new Map();
  /** @type {Map<string, Order>} */ const orders = new Map();

  /** @param {string} id */
  const session = (id) => sessions.get(id) ?? null;

  /** @returns {Session} */
  function newSession() {
    const id = randomBytes(18).toString("base64url");
    const made = { id, cart: [], token: "", customer: null, lastOrder: null };
    put(sessions, id, made, LIMIT.sessions);
    return made;
  }

  /** One customer per mail address, so that a repeat purchase is one.
   * @param {string} name @param {string} email @param {boolean} member */
  function customer(name, email, member) {
    const mail = email.toLowerCase();
    const known = [...customers.values()].find((one) => one.email.toLowerCase() === mail);
    if (known) {
      const isNewMember = member && !known.member;
      known.member ||= member;
      return { customer: known, isNewMember };
    }
    const made = { id: `cus_${code(12)}`, name, email, member };
    put(customers, made.id, made, LIMIT.customers);
    return { customer: made, isNewMember: member };
  }

  /** Turns the cart into an order; its number is the invoice id that Throughline gets.
   * @param {Session} from @param {Customer} buyer @returns {Order} */
  function order(from, buyer) {
    const lines = cartLines(from);
    const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
    const made = {
      id: `ord_${day}_${code(8)}`, customer: buyer.id, lines, total: totalOf(lines),
      currency: CURRENCY, at: new Date(), report: "", refunds: [],
    };
    put(orders, made.id, made, LIMIT.orders);
    from.cart = [];
    from.lastOrder = made.id;
    return made;
  }

  /** @param {Order} of @param {number} amount @returns {Refund} */
  function refund(of, amount) {
    const made = { id: `re_${code(12)}`, amount, at: new Date(), report: "" };
    of.refunds.push(made);
    return made;
  }

  return {
    session, newSession, customer, addToCart, order, refund,
    /** @param {string} id */ customerOf: (id) => customers.get(id) ?? null,
    /** @param {string} id */ orderOf: (id) => orders.get(id) ?? null,
    allOrders: () => [...orders.values()].reverse(),
    /** @param {string} id */
    ordersOf: (id) => [...orders.values()].filter((one) => one.customer === id).reverse(),
  };
}

/** @typedef {ReturnType<typeof createStore>} Store */

/** @param {Session | null} from @returns {(OrderLine & { id: string })[]} */
export function cartLines(from) {
  return (from?.cart ?? []).flatMap(({ product: id, quantity }) => {
    const product = productOf(id);
    return product ? [{ id, name: product.name, quantity, price: product.price }] : [];
  });
}

/** @param {OrderLine[]} lines */
export const totalOf = (lines) =>
  lines.reduce((sum, line) => sum + line.price * line.quantity, 0);

/** What can still be refunded. @param {Order} order */
export const leftOf = (order) =>
  order.total - order.refunds.reduce((sum, refund) => sum + refund.amount, 0);
