import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { newRootSecret } from "../../tools/stack.mjs";
import { makeProgram, ready, startProduct } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {{ kind: "sale" | "lead" | "refund", body: Record<string, any> }} Report */

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 5);
const SENDERS = 8;
const ROUND_MS = 1_500;
const CUSTOMERS = 12;

/** A small generator with a seed, so that a run can be repeated. @param {number} seed */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What merchants may send: sales, their refunds (sometimes first), leads, and all of it again. */
class Traffic {
  /** @type {Report[]} everything ever made */
  made = [];
  /** @type {Set<Report>} what was answered with 2xx at least once */
  accepted = new Set();
  #sales = 0;
  #refunds = 0;

  /** @param {number} seed @param {string[]} tokens */
  constructor(seed, tokens) {
    this.random = randomOf(seed);
    this.tokens = tokens;
  }

  /** @param {number} count */
  #pick(count) {
    return Math.floor(this.random() * count);
  }

  /** @returns {Report} */
  next() {
    const dice = this.random();
    if (dice < 0.25 && this.made.length > 0) return this.made[this.#pick(this.made.length)];
    const report = dice < 0.65 ? this.#sale() : dice < 0.85 ? this.#refund() : this.#lead();
    this.made.push(report);
    return report;
  }

  #customer() {
    const number = this.#pick(CUSTOMERS);
    return { customerExternalId: `c-${number}`, clickId: this.tokens[number % this.tokens.length] };
  }

  /** @returns {Report} */
  #sale() {
    this.#sales += 1;
    const amount = 100 + this.#pick(100_000);
    const invoiceId = `s-${this.#sales}`;
    return { kind: "sale", body: { ...this.#customer(), invoiceId, amount, currency: "usd" } };
  }

  /** Of a sale that was made, or of the one that comes next. @returns {Report} */
  #refund() {
    this.#refunds += 1;
    const invoiceId = `s-${1 + this.#pick(this.#sales + 1)}`;
    const body = { refundId: `r-${this.#refunds}`, invoiceId };
    if (this.random() < 0.3) return { kind: "refund", body };
    return { kind: "refund", body: { ...body, amount: 1 + this.#pick(60_000), currency: "usd" } };
  }

  /** @returns {Report} */
  #lead() {
    return { kind: "lead", body: { ...this.#customer(), eventName: `Step ${this.#pick(6)}` } };
  }
}

/** Sends until told to stop; a lost connection is no answer.
 * @param {Ready} world @param {Traffic} traffic @param {{ stop: boolean }} signal */
async function send(world, traffic, signal) {
  while (!signal.stop) {
    const report = traffic.next();
    try {
      const answer = await world.track(report.kind, report.body);
      assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
      if (answer.status === 200) traffic.accepted.add(report);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
  }
}

/** Net commissions, from what was stored and nothing of the product's own arithmetic.
 * @param {any[]} facts */
function independentSum(facts) {
  const bodies = facts.map((row) => JSON.parse(row.body));
  const sales = new Map(bodies.filter((b) => b.kind === "sale").map((b) => [b.key, b]));
  let total = 200 * bodies.filter((b) => b.kind === "lead").length;
  /** @type {Map<string, any[]>} */ const refunds = new Map();
  for (const body of bodies.filter((b) => b.kind === "refund")) {
    refunds.set(body.sale_key, [...refunds.get(body.sale_key) ?? [], body]);
  }
  for (const [key, { money: { amount } }] of sales) {
    const earned = Math.floor(amount / 10);
    total += earned;
    const mine = (refunds.get(key) ?? []).sort((a, b) =>
      a.occurred_at - b.occurred_at || (a.key < b.key ? -1 : 1));
    let back = 0;
    for (const { money } of mine) back += Math.min(money?.amount ?? amount - back, amount - back);
    // Rounded down once over all refunds: parts add up.
    total -= Number(BigInt(earned) * BigInt(back) / BigInt(amount));
  }
  return total;
}

/** Every accepted report is one fact; everything derived from the facts fits them.
 * @param {Ready} world @param {Traffic} traffic */
async function check(world, traffic) {
  await world.folded();
  const facts = await world.stack.sql("SELECT kind, key, body, state FROM facts");
  const names = facts.map((row) => `${row.kind} ${row.kind === "lead" ? "" : row.key}`);
  const stored = new Set(names);
  for (const { kind, body } of traffic.accepted) {
    if (kind === "lead") continue;
    const key = kind === "sale" ? body.invoiceId : body.refundId;
    assert.ok(stored.has(`${kind} ${key}`), `${kind} ${key} was accepted`);
  }
  const leads = new Set([...traffic.accepted].filter(({ kind }) => kind === "lead")
    .map(({ body }) => `${body.customerExternalId} ${body.eventName}`));
  const leadFacts = facts.filter((row) => row.kind === "lead");
  assert.ok(leadFacts.length >= leads.size);
  const madeLeads = new Set(traffic.made.filter(({ kind }) => kind === "lead")
    .map(({ body }) => `${body.customerExternalId} ${body.eventName}`));
  assert.ok(leadFacts.length <= madeLeads.size, "nothing is doubled");
  for (const { state, kind, key } of facts) {
    assert.ok(state === "folded" || (kind === "refund" && state === "parked"), `${kind} ${key}`);
  }
  const [{ ids, decided, booked }] = await world.stack.sql(`SELECT
    (SELECT count(*) FROM facts WHERE state = 'folded') AS ids,
    (SELECT count(DISTINCT event) FROM decisions) AS decided,
    (SELECT coalesce(sum(amount), 0) FROM entries) AS booked`);
  assert.equal(decided, ids, "each folded fact is decided");
  assert.equal(booked, independentSum(facts));
  const balances = Object.values(await world.balances());
  assert.equal(balances.reduce((sum, amount) => sum + amount, 0), booked);
  assert.deepEqual(await world.rows("conflicts"), []);
}

test(`what was accepted survives ${ROUNDS} kills under load, once each`, async (t) => {
  const persist = await mkdtemp(path.join(tmpdir(), "throughline-kill-"));
  const rootSecret = newRootSecret();
  /** @type {import("./support/world.mjs").Stack | undefined} */ let stack;
  t.after(async () => {
    await stack?.dispose();
    await rm(persist, { recursive: true, force: true });
  });
  const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`KILL_SEED=${seed}`);
  stack = await startProduct({ persist, rootSecret });
  const admin = String((await stack.setup())?.key);
  const program = await makeProgram(stack, admin);
  const first = ready(stack, admin, program);
  const tokens = [(await first.click("/go/anna")).token, (await first.click("/go/boris")).token];
  const traffic = new Traffic(seed, tokens);
  let before_ = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const world = ready(stack, admin, program);
    const signal = { stop: false };
    const senders = Array.from({ length: SENDERS }, () => send(world, traffic, signal));
    // The load itself is the point, for a different time in each round.
    await pause(ROUND_MS * (0.5 + traffic.random()));
    await stack.kill();
    signal.stop = true;
    await Promise.all(senders);
    assert.ok(traffic.accepted.size > before_, "the load was accepted before the kill");
    before_ = traffic.accepted.size;
    stack = await startProduct({ persist, rootSecret });
    await stack.cron();
    await check(ready(stack, admin, program), traffic);
  }
  t.diagnostic(`${traffic.accepted.size} of ${traffic.made.length} reports accepted`);
});
