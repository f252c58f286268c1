/** What the bench found: as a table for people, as JSON for programs. */
import { mkdir, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import path from "node:path";
import { ROOT, bold, dim } from "../tools/console.mjs";
import { median } from "./cpu.mjs";

/** The cases in the order of the table. */
const CASES = [
  ["hello", 'a Worker that answers "hi"'],
  ["redirect", "redirect: journal opened, renewed, click queued"],
  ["full_journal", "the same with a full journal"],
  ["no_cookie", "first click of a visitor"],
  ["code_consent", "no consent: nothing stored in the browser"],
];

/**
 * @typedef {object} Run
 * @property {string} case
 * @property {number} requests
 * @property {number} cpu_us
 * @property {number} wall_ms
 * @property {number} [messages]
 * @property {number} [message_bytes]
 * @property {number} [kv_reads]
 *
 * @typedef {{ cpu: number, wall: number }} Start
 */

/** @param {number} value @param {number} [digits] */
const rounded = (value, digits = 1) => Number(value.toFixed(digits));

function workerdVersion() {
  const file = path.join(ROOT, "node_modules/workerd/package.json");
  return JSON.parse(readFileSync(file, "utf8")).version;
}

function machine() {
  const all = cpus();
  return {
    cores: all.length, cpu: all[0]?.model, load: loadavg().map((load) => rounded(load, 2)),
    node: process.version, workerd: workerdVersion(),
  };
}

/**
 * @param {Run[]} runs
 * @param {{ hello: Start[], product: Start[] }} starts
 * @param {{ quick: boolean, connections: number }} how
 */
export function summary(runs, starts, how) {
  const of = (/** @type {string} */ name) => runs.filter((run) => run.case === name);
  const cpu = (/** @type {string} */ name) => median(of(name).map((run) => run.cpu_us));
  // Each round's own ratio first: what disturbs a round disturbs both of its sides.
  const ratios = of("redirect").map((run, round) => run.cpu_us / of("hello")[round].cpu_us);
  const started = (/** @type {Start[]} */ all, /** @type {keyof Start} */ what) =>
    rounded(median(all.map((each) => each[what])));
  const sum = (/** @type {"messages" | "kv_reads"} */ what) =>
    of("redirect").reduce((total, run) => total + (run[what] ?? 0), 0);
  const clicks = of("redirect").reduce((total, run) => total + run.requests, 0);
  return {
    redirect_cpu_vs_hello: rounded(median(ratios), 3),
    redirect_cpu_us: rounded(cpu("redirect")),
    hello_cpu_us: rounded(cpu("hello")),
    full_journal_cpu_us: rounded(cpu("full_journal")),
    no_cookie_cpu_us: rounded(cpu("no_cookie")),
    code_consent_cpu_us: rounded(cpu("code_consent")),
    messages_per_1000_clicks: rounded((sum("messages") * 1000) / clicks),
    kv_reads_per_1000_clicks: rounded((sum("kv_reads") * 1000) / clicks, 2),
    start_cpu_ms: started(starts.product, "cpu"),
    start_wall_ms: started(starts.product, "wall"),
    hello_start_cpu_ms: started(starts.hello, "cpu"),
    hello_start_wall_ms: started(starts.hello, "wall"),
    ...how,
    machine: machine(),
    runs: runs.map((run) => ({
      ...run, cpu_us: rounded(run.cpu_us, 2), wall_ms: rounded(run.wall_ms),
    })),
  };
}

/** @param {ReturnType<typeof summary>} result */
export function print(result) {
  const { runs, machine: on } = result;
  const hello = result.hello_cpu_us;
  console.log(bold(`\n${"".padEnd(50)}${"CPU µs".padStart(8)}${"spread".padStart(14)}  × hello`));
  for (const [name, what] of CASES) {
    const values = runs.filter((run) => run.case === name).map((run) => run.cpu_us);
    const middle = median(values);
    const ratio = name === "redirect" ? result.redirect_cpu_vs_hello : middle / hello;
    const spread = `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)}`;
    const line = [middle.toFixed(1).padStart(8), spread.padStart(14), ratio.toFixed(2).padStart(9)];
    console.log(what.padEnd(50) + line.join(""));
  }
  const extra = (/** @type {"cpu" | "wall"} */ what) =>
    result[`start_${what}_ms`] - result[`hello_start_${what}_ms`];
  console.log(
    `\nstart to first answer: ${result.start_wall_ms} ms (CPU ${result.start_cpu_ms} ms), ` +
      `${extra("wall").toFixed(0)} ms (CPU ${extra("cpu").toFixed(0)} ms) more than hello`,
  );
  console.log(
    `per 1000 clicks at full load: ${result.messages_per_1000_clicks} queue messages, ` +
      `${result.kv_reads_per_1000_clicks} KV reads`,
  );
  const quick = result.quick ? "; a quick run: the numbers are rough" : "";
  console.log(dim(`${on.cores} cores, load ${on.load.join(" ")}, workerd ${on.workerd}${quick}`));
}

/** @param {ReturnType<typeof summary>} result */
export async function write(result) {
  const dir = path.join(ROOT, "target");
  await mkdir(dir, { recursive: true });
  await writeFile(path.join(dir, "bench.json"), `${JSON.stringify(result, null, 2)}\n`);
}
