/**
 * README's commands, and how a test runs them: all in order, but for those that are listed here
 * with a reason. What is in neither group is a fault.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

const FENCE = /^ *```sh\n(.*?)^ *```$/gms;
const INLINE = /`((?:make|node|npx|npm|cargo|git|curl) [^`\n]*)`/g;

/** @typedef {{ line: number, text: string, inline: boolean }} Command */

/**
 * The shell blocks and the commands in running text, in order.
 * @param {string} folder @returns {Command[]}
 */
export function commandsIn(folder) {
  const text = readFileSync(path.join(folder, "README.md"), "utf8");
  const at = (/** @type {number} */ index) => text.slice(0, index).split("\n").length;
  const blocks = [...text.matchAll(FENCE)].map((found) => (
    { line: at(found.index) + 1, text: found[1].trim(), inline: false }));
  // Blanks of the same length keep the lines.
  const prose = text.replace(/^ *```.*?^ *```$/gms, (block) => block.replace(/[^\n]/g, " "));
  const inline = [...prose.matchAll(INLINE)].map((found) => (
    { line: at(found.index), text: found[1], inline: true }));
  return [...blocks, ...inline].sort((a, b) => a.line - b.line);
}

/** A block that makes calls, which runs in the reader's shell beside `make dev`. */
const CALLS = /^(KEY=|call |report |[A-Z_]+=\$\((call|curl) )/;

/** @param {Command} command */
export const isCalls = ({ inline, text }) => !inline && CALLS.test(text);

/** What a fresh folder is made of and the product is started with; the test does the same to it. */
export const STARTS = new Set([
  "git clone <the address of this repository> throughline && cd throughline\nmake demo",
  "make demo", "make dev",
]);

/** Commands that run in the folder of the repository, in this order. */
export const RUN = new Set([
  "node tools/deploy.mjs --dry-run", "node tools/secrets.mjs --help",
  "node tools/secrets.mjs pseudonyms", "node tools/secrets.mjs add",
  "node tools/secrets.mjs retire 1", "node tools/owner-key.mjs",
]);

/** Commands that no test runs, and why. */
export const NOT_RUN = new Map([
  ["npx wrangler login\n"
    + "ADMIN_HOST=partners.shop.example SITE_ORIGIN=https://origin.shop.example \\\n"
    + "ROUTES='shop.example/*,partners.shop.example/*' make deploy",
  "needs a Cloudflare account; the dry run of the same settings is run instead"],
  ["make deploy", "needs a Cloudflare account"],
  ["make bench", "measures for minutes and proves nothing here"],
  ["node tools/stripped-names.mjs", "changes the tree when newer lists are out"],
  ["make crawlers", "changes the tree when a newer list is out"],
]);

/** What README's settings of a deployment are; a dry run takes them too.
 * @param {Command[]} commands @returns {Record<string, string>} */
export function deploySettings(commands) {
  const text = commands.find((one) => one.text.includes("ROUTES="))?.text ?? "";
  const found = text.matchAll(/\b([A-Z_]+)=(?:'([^']*)'|(\S+))/g);
  return Object.fromEntries([...found].map(([, name, quoted, plain]) => [name, quoted ?? plain]));
}

/**
 * The reader's shell: it ends at the first command that fails.
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [env]
 */
export function startShell(cwd, env = process.env) {
  const shell = spawn("bash", ["-euo", "pipefail"], { cwd, env, stdio: "pipe" });
  /** @type {string[]} */
  const said = [];
  shell.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => said.push(text));
  const lines = createInterface(shell.stdout)[Symbol.asyncIterator]();
  const mark = "the block has ended";

  /** Runs a block and gives what it printed. @param {string} text */
  async function run(text) {
    shell.stdin.write(`${text}\necho; echo "${mark}"\n`);
    const printed = [];
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${text}\nfailed:\n${printed.join("\n")}\n${said.join("")}`);
      if (value === mark) return printed.join("\n");
      printed.push(value);
    }
  }

  return { run, end: () => void shell.kill() };
}

/**
 * A block as a reader makes it theirs: with the key that was printed, on the port that is used.
 * @param {string} text @param {{ key: string, port: number }} own
 */
export function personal(text, { key, port }) {
  return text.replace("KEY=tlk_…", `KEY=${key}`).replaceAll(":8787", `:${port}`);
}
