/**
 * What merchants send, with a seed: every kind of event, reversals sometimes before what they are
 * about, and all of it again. And the check that what was accepted is in the ledger, once.
 */
import assert from "node:assert/strict";
import { PLAN } from "./world.mjs";

/** @typedef {import("./world.mjs").Ready} Ready */
/** @typedef {{ kind: string, body: Record<string, any> }} Report */

const CUSTOMERS = 12;
/** @param {number} amount */
const flat = (amount) => ({ flat: { amount, currency: "USD" } });
/** What each purchase earns, in hundredths. */
const RATES = { sale: 10, renewal: 5, deal: 20 };
const FLAT = { lead: 200, milestone: 30, reactivation: 70 };
export const RULES = {
  ...PLAN, renewal: { rate_bps: RATES.renewal * 100 }, deal: { rate_bps: RATES.deal * 100 },
  reactivation: flat(FLAT.reactivation), milestones: { signup: flat(FLAT.milestone) },
};
/** The member that is the natural key of an event; the others are one of a customer and a name. */
/** @type {Record<string, string>} */
const KEYS = {
  sale: "invoiceId", deal: "invoiceId", renewal: "invoiceId", refund: "refundId",
  chargeback: "disputeId", dispute_won: "disputeId", reactivation: "eventId",
  cancellation: "eventId",
};

/** A small generator with a seed, so that a run can be repeated. @param {number} seed */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What merchants may send: every kind of event, reversals sometimes before what they are about,
 * and all of it again. */
export class Traffic {
  /** @type {Report[]} everything ever made */
  made = [];
  /** @type {Set<Report>} what was answered with 2xx at least once */
  accepted = new Set();
  #events = 0;
  /** @type {string[]} */
  #invoices = [];
  /** @type {Report[]} */
  #chargebacks = [];

  /** @param {number} seed @param {string[]} tokens @param {string} partner
   * @param {number} [customers] */
  constructor(seed, tokens, partner, customers = CUSTOMERS) {
    this.random = randomOf(seed);
    this.tokens = tokens;
    this.partner = partner;
    this.customers = customers;
  }

  /** @param {number} count */
  #pick(count) {
    return Math.floor(this.random() * count);
  }

  /** @returns {Report} */
  next() {
    const again = this.random() < 0.25 ? this.made[this.#pick(this.made.length)] : undefined;
    if (again) return again;
    const kinds = [
      this.#sale, this.#sale, this.#sale, this.#renewal, this.#deal, this.#refund, this.#refund,
      this.#chargeback, this.#won, this.#lead, this.#milestone, this.#reactivation,
      this.#cancellation,
    ];
    // Each once, then any.
    const report = (kinds[this.made.length] ?? kinds[this.#pick(kinds.length)]).call(this);
    this.made.push(report);
    return report;
  }

  #customer(number = this.#pick(this.customers)) {
    return { customerExternalId: `c-${number}`, clickId: this.tokens[number % this.tokens.length] };
  }

  #key() {
    this.#events += 1;
    return `k-${this.#events}`;
  }

  /** An amount of a new invoice. */
  #paid() {
    const invoiceId = this.#key();
    this.#invoices.push(invoiceId);
    return { invoiceId, amount: 100 + this.#pick(100_000), currency: "usd" };
  }

  /** An invoice that was made, or the one that may come next. */
  #invoice() {
    const place = this.#pick(this.#invoices.length + 1);
    return this.#invoices[place] ?? `k-${this.#events + 2}`;
  }

  /** @returns {Report} */
  #sale() {
    const number = this.#pick(this.customers);
    const more = this.random() < 0.3 ? { subscriptionId: `sub-${number}` } : {};
    return { kind: "sale", body: { ...this.#customer(number), ...this.#paid(), ...more } };
  }

  /** By its subscription alone, or by its customer too. @returns {Report} */
  #renewal() {
    const number = this.#pick(this.customers);
    const more = this.random() < 0.5 ? this.#customer(number) : {};
    const body = { ...this.#paid(), subscriptionId: `sub-${number}`, ...more };
    return { kind: "renewal", body };
  }

  /** @returns {Report} */
  #deal() {
    const body = { ...this.#customer(), ...this.#paid(), partnerId: this.partner };
    return { kind: "deal", body };
  }

  /** @returns {Report} */
  #refund() {
    const body = { refundId: this.#key(), invoiceId: this.#invoice() };
    if (this.random() < 0.3) return { kind: "refund", body };
    return { kind: "refund", body: { ...body, amount: 1 + this.#pick(60_000), currency: "usd" } };
  }

  /** @returns {Report} */
  #chargeback() {
    const body = { disputeId: this.#key(), invoiceId: this.#invoice() };
    const report = { kind: "chargeback", body };
    this.#chargebacks.push(report);
    return report;
  }

  /** Of a chargeback that was made. @returns {Report} */
  #won() {
    const lost = this.#chargebacks[this.#pick(this.#chargebacks.length)] ?? this.#chargeback();
    return { kind: "dispute_won", body: lost.body };
  }

  /** @returns {Report} */
  #lead() {
    return { kind: "lead", body: { ...this.#customer(), eventName: `Step ${this.#pick(6)}` } };
  }

  /** @returns {Report} */
  #milestone() {
    return { kind: "milestone", body: { ...this.#customer(), eventName: "signup" } };
  }

  /** @returns {Report} */
  #reactivation() {
    return { kind: "reactivation", body: { eventId: this.#key(), ...this.#customer() } };
  }

  /** @returns {Report} */
  #cancellation() {
    const subscriptionId = `sub-${this.#pick(this.customers)}`;
    return { kind: "cancellation", body: { eventId: this.#key(), subscriptionId } };
  }
}

/** Sends one report, or a few at once; gives those that were accepted.
 * @param {Ready} world @param {Traffic} traffic @returns {Promise<Report[]>} */
async function sendSome(world, traffic) {
  const report = traffic.next();
  if (traffic.random() < 0.8) {
    const answer = await world.track(report.kind, report.body);
    assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    return answer.status === 200 ? [report] : [];
  }
  const reports = [report, traffic.next(), traffic.next()];
  const events = reports.map(({ kind, body }) => ({ type: kind, ...body }));
  const answer = await world.track("batch", { events });
  assert.ok([200, 207, 503].includes(answer.status), `${answer.status} ${answer.text}`);
  if (answer.status === 503) return [];
  const statuses = answer.json().results.map((/** @type {any} */ one) => one.status);
  return reports.filter((_, place) => statuses[place] === 200);
}

/** Sends one report, or a few at once, and notes what was accepted.
 * @param {Ready} world @param {Traffic} traffic */
export async function sendOnce(world, traffic) {
  for (const report of await sendSome(world, traffic)) traffic.accepted.add(report);
}

/** Sends until told to stop; a lost connection is no answer.
 * @param {Ready} world @param {Traffic} traffic @param {{ stop: boolean }} signal */
export async function send(world, traffic, signal) {
  while (!signal.stop) {
    try {
      await sendOnce(world, traffic);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
  }
}

/** What was given back of a purchase in the end. @param {number} amount @param {any[]} reversals */
function givenBack(amount, reversals) {
  const lost = new Map(reversals.filter((b) => b.kind === "chargeback").map((b) => [b.key, b]));
  /** @param {any} body */
  const at = (body) => body.kind === "dispute_won"
    ? Math.max(body.occurred_at, lost.get(body.key)?.occurred_at ?? 0) : body.occurred_at;
  const ranks = ["refund", "chargeback", "dispute_won"];
  /** @param {any} a @param {any} b */
  const order = (a, b) => at(a) - at(b) || ranks.indexOf(a.kind) - ranks.indexOf(b.kind)
    || (a.key < b.key ? -1 : 1);
  /** @type {Map<string, number>} */ const taken = new Map();
  let back = 0;
  for (const { kind, key, money } of [...reversals].sort(order)) {
    if (kind === "dispute_won") {
      back -= taken.get(key) ?? 0;
      taken.delete(key);
      continue;
    }
    const part = Math.min(money?.amount ?? amount - back, amount - back);
    if (kind === "chargeback") taken.set(key, part);
    back += part;
  }
  return back;
}

/** Net commissions, from what was stored and nothing of the product's own arithmetic.
 * @param {any[]} facts */
function independentSum(facts) {
  const bodies = facts.filter(({ state }) => state === "folded").map((row) => JSON.parse(row.body));
  /** @type {Map<string, any[]>} */ const reversals = new Map();
  for (const body of bodies.filter((b) => b.sale_key)) {
    reversals.set(body.sale_key, [...reversals.get(body.sale_key) ?? [], body]);
  }
  let total = 0;
  for (const { kind, key, money } of bodies) {
    total += /** @type {Record<string, number>} */ (FLAT)[kind] ?? 0;
    const rate = /** @type {Record<string, number>} */ (RATES)[kind];
    if (rate === undefined) continue;
    const earned = Math.floor(money.amount * rate / 100);
    const back = givenBack(money.amount, reversals.get(key) ?? []);
    // Rounded down once over all reversals: parts add up.
    total += earned - Number(BigInt(earned) * BigInt(back) / BigInt(money.amount));
  }
  return total;
}

/** Every accepted report is one fact; everything derived from the facts fits them.
 * @param {Ready} world @param {Traffic} traffic */
export async function check(world, traffic) {
  await world.folded();
  const facts = await world.stack.sql("SELECT kind, key, body, state FROM facts");
  const stored = new Set(facts.map((row) => `${row.kind} ${row.key}`));
  for (const { kind, body } of traffic.accepted) {
    if (!(kind in KEYS)) continue;
    assert.ok(stored.has(`${kind} ${body[KEYS[kind]]}`), `${kind} ${JSON.stringify(body)}`);
  }
  for (const kind of ["lead", "milestone"]) {
    /** @param {Iterable<Report>} reports */
    const steps = (reports) => new Set([...reports].filter((one) => one.kind === kind)
      .map(({ body }) => `${body.customerExternalId} ${body.eventName}`)).size;
    const count = facts.filter((row) => row.kind === kind).length;
    assert.ok(count >= steps(traffic.accepted), `each accepted ${kind} is there`);
    assert.ok(count <= steps(traffic.made), "nothing is doubled");
  }
  for (const { state, kind, key, body } of facts) {
    const waits = state === "parked" && JSON.parse(body).customer === null;
    assert.ok(state === "folded" || waits, `${kind} ${key} is ${state}`);
  }
  const [{ ids, decided, booked }] = await world.stack.sql(`SELECT
    (SELECT count(*) FROM facts WHERE state = 'folded') AS ids,
    (SELECT count(DISTINCT event) FROM decisions) AS decided,
    (SELECT coalesce(sum(amount), 0) FROM entries WHERE kind <> 'payout') AS booked`);
  assert.equal(decided, ids, "each folded fact is decided");
  assert.equal(booked, independentSum(facts));
  const balances = await world.rows("balances");
  assert.equal(balances.reduce((sum, { total }) => sum + Number(total), 0), booked);
  assert.deepEqual(await world.rows("conflicts"), []);
}
