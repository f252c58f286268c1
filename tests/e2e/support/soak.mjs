/** What runs during a soak: visitors, a shop with bodies of every size, one customer with thousands
 * of events, the minute's cron, and somebody who watches. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { tokenOf } from "./world.mjs";

/** @typedef {import("./world.mjs").Ready} Ready */
/** @typedef {import("./traffic.mjs").Traffic} Traffic */
/** @typedef {{ stop: boolean }} Signal */

const CRON_MS = 60_000;
const WATCH_MS = 2_000;
/** Events that one customer may have (README, "Limits"). */
export const GUEST_EVENTS = 5_000;
const GUEST_BATCH = 20;

/** Calls again and again, at most once per `ms`, until told to stop. A lost connection is no answer.
 * @param {Signal} signal @param {number} ms @param {() => Promise<unknown>} call */
export async function repeat(signal, ms, call) {
  while (!signal.stop) {
    const next = pause(ms);
    try {
      await call();
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
    await next;
  }
}

/** Visitors of one link, and the snippet of the page that they land on. */
export class Visitors {
  /** Redirects of people, and landings of their tokens, that were answered. */
  clicks = 0;
  landings = 0;

  /** @param {Ready} world @param {string} path */
  async come(world, path) {
    const answer = await world.visit(path);
    assert.equal(answer.status, 302, answer.text);
    this.clicks += 1;
    const token = tokenOf(answer);
    if (token === null || this.clicks % 3 !== 0) return;
    const landed = await world.beacon({ n: "land", t: token });
    assert.ok(landed.status < 300, landed.text);
    this.landings += 1;
  }
}

/** A sale whose body is as large as it may be in one way or another.
 * @param {Traffic} traffic @param {number} number */
export function hostileSale(traffic, number) {
  const pick = (/** @type {number} */ count) => Math.floor(traffic.random() * count);
  const amount = 100 + pick(10_000);
  const body = {
    customerExternalId: `h-${pick(3)}-${"x".repeat(180)}`, clickId: traffic.tokens[number % 2],
    invoiceId: `hostile-${number}`, amount, currency: "usd",
  };
  const wide = "\u{1F9C9}".repeat(20);
  const lines = Array.from({ length: 100 }, (_, place) => (
    { sku: `${wide}${place}`, category: wide, quantity: 1, amount: place === 0 ? amount : 0 }));
  const large = { metadata: { note: "\u0001\"\\".repeat(900) } };
  return { kind: "sale", body: { ...body, ...[{ lines }, large, {}][number % 3] } };
}

/** All orders of people without an account, under one id: what a shop does by accident. */
export class Guest {
  sent = 0;

  /** @param {string[]} tokens of clicks that no other customer brings */
  constructor(tokens) {
    this.tokens = tokens;
  }

  /** @param {Ready} world @param {Traffic} traffic */
  async buy(world, traffic) {
    if (this.sent >= GUEST_EVENTS) return;
    const batch = Array.from({ length: GUEST_BATCH }, (_, place) => ({
      type: "sale", customerExternalId: "guest", invoiceId: `guest-${this.sent + place}`,
      clickId: this.tokens[place % this.tokens.length], amount: 1_000, currency: "usd",
    }));
    const answer = await world.track("batch", { events: batch });
    // Not answered, or refused: the same again, with the same invoices.
    if (answer.status !== 200) return;
    for (const { type, ...body } of batch) traffic.accepted.add({ kind: type, body });
    this.sent += GUEST_BATCH;
  }
}

/** Looks at the ledger's work list and at memory. */
export class Watch {
  /** @type {{ at: number, oldestMs: number }[]} */
  seen = [];

  /** @param {Ready} world @param {Signal} signal */
  async look(world, signal) {
    await repeat(signal, WATCH_MS, async () => {
      // As `GET /api/v1/status` counts: since it came, if it was never decided; what others woke,
      // since the fold first tried.
      const [{ oldest }] = await world.stack.sql(`SELECT min(coalesce(waits_since, iif(
        EXISTS (SELECT 1 FROM decisions d WHERE d.event = f.id), NULL, received_at))) AS oldest
        FROM facts f WHERE state = 'pending'`);
      const at = Date.now();
      this.seen.push({ at, oldestMs: oldest === null ? 0 : at - Number(oldest) });
    });
  }
}

/** The minute's cron. @param {Ready} world @param {Signal} signal */
export const cron = (world, signal) => repeat(signal, CRON_MS, () => world.stack.cron());

/** Resident memory of workerd, in bytes. @param {Ready} world */
export function residentBytes(world) {
  const text = execFileSync("ps", ["-o", "rss=", "-p", String(world.stack.pid)], {
    encoding: "utf8",
  });
  return Number(text) * 1024;
}
