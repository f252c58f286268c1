/** What the tools print and how they run other programs. Colours only on a terminal. */
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

const COLOURED = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;

/** @param {number} code @returns {(text: string) => string} */
const paint = (code) => (text) => (COLOURED ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** An error that is shown as its message alone: the reader can act on it. */
export class Stop extends Error {}

/**
 * @typedef {object} RunOptions
 * @property {Record<string, string | undefined>} [env] added to this process's environment
 * @property {string} [cwd]
 * @property {string} [input]
 * @property {boolean} [show] let the program write to this terminal itself
 * @property {(line: string) => void} [onLine] called with each line of output
 */

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: options.show ? "inherit" : "pipe",
    });
    const output = { stdout: "", stderr: "" };
    for (const name of /** @type {const} */ (["stdout", "stderr"])) {
      let rest = "";
      child[name]?.setEncoding("utf8").on("data", (/** @type {string} */ chunk) => {
        output[name] += chunk;
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        if (options.onLine) lines.forEach(options.onLine);
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, ...output }));
    child.stdin?.end(options.input);
  });
}

/**
 * Like `run`, but an exit code other than 0 stops with the program's own words.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export async function must(command, args, options = {}) {
  const result = await run(command, args, options);
  if (result.code === 0) return result;
  const said = (result.stderr + result.stdout).trim();
  throw new Stop(`${command} ${args.join(" ")}\nended with code ${result.code}\n${said}`);
}

/**
 * @param {string} command
 * @param {string[]} [args]
 */
export async function works(command, args = ["--version"]) {
  return run(command, args).then((result) => result.code === 0, () => false);
}

/**
 * Runs a tool's main function: `--help` prints the text, a `Stop` prints its message alone.
 * @param {string} help
 * @param {(args: string[]) => Promise<unknown>} main
 */
export async function runTool(help, main) {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(help.trim());
    return;
  }
  try {
    await main(args);
  } catch (error) {
    const known = error instanceof Stop;
    const text = known ? error.message : /** @type {any} */ (error)?.stack ?? String(error);
    console.error(red("error: ") + text);
    process.exitCode = 1;
  }
}

/**
 * Prints `[1/4] title …` and the time it took.
 * @param {number} total
 */
export function createSteps(total) {
  let number = 0;
  /**
   * @template T
   * @param {string} title
   * @param {() => Promise<T>} work a text it returns is shown behind the title
   */
  return async function step(title, work) {
    const label = bold(`[${++number}/${total}]`);
    console.log(`${label} ${title}`);
    const start = performance.now();
    const result = await work();
    const said = typeof result === "string" ? `${result} ` : "";
    console.log(`      ${said}${dim(duration(performance.now() - start))}`);
    return result;
  };
}
