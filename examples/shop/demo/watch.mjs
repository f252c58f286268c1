// Shows what happens while it happens: reads the public API once a second and prints a line for
// each new thing.
import { bold, dim, green, red, yellow } from "../../../tools/console.mjs";

const LISTS = /** @type {const} */ (
  ["clicks", "events", "decisions", "ledger", "balances", "deliveries"]);
const PAGE = 100;
const MAX_PAGES = 20;

/** @typedef {Record<string, any>} Row */
/** @typedef {Record<typeof LISTS[number], Row[]>} Snapshot */
/** @typedef {(id: unknown) => string} NameOf */

/**
 * Reads a list to its end, as far as is sensible for a demo; the oldest row comes first.
 * @param {(path: string) => Promise<any>} get @param {string} list @param {string} program
 * @returns {Promise<Row[]>}
 */
export async function readList(get, list, program) {
  /** @type {Row[]} */ const rows = [];
  let cursor = "";
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const query = new URLSearchParams({ program, limit: String(PAGE), ...(cursor && { cursor }) });
    const answer = await get(`${list}?${query}`);
    rows.push(...answer.data);
    if (!answer.next_cursor) break;
    cursor = answer.next_cursor;
  }
  return rows.reverse();
}

/** @param {number} amount minor units @param {string} currency */
export function moneyText(amount, currency) {
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** @param {any} money */
const amountText = (money) =>
  money ? ` ${moneyText(Number(money.amount), String(money.currency))}` : "";

/** @param {Row} row @param {NameOf} name */
const clickLine = (row, name) =>
  `${dim("click   ")} ${name(row.link)} on ${row.day}: ${row.raw} raw, ${row.valid} valid, `
    + `${row.confirmed} confirmed`;

/** @param {Row} row */
const eventLine = (row) =>
  `${bold("event   ")} ${row.kind} ${row.key ?? row.id}${amountText(row.amount)}: ${row.state}`;

/** @param {Row} row */
const decisionLine = (row) => `${yellow("decision")} ${row.sentence}`;

/** @param {Row} row @param {NameOf} name @param {Row[]} balances */
function ledgerLine(row, name, balances) {
  const balance = balances.find(
    (one) => one.partner === row.partner && one.currency === row.currency);
  const amount = moneyText(Number(row.amount), String(row.currency));
  const paint = Number(row.amount) < 0 ? red : green;
  const after = balance
    ? `; balance ${moneyText(Number(balance.amount), String(balance.currency))}` : "";
  return `${bold("ledger  ")} ${paint(amount)} ${name(row.partner)}, ${row.reason ?? row.kind}`
    + after;
}

/** @param {Row} row @param {NameOf} name */
function deliveryLine(row, name) {
  const tries = `${row.attempts} ${row.attempts === 1 ? "try" : "tries"}`;
  const status = row.last_status ? `, answered ${row.last_status}` : "";
  const error = row.last_error ? `, ${row.last_error}` : "";
  return `${bold("delivery")} ${row.type} to ${name(row.destination)}: `
    + `${row.state} (${tries}${status}${error})`;
}

/**
 * Each row with what makes it news: what is known already is not told again.
 * @param {Snapshot} now @param {NameOf} name @returns {[string, string][]}
 */
function news(now, name) {
  /** @param {unknown[]} parts */
  const id = (...parts) => parts.join("\n");
  return [
    ...now.clicks.map((row) => /** @type {[string, string]} */ (
      [id("click", row.day, row.link, row.raw, row.valid, row.confirmed), clickLine(row, name)])),
    ...now.events.map((row) => /** @type {[string, string]} */ (
      [id("event", row.id, row.state), eventLine(row)])),
    ...now.decisions.map((row) => /** @type {[string, string]} */ (
      [id("decision", row.event, row.sentence), decisionLine(row)])),
    ...now.ledger.map((row) => /** @type {[string, string]} */ (
      [id("ledger", row.id), ledgerLine(row, name, now.balances)])),
    ...now.deliveries.map((row) => /** @type {[string, string]} */ (
      [id("delivery", row.id, row.state, row.attempts), deliveryLine(row, name)])),
  ];
}

/**
 * @param {{ get: (path: string) => Promise<any>, program: string, names: Map<string, string>,
 *   print: (line: string) => void }} settings
 */
export function createWatch({ get, program, names, print }) {
  /** @type {Set<string>} */ const told = new Set();
  let first = true;
  let failing = false;

  /** @type {NameOf} */
  const name = (id) => names.get(String(id)) ?? String(id);

  /** @returns {Promise<Snapshot>} */
  async function read() {
    const lists = await Promise.all(LISTS.map((list) => readList(get, list, program)));
    return /** @type {Snapshot} */ (Object.fromEntries(LISTS.map((list, i) => [list, lists[i]])));
  }

  /** @param {Snapshot} now */
  function summary(now) {
    if (now.events.length === 0) return;
    const balances = now.balances.map((row) =>
      `${name(row.partner)} ${moneyText(Number(row.amount), String(row.currency))}`);
    print(dim(`From earlier: ${now.events.length} events; balances: ${balances.join(", ")}`));
  }

  /** Reads once and tells what is new; what was there before the start is only summed up. */
  return async function poll() {
    let now;
    try {
      now = await read();
    } catch (error) {
      if (!failing) print(red(`The API does not answer: ${/** @type {Error} */ (error).message}`));
      failing = true;
      return;
    }
    failing = false;
    const time = dim(new Date().toTimeString().slice(0, 8));
    for (const [key, line] of news(now, name)) {
      if (told.has(key)) continue;
      told.add(key);
      if (!first) print(`${time} ${line}`);
    }
    if (first) summary(now);
    first = false;
  };
}
