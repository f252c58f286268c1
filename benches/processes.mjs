/** The processes of one bench: all of them end with it, whatever ends it. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

/** @type {Set<ChildProcess>} */
const running = new Set();
/** @type {Set<string>} */
const folders = new Set();

/** @param {ChildProcess} child */
function keep(child) {
  running.add(child);
  child.on("exit", () => running.delete(child));
  return child;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} options
 */
export function start(command, args, options) {
  return keep(spawn(command, args, options));
}

/**
 * Starts a module of this folder that answers one message with one message.
 * @param {string} name
 */
export async function startHelper(name) {
  const child = keep(fork(fileURLToPath(new URL(name, import.meta.url))));
  /** @type {(question: unknown) => Promise<any>} */
  const ask = async (question) => {
    const settled = new AbortController();
    const { signal } = settled;
    const answer = once(child, "message", { signal }).then(([said]) => said);
    const gone = once(child, "exit", { signal }).then(([code]) => {
      throw new Error(`${name} ended with code ${code}`);
    });
    // The one that loses the race is aborted; nobody needs to hear of it.
    answer.catch(() => {});
    gone.catch(() => {});
    child.send(/** @type {any} */ (question));
    const said = await Promise.race([answer, gone]).finally(() => settled.abort());
    if (said.error) throw new Error(`${name}: ${said.error}`);
    return said;
  };
  return ask;
}

/** @param {ChildProcess} child */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Ends every process by its id and forgets every folder that was made. */
export async function endAll() {
  await Promise.all([...running].map(end));
  removeFolders();
}

/** @param {string} folder removed at the end */
export function temporary(folder) {
  folders.add(folder);
  return folder;
}

function removeFolders() {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

for (const [signal, code] of /** @type {const} */ ([["SIGINT", 130], ["SIGTERM", 143]])) {
  process.on(signal, () => process.exit(code));
}
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  removeFolders();
});
