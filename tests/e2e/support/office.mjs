/** People at work while merchants report: they rule on events, settle, pay, and take payouts back. */
import assert from "node:assert/strict";

/** @typedef {import("./world.mjs").Ready} Ready */

export class Office {
  /** @type {Record<"ruled" | "settled" | "paid" | "voided", string[]>} ids that were accepted */
  done = { ruled: [], settled: [], paid: [], voided: [] };
  #turn = 0;

  /** @param {() => number} random */
  constructor(random) {
    this.random = random;
  }

  /** Works until told to stop; a lost connection is no answer.
   * @param {Ready} world @param {{ stop: boolean }} signal */
  async work(world, signal) {
    const duties = [this.#rule, this.#settle, this.#pay, this.#takeBack];
    while (!signal.stop) {
      const duty = duties[this.#turn % duties.length];
      this.#turn += 1;
      try {
        await duty.call(this, world);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
    }
  }

  /** @param {Ready} world @param {string} path @param {object} body @returns {Promise<any>} */
  async #ask(world, path, body) {
    const answer = await world.api("POST", path, body);
    assert.ok([200, 201, 202, 409, 503].includes(answer.status), `${path}: ${answer.text}`);
    return answer.status < 300 ? answer.json() : undefined;
  }

  /** @param {Ready} world */
  async #rule(world) {
    const answer = await world.api("GET", `events?program=${world.program.id}&limit=20`);
    const rows = answer.status === 200 ? answer.json().data : [];
    const event = rows[Math.floor(this.random() * rows.length)];
    if (!event) return;
    const action = this.random() < 0.3 ? "hold" : "approve";
    const ruled = await this.#ask(world, `events/${event.id}/${action}`, { reason: "a look" });
    if (ruled) this.done.ruled.push(event.id);
  }

  /** @param {Ready} world */
  async #settle(world) {
    const settled = await this.#ask(world, "settlements", { program: world.program.id });
    for (const { id } of settled?.settlements ?? []) this.done.settled.push(id);
  }

  /** @param {Ready} world */
  async #pay(world) {
    const body = { program: world.program.id, reference: "run", id: `run-${this.#turn}` };
    const paid = await this.#ask(world, "payouts", body);
    for (const { id } of paid?.payouts ?? []) this.done.paid.push(id);
  }

  /** Every other payout was booked wrongly. @param {Ready} world */
  async #takeBack(world) {
    const id = this.done.paid.at(-1);
    if (!id || this.random() < 0.5 || this.done.voided.includes(id)) return;
    const voided = await this.#ask(world, `payouts/${id}/void`, { reason: "booked wrongly" });
    if (voided) this.done.voided.push(id);
  }

  /** What was accepted is there, and each line is settled and paid once at most.
   * @param {Ready} world */
  async check(world) {
    const { sql } = world.stack;
    const places = { ruled: ["rulings", "event"], settled: ["settlements", "id"],
      paid: ["payouts", "id"], voided: ["payout_voids", "payout"] };
    for (const [what, [table, column]] of Object.entries(places)) {
      const rows = await sql(`SELECT ${column} AS id FROM ${table}`);
      const stored = new Set(rows.map((row) => row.id));
      for (const id of this.done[/** @type {keyof Office["done"]} */ (what)]) {
        assert.ok(stored.has(id), `${what} ${id}`);
      }
    }
    const live = "payout NOT IN (SELECT payout FROM payout_voids)";
    const [sums] = await sql(`SELECT
      (SELECT coalesce(sum(payout), 0) FROM entries WHERE kind <> 'payout') AS booked,
      (SELECT coalesce(sum(e.payout), 0) FROM unsettled u JOIN entries e ON e.seq = u.seq) AS open,
      (SELECT coalesce(sum(payout), 0) FROM settlement_lines) AS settled,
      (SELECT coalesce(sum(payout), 0) FROM unpaid) AS unpaid,
      (SELECT coalesce(sum(s.payout), 0) FROM payout_lines l
        JOIN settlement_lines s ON s.entry = l.entry WHERE l.${live}) AS paid,
      (SELECT coalesce(sum(amount), 0) FROM payouts
        WHERE id NOT IN (SELECT payout FROM payout_voids)) AS payouts,
      (SELECT coalesce(-sum(payout), 0) FROM entries WHERE kind = 'payout') AS taken,
      (SELECT count(*) - count(DISTINCT entry) FROM payout_lines WHERE ${live}) AS doubled`);
    assert.equal(sums.open + sums.settled, sums.booked, "what is not open is settled, once");
    assert.equal(sums.unpaid + sums.paid, sums.settled, "what is settled waits or is paid, once");
    assert.deepEqual([sums.payouts, sums.taken, sums.doubled], [sums.paid, sums.paid, 0]);
  }
}
