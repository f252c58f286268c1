/** `make bench`: what a redirect costs, beside the least a Worker can do. */
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ROOT, Stop, dim, runTool } from "../tools/console.mjs";
import { cpuTime } from "./cpu.mjs";
import { end, endAll, startHelper } from "./processes.mjs";
import { print, summary, write } from "./report.mjs";
import { SNAPSHOTS, cookieOf, locationOf, newRootSecret, request } from "./visitor.mjs";
import { hello, product, serve } from "./workerd.mjs";

const HELP = `
Usage: node benches/run.mjs [--quick] [--worker DIR]

Measures the CPU time of workerd per redirect of a cached link, and of a Worker
that answers "hi", in turns. Prints a table and writes target/bench.json.
Takes about two minutes. Build first: make build
  --quick        few requests: shows that it works, the numbers are rough
  --worker DIR   folder of another build (target/worker)
`;

const FULL = { rounds: 7, requests: 20_000, warmUp: 30_000, starts: 5 };
const QUICK = { rounds: 5, requests: 2_000, warmUp: 3_000, starts: 2 };
const CONNECTIONS = 16;
const JOURNAL_TOUCHES = 8;
/** Clicks are gathered for a second; after this they count as lost. */
const ARRIVAL_MS = 6_000;

/**
 * @typedef {object} Bench
 * @property {(question: unknown) => Promise<any>} load
 * @property {(question: unknown) => Promise<any>} outside
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {{ port: number, pid: number }} worker
 * @property {string} request
 * @property {number} status
 * @property {boolean} counted its requests are clicks that reach the queue
 */

/**
 * Waits until as many clicks have reached the queue as were made.
 * @param {Bench} bench
 * @param {number} clicks
 */
async function arrived(bench, clicks) {
  const deadline = performance.now() + ARRIVAL_MS;
  while (performance.now() < deadline) {
    const { visits } = await bench.outside({ count: true });
    if (visits >= clicks) break;
    await pause(50);
  }
  const counted = await bench.outside({ forget: true });
  if (counted.visits !== clicks) {
    throw new Stop(`${clicks} clicks were made and ${counted.visits} reached the queue`);
  }
  return counted;
}

/**
 * @param {Bench} bench
 * @param {Case} what
 * @param {number} requests
 */
async function measure(bench, what, requests) {
  const { port, pid } = what.worker;
  const before = cpuTime(pid);
  const { request: text, status } = what;
  const load = { port, request: text, status, requests, connections: CONNECTIONS };
  const { wall_ms } = await bench.load(load);
  // Sending to the queue belongs to the cost of a click, also when it comes later.
  const sent = what.counted ? await arrived(bench, requests) : undefined;
  const cpu_us = (cpuTime(pid) - before) / requests;
  return {
    case: what.name, requests, cpu_us, wall_ms,
    messages: sent?.messages, message_bytes: sent?.bytes, kv_reads: sent?.reads,
  };
}

/**
 * @param {Bench} bench
 * @param {number} port
 * @param {string} text
 */
async function once(bench, port, text) {
  const load = { port, request: text, requests: 1, connections: 1, status: 302 };
  const { head } = await bench.load(load);
  const { last } = await arrived(bench, 1);
  return { cookie: cookieOf(head), location: locationOf(head) ?? "", click: last };
}

/** @param {unknown} holds @param {string} what */
function expect(holds, what) {
  if (!holds) throw new Stop(`the Worker does not do what is measured: ${what}`);
}

/**
 * Follows the link until the journal is full, and looks at each answer and click: what is
 * measured afterwards is the whole work. Gives a young and a full journal.
 * @param {Bench} bench
 * @param {number} port
 */
async function journals(bench, port) {
  let short;
  let cookie;
  for (let before = 0; before < JOURNAL_TOUCHES; before++) {
    const answer = await once(bench, port, request({ cookie }));
    expect(/[?&]tl=tlc_[\w-]+$/.test(answer.location), "Location carries a token");
    expect(answer.location.includes("fbclid="), "the query travels on");
    expect(answer.cookie && answer.cookie !== cookie, "the journal is set and renewed");
    expect((answer.click.earlier?.length ?? 0) === before, "the click carries earlier touches");
    expect(answer.click.click_ids?.[0]?.kind === "fbclid", "the click carries the click ID");
    cookie = answer.cookie;
    short ??= cookie;
  }
  const asked = await once(bench, port, request({ country: "DE" }));
  expect(!asked.cookie && !asked.click.touch.nonce, "nothing is stored without consent");
  return { short, full: cookie };
}

/**
 * CPU and wall time from nothing to the first answer, in milliseconds.
 * @param {Bench} bench
 * @param {import("./workerd.mjs").WorkerSource} source
 * @param {Pick<Case, "request" | "status" | "counted">} what
 */
async function startUp(bench, source, what) {
  const start = performance.now();
  const { child, port, pid } = await serve(source);
  await bench.load({ ...what, port, requests: 1, connections: 1 });
  const wall = performance.now() - start;
  const cpu = cpuTime(pid) / 1000;
  if (what.counted) await arrived(bench, 1);
  await end(child);
  return { cpu, wall };
}

/**
 * @param {Bench} bench
 * @param {Case[]} cases
 * @param {typeof FULL} plan
 */
async function rounds(bench, cases, plan) {
  for (const each of cases) await measure(bench, each, plan.warmUp / cases.length);
  const runs = [];
  for (let round = 1; round <= plan.rounds; round++) {
    console.log(dim(`round ${round} of ${plan.rounds}`));
    for (const each of cases) runs.push(await measure(bench, each, plan.requests));
  }
  return runs;
}

/** @param {string[]} args */
async function bench(args) {
  const at = args.indexOf("--worker");
  const dir = path.resolve(ROOT, at < 0 ? "target/worker" : args[at + 1] ?? "");
  const quick = args.includes("--quick");
  const plan = quick ? QUICK : FULL;
  const outside = await startHelper("services.mjs");
  const { port } = await outside({ snapshots: SNAPSHOTS });
  const tools = { outside, load: await startHelper("load.mjs") };
  const sources = {
    hello: await hello(),
    product: await product(dir, { port, rootSecret: newRootSecret() }),
  };
  const ours = await serve(sources.product);
  const least = await serve(sources.hello);
  const { short, full } = await journals(tools, ours.port);
  const click = { worker: ours, status: 302, counted: true };
  const text = request({ cookie: short });
  const greeting = { worker: least, request: text, status: 200, counted: false };
  const runs = await rounds(tools, [
    { name: "hello", ...greeting },
    { name: "redirect", ...click, request: text },
    { name: "full_journal", ...click, request: request({ cookie: full }) },
    { name: "no_cookie", ...click, request: request() },
    { name: "code_consent", ...click, request: request({ country: "DE" }) },
  ], plan);
  await end(ours.child);
  await end(least.child);
  const starts = { hello: /** @type {any[]} */ ([]), product: /** @type {any[]} */ ([]) };
  for (let count = 0; count < plan.starts; count++) {
    starts.hello.push(await startUp(tools, sources.hello, greeting));
    starts.product.push(await startUp(tools, sources.product, { ...click, request: text }));
  }
  const result = summary(runs, starts, { quick, connections: CONNECTIONS });
  print(result);
  await write(result);
}

await runTool(HELP, async (args) => {
  try {
    await bench(args);
  } finally {
    await endAll();
  }
});
