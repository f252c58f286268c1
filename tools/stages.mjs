/** Runs the checks of the project one after another and shows how long each took. */
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import {
  ROOT, Stop, bold, dim, duration, green, red, run, runTool, works, yellow,
} from "./console.mjs";
import { cargoInstall } from "./cargo-install.mjs";
import { installOnDebian } from "./find-browser.mjs";

const HELP = `
Usage: node tools/stages.mjs SET [--only NAME[,NAME…]] [--list]

SET is one of
  check    formatting, lints, types
  test     check, native tests, both builds, end-to-end tests, size budgets
  e2e      the builds and the end-to-end tests
  verify   slower proof: dependencies, many more property cases, long end-to-end tests
A stage that fails ends the run.
`;

const DENY_VERSION = "0.20.2";
const DENY = path.join(ROOT, "target/tools/bin/cargo-deny");

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {() => Promise<string | undefined>} work a text it returns says why it was left out
 */

/**
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
async function command(command, args, env) {
  const { code } = await run(command, args, { show: true, env });
  if (code !== 0) throw new Stop(`${command} ${args.join(" ")} ended with code ${code}`);
  return undefined;
}

/**
 * @param {string} name
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Stage}
 */
const stage = (name, program, args, env) => ({ name, work: () => command(program, args, env) });

/** @param {string} name @param {string[]} args @returns {Stage} */
const node = (name, args) => stage(name, process.execPath, args);

/**
 * Node's own test runner on every test file of a folder, which not even `node --test` of Node 20
 * can find by a pattern. Files run one at a time: each starts a whole stack.
 * @param {string} name
 * @param {string} dir
 * @param {Record<string, string>} [env]
 * @returns {Stage}
 */
function nodeTests(name, dir, env) {
  return {
    name,
    async work() {
      const entries = await readdir(path.join(ROOT, dir)).catch(() => []);
      const files = entries.filter((file) => file.endsWith(".test.mjs")).sort();
      if (files.length === 0) return `no tests in ${dir}`;
      const options = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
      const paths = files.map((file) => path.join(dir, file));
      await command(process.execPath, [...options, ...paths], env);
      return undefined;
    },
  };
}

/** The snippet in Firefox, which the project does not install. @type {Stage} */
const firefox = {
  name: "end to end in Firefox",
  async work() {
    const { firefoxPath } = await import("../tests/e2e/support/firefox.mjs");
    try {
      firefoxPath();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return nodeTests("", "tests/e2e/verify/firefox").work();
  },
};

/** The shop's customers in WebKit, the browser of half of them. @type {Stage} */
const webkit = {
  name: "end to end in WebKit",
  async work() {
    const { missingForWebKit } = await import("../tests/e2e/support/webkit.mjs");
    const missing = missingForWebKit();
    if (missing.length > 0 && !(await installOnDebian(missing))) {
      return `missing here, by their names on Debian: ${missing.join(" ")}`;
    }
    return nodeTests("", "tests/e2e/verify/webkit").work();
  },
};

/** @type {Stage} */
const denyStage = {
  name: "cargo deny",
  async work() {
    if (!existsSync(DENY)) {
      await mkdir(path.dirname(DENY), { recursive: true });
      console.log(`compiling cargo-deny ${DENY_VERSION} once: some minutes`);
      await cargoInstall("cargo-deny", DENY_VERSION);
    }
    await command(DENY, ["check", "licenses", "bans", "sources"]);
    if (!(await works(DENY, ["fetch", "db"]))) {
      console.log(yellow("advisories were not checked: their database cannot be reached"));
      return undefined;
    }
    await command(DENY, ["check", "advisories"]);
    return undefined;
  },
};

const LINTS = ["--locked", "--", "-D", "warnings"];
const WASM_LIB = ["--package", "edge", "--target", "wasm32-unknown-unknown"];
const check = [
  stage("formatting", "cargo", ["fmt", "--check"]),
  node("types", ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "tsconfig.json"]),
  stage("lints, native", "cargo", ["clippy", "--all-targets", ...LINTS]),
  stage("lints, wasm", "cargo", ["clippy", ...WASM_LIB, ...LINTS]),
];
const native = stage("native tests", "cargo", ["test", "--locked"]);
const drills = ["tools/build.mjs", "--features", "drill", "--out", "target/worker-drill"];
const builds = [
  node("wasm build", ["tools/build.mjs"]), node("wasm build for drills", drills),
];
const workerd = nodeTests("end to end on workerd", "tests/e2e");
const browser = nodeTests("end to end in Chromium", "tests/e2e/browser");

/** @type {Record<string, Stage[]>} */
const SETS = {
  check,
  test: [...check, native, ...builds, workerd, browser, node("size budgets", ["tools/size.mjs"])],
  e2e: [...builds, workerd, browser],
  verify: [
    denyStage,
    stage("native tests, many cases", "cargo", ["test", "--locked", "--release"], {
      PROPTEST_CASES: "20000",
    }),
    // Five million events through the pure fold, two million through the whole machine on SQLite.
    stage(
      "ledger, many seeds",
      "cargo",
      ["test", "--locked", "--test", "it", "--", "volume::", "simulation::"],
      { EVENTS: "5000000", RUNS: "80" },
    ),
    ...builds,
    nodeTests("long end to end", "tests/e2e/verify"),
    firefox,
    webkit,
  ],
};

/** @param {{ name: string, ms: number, said: string }[]} done */
function printTable(done) {
  const width = Math.max(...done.map(({ name }) => name.length)) + 2;
  console.log("");
  for (const { name, ms, said } of done) {
    console.log(`  ${name.padEnd(width)}${duration(ms).padStart(12)}  ${said}`);
  }
  const total = done.reduce((sum, { ms }) => sum + ms, 0);
  console.log(`  ${bold("total".padEnd(width))}${duration(total).padStart(12)}`);
}

/** @param {Stage[]} stages */
async function runStages(stages) {
  const done = [];
  for (const [index, { name, work }] of stages.entries()) {
    console.log(`\n${bold(`[${index + 1}/${stages.length}] ${name}`)}`);
    const start = performance.now();
    let said = green("ok");
    /** @type {unknown} */
    let failure;
    try {
      const skipped = await work();
      if (skipped) said = yellow(`left out: ${skipped}`);
    } catch (error) {
      failure = error;
      said = red("failed");
    }
    const ms = performance.now() - start;
    done.push({ name, ms, said });
    console.log(`${said} ${dim(duration(ms))}`);
    if (failure) {
      printTable(done);
      throw failure;
    }
  }
  printTable(done);
}

/** @param {string[]} args */
async function main(args) {
  const stages = SETS[args[0] ?? ""];
  if (!stages) throw new Stop(`name one of: ${Object.keys(SETS).join(", ")}`);
  if (args.includes("--list")) {
    stages.forEach(({ name }) => console.log(name));
    return;
  }
  const only = args[args.indexOf("--only") + 1]?.split(",");
  const isChosen = (/** @type {Stage} */ { name }) => only?.some((part) => name.includes(part));
  const chosen = args.includes("--only") ? stages.filter(isChosen) : stages;
  if (chosen.length === 0) throw new Stop("no stage has such a name");
  await runStages(chosen);
}

await runTool(HELP, main);
