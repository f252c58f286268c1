/** What the bench found: as tables for people, as JSON for programs. */
import { mkdir, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import path from "node:path";
import { ROOT, bold, dim } from "../tools/console.mjs";
import { median } from "./cpu.mjs";
import { MIX } from "./gateway.mjs";
import { priced, printPrices } from "./prices.mjs";
import { TARGETS, printTargets } from "./targets.mjs";

/** The cases in the order of the tables, each with what it is held against. */
const REDIRECTS = [
  ["hello", "hello", 'a Worker that answers "hi"'],
  ["redirect", "hello", "redirect: journal opened, renewed, click queued"],
  ["js", "hello", "the same in JavaScript"],
  ["full_journal", "hello", "redirect with a full journal"],
  ["js_full_journal", "hello", "the same in JavaScript"],
  ["no_cookie", "hello", "first click of a visitor"],
  ["code_consent", "hello", "no consent: nothing stored in the browser"],
];
const GATEWAY = [
  ["bare_document", "bare_document", "a Worker that only fetches: a page"],
  ["gateway_document", "bare_document", "gateway: a page, visitor with a journal"],
  ["gateway_stranger", "bare_stranger", "gateway: a page, visitor without"],
  ["bare_asset", "bare_asset", "a Worker that only fetches: an image"],
  ["gateway_asset", "bare_asset", "gateway: an image"],
];

/**
 * @typedef {import("./measure.mjs").Run} Run
 * @typedef {{ cpu: number, wall: number }} Start
 * @typedef {object} Found
 * @property {{ runs: Run[], starts: { hello: Start[], product: Start[] } }} [redirect]
 * @property {Run[]} [gateway]
 * @property {import("./costs.mjs").Counts} [counts]
 * @property {import("./deliveries.mjs").Delivered} [delivered]
 * @property {import("./fold.mjs").Fold} [fold]
 */

/** @param {number} value @param {number} [digits] */
const rounded = (value, digits = 1) => Number(value.toFixed(digits));

/** CPU time of each round of a case. @param {Run[]} runs @param {string} name */
function rounds(runs, name) {
  return runs.filter((run) => run.case === name).map((run) => run.cpu_us);
}

/**
 * The median of each round's own ratio: what disturbs a round disturbs both of its sides.
 * @param {number[]} ours
 * @param {number[]} others
 */
function ratio(ours, others) {
  return rounded(median(ours.map((value, round) => value / others[round])), 3);
}

/** Rounds of the stated mix of requests to a site. @param {Run[]} runs @param {string} side */
function mixed(runs, side) {
  const parts = Object.entries(MIX).map(([name, share]) =>
    rounds(runs, `${side}_${name}`).map((value) => value * share));
  return parts[0].map((_, round) => parts.reduce((sum, part) => sum + part[round], 0));
}

function machine() {
  const file = path.join(ROOT, "node_modules/workerd/package.json");
  const all = cpus();
  return {
    cores: all.length, cpu: all[0]?.model, load: loadavg().map((load) => rounded(load, 2)),
    node: process.version, workerd: JSON.parse(readFileSync(file, "utf8")).version,
  };
}

/** @param {NonNullable<Found["redirect"]>} found */
function ofRedirect({ runs, starts }) {
  const cpu = (/** @type {string} */ name) => rounded(median(rounds(runs, name)));
  const against = (/** @type {string} */ one, /** @type {string} */ other) =>
    ratio(rounds(runs, one), rounds(runs, other));
  const started = (/** @type {Start[]} */ all, /** @type {keyof Start} */ what) =>
    rounded(median(all.map((each) => each[what])));
  const ours = runs.filter((run) => run.case === "redirect");
  const sum = (/** @type {"messages" | "kv_reads" | "requests"} */ what) =>
    ours.reduce((total, run) => total + (run[what] ?? 0), 0);
  return {
    redirect_cpu_vs_js: against("redirect", "js"),
    redirect_cpu_vs_hello: against("redirect", "hello"),
    full_journal_cpu_vs_js: against("full_journal", "js_full_journal"),
    redirect_cpu_us: cpu("redirect"),
    js_cpu_us: cpu("js"),
    hello_cpu_us: cpu("hello"),
    full_journal_cpu_us: cpu("full_journal"),
    js_full_journal_cpu_us: cpu("js_full_journal"),
    no_cookie_cpu_us: cpu("no_cookie"),
    code_consent_cpu_us: cpu("code_consent"),
    messages_per_1000_clicks: rounded((sum("messages") * 1000) / sum("requests")),
    kv_reads_per_1000_clicks: rounded((sum("kv_reads") * 1000) / sum("requests"), 2),
    start_cpu_ms: started(starts.product, "cpu"),
    start_wall_ms: started(starts.product, "wall"),
    hello_start_cpu_ms: started(starts.hello, "cpu"),
    hello_start_wall_ms: started(starts.hello, "wall"),
  };
}

/** @param {Run[]} runs */
function ofGateway(runs) {
  const against = (/** @type {string} */ name) =>
    ratio(rounds(runs, `gateway_${name}`), rounds(runs, `bare_${name}`));
  return {
    gateway_cpu_vs_bare: ratio(mixed(runs, "gateway"), mixed(runs, "bare")),
    gateway_mix: MIX,
    gateway_document_vs_bare: against("document"),
    gateway_stranger_vs_bare: against("stranger"),
    gateway_asset_vs_bare: against("asset"),
  };
}

/** @param {import("./deliveries.mjs").Delivered} found */
function ofDeliveries({ deliveries, seconds, ...operations }) {
  const each = (/** @type {number} */ count) => rounded(count / deliveries, 3);
  return {
    deliveries_per_second: rounded(deliveries / seconds),
    d1_operations_per_delivery: each(operations.d1_statements),
    d1_round_trips_per_delivery: each(operations.d1_batches),
    d1_rows_written_per_delivery: each(operations.d1_rows_written),
  };
}

/**
 * @param {Found} found
 * @param {boolean} quick
 * @returns {Record<string, any>}
 */
export function summary({ redirect, gateway, counts, delivered, fold }, quick) {
  const runs = [...(redirect?.runs ?? []), ...(gateway ?? [])];
  return {
    ...(redirect && ofRedirect(redirect)),
    ...(gateway && ofGateway(gateway)),
    ...(counts && priced(counts)),
    ...(delivered && ofDeliveries(delivered)),
    ...fold,
    targets: Object.fromEntries(Object.entries(TARGETS).map(([name, { most, least }]) =>
      [name, most ?? least])),
    quick,
    machine: machine(),
    runs: runs.map((run) => ({
      ...run, cpu_us: rounded(run.cpu_us, 2), wall_ms: rounded(run.wall_ms),
    })),
  };
}

/** @param {Run[]} runs @param {string[][]} cases @param {string} against */
function table(runs, cases, against) {
  const title = "CPU µs".padStart(56) + "spread".padStart(14);
  console.log(bold(`\n${title}  ${against}`));
  for (const [name, other, what] of cases) {
    const values = rounds(runs, name);
    const spread = `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)}`;
    const columns = [
      median(values).toFixed(1).padStart(8), spread.padStart(14),
      ratio(values, rounds(runs, other)).toFixed(2).padStart(9),
    ];
    console.log(what.padEnd(48) + columns.join(""));
  }
}

/** @param {Record<string, any>} result */
export function print(result) {
  const { runs, machine: on } = result;
  if (result.redirect_cpu_us) {
    table(runs, REDIRECTS, "× hello");
    console.log(
      `\nstart to first answer: ${result.start_wall_ms} ms (CPU ${result.start_cpu_ms} ms); hello ` +
        `${result.hello_start_wall_ms} ms (CPU ${result.hello_start_cpu_ms} ms)\n` +
        `per 1000 clicks at full load: ${result.messages_per_1000_clicks} queue messages, ` +
        `${result.kv_reads_per_1000_clicks} KV reads`,
    );
  }
  if (result.gateway_mix) table(runs, GATEWAY, " × bare");
  if (result.operations) printPrices(result);
  if (result.deliveries_per_second) {
    console.log(
      `\ndeliveries: ${result.deliveries_per_second} a second, each ` +
        `${result.d1_operations_per_delivery} D1 statements in ` +
        `${result.d1_round_trips_per_delivery} round trips, ` +
        `${result.d1_rows_written_per_delivery} rows written`,
    );
  }
  if (result.decision_us_p50) {
    console.log(
      `\nfold: ${result.decision_us_p50} µs a decision; ${result.fold_sqlite_events_per_second} ` +
        `events a second with SQLite, ${result.fold_d1_events_per_second} in wasm with D1 ` +
        `(CPU ${result.fold_d1_cpu_ms_per_100_events} ms a hundred)`,
    );
  }
  printTargets(result);
  const quick = result.quick ? "; a quick run: the numbers are rough" : "";
  console.log(dim(`${on.cores} cores, load ${on.load.join(" ")}, workerd ${on.workerd}${quick}`));
}

/** @param {Record<string, any>} result */
export async function write(result) {
  const dir = path.join(ROOT, "target");
  await mkdir(dir, { recursive: true });
  await writeFile(path.join(dir, "bench.json"), `${JSON.stringify(result, null, 2)}\n`);
}
