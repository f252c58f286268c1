/**
 * README from its first command to its last, in a fresh clone that shares nothing with this folder
 * but the caches of cargo and npm. It takes what is committed.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { ROOT } from "../../../tools/console.mjs";
import { createClient } from "../../../tools/http.mjs";
import { filesIn, newRootSecret, writeSecret } from "../../../tools/keyring.mjs";
import {
  NOT_RUN, RUN, STARTS, commandsIn, deploySettings, isCalls, personal, startShell,
} from "../support/readme.mjs";
import { eventually, freePort } from "../support/shop.mjs";

/** Two builds from nothing and a compiled wasm-bindgen, on a small machine. */
const timeout = 60 * 60_000;

/** What of this process's environment a reader does not have. */
const FOREIGN = ["WORKER_DIR", "CARGO_TARGET_DIR", "MAKEFLAGS", "MAKELEVEL", "NODE_TEST_CONTEXT"];
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !FOREIGN.includes(name)));

/**
 * Runs what goes on until Ctrl-C, as a terminal does: the whole group hears of that.
 * @param {string} command @param {string} cwd @param {Record<string, string>} [more]
 */
function start(command, cwd, more = {}) {
  const child = spawn("bash", ["-c", command],
    { cwd, env: { ...env, ...more }, detached: true, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  /** @param {NodeJS.Signals} signal */
  const signal = (signal) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-Number(child.pid), signal);
  };
  return {
    /** What is printed until a line fits. @param {RegExp} wanted */
    async until(wanted) {
      const printed = [];
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`${command} ended:\n${printed.join("\n")}`);
        printed.push(value);
        if (wanted.test(value)) return printed.join("\n");
      }
    },
    async interrupt() {
      signal("SIGINT");
      // Nobody reads on, and a full pipe would hold it up.
      child.stdout.resume();
      await ended;
    },
    kill: () => signal("SIGKILL"),
  };
}

test("README, command by command, in a fresh folder", { timeout }, async (t) => {
  const parent = await mkdtemp(path.join(tmpdir(), "throughline-readme-"));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const commands = commandsIn(ROOT);
  const [first] = commands.filter(({ inline }) => !inline);
  assert.ok(STARTS.has(first.text));
  const [clone, demo] = first.text.replace("<the address of this repository>", ROOT).split("\n");
  const folder = path.join(parent, "throughline");
  const cloning = startShell(parent, env);
  t.after(cloning.end);
  await cloning.run(clone);
  assert.equal(await cloning.run("pwd"), `${folder}\n`);
  assert.deepEqual(commandsIn(folder), commands, "README.md differs from what is committed");

  const shop = start(demo, folder);
  t.after(shop.kill);
  await shop.until(/Ctrl-C ends everything/);
  await shop.interrupt();

  const port = await freePort();
  const dev = start("make dev", folder, { PORT: String(port) });
  t.after(dev.kill);
  const key = /^key +(tlk_\S+)/m.exec(await dev.until(/Ctrl-C ends it/))?.[1] ?? "";
  const shell = startShell(folder, env);
  t.after(shell.end);
  const client = createClient(port, "admin.localhost");
  t.after(client.close);
  /** @param {string} list @returns {Promise<any[]>} */
  const rows = async (list) => (await client.request("GET", `/api/v1/${list}`, { key })).json().data;
  const printed = [];
  for (const { text } of commands.filter(isCalls)) {
    printed.push(await shell.run(personal(text, { key, port })));
    const program = (await shell.run('echo "${PROGRAM-}"')).trim();
    if (program === "") continue;
    await eventually("what was reported is decided", async () =>
      (await rows(`events?program=${program}`)).every(({ state }) => state !== "pending"));
  }
  assert.doesNotMatch(printed.join("\n"), /"code":|undefined/);
  assert.match(printed.join("\n"), /Sale ord_1 of 19\.99 USD: Anna earns 1\.99 USD/);
  client.close();
  await dev.interrupt();

  // The backup that the steps of a rotation begin with.
  await writeSecret(filesIn(path.join(folder, ".local/deploy")).root, newRootSecret());
  const tools = startShell(folder, { ...env, ...deploySettings(commands), PORT: String(port) });
  t.after(tools.end);
  /** @type {Record<string, string>} */
  const said = {};
  for (const text of RUN) {
    // README: "for the data of `make dev`, add --local". Without it takes a Cloudflare account.
    said[text] = await tools.run(text.endsWith("owner-key.mjs") ? `${text} --local` : text);
  }
  assert.match(said["node tools/deploy.mjs --dry-run"], /partners\.shop\.example/);
  assert.match(said["node tools/owner-key.mjs"], /^tlk_/m);
  console.log([...NOT_RUN].map(([text, why]) => `not run: ${text}: ${why}`).join("\n"));
});
