/** Measures cases in turns: CPU time of workerd per request. */
import { setTimeout as pause } from "node:timers/promises";
import { Stop, dim } from "../tools/console.mjs";
import { cpuTime } from "./cpu.mjs";
import { end, startHelper } from "./processes.mjs";
import { serve } from "./workerd.mjs";

const CONNECTIONS = 16;
/** Clicks are gathered for a second; after this they count as lost. */
const ARRIVAL_MS = 6_000;

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {{ port: number, pid: number }} worker
 * @property {string} request
 * @property {number} status
 * @property {(question: unknown) => Promise<any>} [outside] where its clicks must arrive
 *
 * @typedef {object} Run
 * @property {string} case
 * @property {number} requests
 * @property {number} cpu_us
 * @property {number} wall_ms
 * @property {number} [messages]
 * @property {number} [message_bytes]
 * @property {number} [kv_reads]
 */

/** @type {((question: unknown) => Promise<any>) | undefined} */
let loader;

/** @param {Record<string, unknown>} what */
export async function load(what) {
  loader ??= await startHelper("load.mjs");
  return loader(what);
}

/** One request and its answer. @param {number} port @param {string} request */
export async function ask(port, request) {
  return load({ port, request, requests: 1, connections: 1 });
}

/**
 * Waits until as many clicks have reached the queue as were made.
 * @param {(question: unknown) => Promise<any>} outside
 * @param {number} clicks
 */
export async function arrived(outside, clicks) {
  const deadline = performance.now() + ARRIVAL_MS;
  while (performance.now() < deadline) {
    const { visits } = await outside({ count: true });
    if (visits >= clicks) break;
    await pause(50);
  }
  const counted = await outside({ forget: true });
  if (counted.visits !== clicks) {
    throw new Stop(`${clicks} clicks were made and ${counted.visits} reached the queue`);
  }
  return counted;
}

/**
 * @param {Case} what
 * @param {number} requests
 * @returns {Promise<Run>}
 */
async function measure(what, requests) {
  const { worker, request, status, outside } = what;
  const before = cpuTime(worker.pid);
  const to = { port: worker.port, request, status, requests, connections: CONNECTIONS };
  const { wall_ms } = await load(to);
  const sent = outside && (await arrived(outside, requests));
  return {
    case: what.name, requests, wall_ms, cpu_us: (cpuTime(worker.pid) - before) / requests,
    messages: sent?.messages, message_bytes: sent?.bytes, kv_reads: sent?.reads,
  };
}

/**
 * All cases once, and again: what disturbs a round disturbs all of them.
 * @param {string} title
 * @param {Case[]} cases
 * @param {{ rounds: number, requests: number, warmUp: number }} plan
 */
export async function takeTurns(title, cases, plan) {
  for (const each of cases) await measure(each, plan.warmUp);
  const runs = [];
  for (let round = 1; round <= plan.rounds; round++) {
    console.log(dim(`${title}: round ${round} of ${plan.rounds}`));
    for (const each of cases) runs.push(await measure(each, plan.requests));
  }
  return runs;
}

/**
 * CPU and wall time from nothing to the first answer, in milliseconds.
 * @param {import("./workerd.mjs").WorkerSource} source
 * @param {Case} what
 */
export async function startUp(source, { request, outside }) {
  const start = performance.now();
  const { child, port, pid } = await serve(source);
  await ask(port, request);
  const wall = performance.now() - start;
  const cpu = cpuTime(pid) / 1000;
  if (outside) await arrived(outside, 1);
  await end(child);
  return { cpu, wall };
}
