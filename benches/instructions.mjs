/**
 * Instructions per redirect, counted by callgrind, which a busy machine does not disturb; V8 still
 * does, by when it compiles and collects garbage. Without the kernel, caches and waiting, which
 * `make bench` measures.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT, Stop, bold, dim, runTool } from "../tools/console.mjs";
import { median } from "./cpu.mjs";
import { arrived, load } from "./measure.mjs";
import { endAll, temporary } from "./processes.mjs";
import { redirectCases } from "./redirect.mjs";

const HELP = `
Usage: node benches/instructions.mjs [--worker DIR] [--only CASE]

Counts the instructions of workerd per request, outside of the kernel, by valgrind's
callgrind (Debian: apt install valgrind): a Worker that answers "hi", the redirect, the
same in JavaScript. Takes about five minutes. Build first: make build
  --worker DIR   folder of another build (target/worker)
  --only CASE    hello, js, redirect, full_journal, js_full_journal, no_cookie, code_consent
`;

/** Until V8 has compiled for speed what it will. */
const WARM_UP = 10_000;
const ROUNDS = 3;
const REQUESTS = 1_000;
/** workerd ends a connection that is silent for five seconds, as it may be while V8 compiles. */
const PORTION = 250;
const DEFAULT = ["hello", "redirect", "js"];
const call = promisify(execFile);

/** @param {import("./measure.mjs").Case} each @param {number} requests */
async function send({ worker: { port }, request, status, outside }, requests) {
  for (let sent = 0; sent < requests; sent += PORTION) {
    await load({ port, request, status, requests: PORTION, connections: 4 });
  }
  if (outside) await arrived(outside, requests);
}

/**
 * What one workerd has executed since it was asked last.
 * @param {string} folder of callgrind's files
 * @param {number} pid
 */
async function executed(folder, pid) {
  await call("callgrind_control", ["--dump", String(pid)]);
  const part = (/** @type {string} */ name) => Number(name.split(".")[2] ?? 0);
  const names = (await readdir(folder)).filter((name) => name.startsWith(`out.${pid}.`));
  const [last] = names.sort((one, other) => part(other) - part(one));
  const text = await readFile(path.join(folder, last), "utf8");
  const found = /^(?:summary|totals): (\d+)/m.exec(text);
  if (!found) throw new Stop(`callgrind's file ${last} has no sum`);
  return Number(found[1]);
}

/** @param {string[]} args */
async function count(args) {
  const valueOf = (/** @type {string} */ name) =>
    args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
  await call("valgrind", ["--version"]).catch(() => {
    throw new Stop("valgrind is missing (Debian: apt install valgrind)");
  });
  const only = valueOf("--only");
  const folder = temporary(await mkdtemp(path.join(tmpdir(), "throughline-count-")));
  const under = [
    "valgrind", "-q", "--tool=callgrind", "--smc-check=all-non-file",
    `--callgrind-out-file=${folder}/out.%p`,
  ];
  console.log(dim("starting under valgrind, and comparing the two redirects"));
  const dir = path.resolve(ROOT, valueOf("--worker") ?? "target/worker");
  const { cases } = await redirectCases(dir, under);
  const wanted = cases.filter(({ name }) => (only ? name === only : DEFAULT.includes(name)));
  if (wanted.length === 0) throw new Stop(`there is no case ${only}`);
  for (const each of wanted) {
    await send(each, WARM_UP);
    await executed(folder, each.worker.pid);
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      await send(each, REQUESTS);
      rounds.push((await executed(folder, each.worker.pid)) / REQUESTS);
    }
    const text = rounds.map((value) => Math.round(value).toLocaleString("en")).join(" · ");
    const middle = Math.round(median(rounds)).toLocaleString("en");
    console.log(`${each.name.padEnd(16)} ${bold(middle.padStart(8))}  ${dim(text)}`);
  }
}

await runTool(HELP, async (args) => {
  try {
    await count(args);
  } finally {
    await endAll();
  }
});
