/** `make bench`: what redirects, the gateway, a million clicks and the fold cost. */
import path from "node:path";
import { ROOT, Stop, dim, runTool } from "../tools/console.mjs";
import { startUp, takeTurns } from "./measure.mjs";
import { endAll } from "./processes.mjs";
import { print, summary, write } from "./report.mjs";
import { costs } from "./costs.mjs";
import { deliveries } from "./deliveries.mjs";
import { foldCosts } from "./fold.mjs";
import { gatewayCases } from "./gateway.mjs";
import { redirectCases } from "./redirect.mjs";

const HELP = `
Usage: node benches/run.mjs [--quick] [--worker DIR]
         [--only redirect|gateway|costs|deliveries|fold]

Measures the CPU time of workerd per request in turns: redirects of a cached link
beside the same in JavaScript and beside a Worker that answers "hi", and the
landing gateway beside a Worker that only fetches. Counts the operations of
clicks and prices them, times the delivery engine, and folds events natively, beside a
million customers and on D1. Prints tables and writes target/bench.json. Takes about
ten minutes. Build first: make build
  --quick        few requests: shows that it works, the numbers are rough
  --worker DIR   folder of another build (target/worker)
  --only PART    one part alone; target/bench.json is not written
`;

const FULL = {
  redirect: { rounds: 15, requests: 7_500, warmUp: 10_000 },
  gateway: { rounds: 7, requests: 5_000, warmUp: 2_000 },
  starts: 5,
  events: 600,
};
const QUICK = {
  redirect: { rounds: 3, requests: 2_000, warmUp: 1_000 },
  gateway: { rounds: 3, requests: 1_000, warmUp: 500 },
  starts: 2,
  events: 100,
};
const PARTS = ["redirect", "gateway", "costs", "deliveries", "fold"];

/** @typedef {typeof FULL} Plan */

/** @param {string} dir @param {Plan} plan */
async function redirects(dir, plan) {
  const { cases, sources, close } = await redirectCases(dir);
  const runs = await takeTurns("redirects", cases, plan.redirect);
  await close();
  const starts = { hello: /** @type {any[]} */ ([]), product: /** @type {any[]} */ ([]) };
  for (let count = 0; count < plan.starts; count++) {
    starts.hello.push(await startUp(sources.hello, cases[0]));
    starts.product.push(await startUp(sources.product, cases[2]));
  }
  return { runs, starts };
}

/** @param {string} dir @param {Plan} plan */
async function gateway(dir, plan) {
  const { cases, close } = await gatewayCases(dir);
  const runs = await takeTurns("gateway", cases, plan.gateway);
  await close();
  return runs;
}

/** @param {string[]} args */
async function bench(args) {
  const valueOf = (/** @type {string} */ name) => {
    const at = args.indexOf(name);
    return at < 0 ? undefined : args[at + 1] ?? "";
  };
  const dir = path.resolve(ROOT, valueOf("--worker") ?? "target/worker");
  const only = valueOf("--only");
  if (only !== undefined && !PARTS.includes(only)) throw new Stop(`--only: ${PARTS.join(", ")}`);
  const quick = args.includes("--quick");
  const plan = quick ? QUICK : FULL;
  const wants = (/** @type {string} */ part) => only === undefined || only === part;
  const found = {
    redirect: wants("redirect") ? await redirects(dir, plan) : undefined,
    gateway: wants("gateway") ? await gateway(dir, plan) : undefined,
    counts: wants("costs") ? await costs(dir) : undefined,
    delivered: wants("deliveries") ? await deliveries(dir, plan.events) : undefined,
    fold: wants("fold") ? await foldCosts(dir, quick) : undefined,
  };
  const result = summary(found, quick);
  print(result);
  if (only === undefined) await write(result);
  else console.log(dim("one part alone: target/bench.json was not written"));
}

await runTool(HELP, async (args) => {
  try {
    await bench(args);
  } finally {
    await endAll();
  }
});
