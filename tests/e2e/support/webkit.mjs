/**
 * Finds and starts WebKit: WebKitGTK's MiniBrowser by WebDriver, on a screen of its own. On Debian
 * `apt-get install -y webkit2gtk-driver xvfb faketime` brings what it needs.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Builder, Capabilities } from "selenium-webdriver";
import { eventually, freePort } from "./shop.mjs";

const LIBRARIES = "/usr/lib";
const FAKETIME = "faketime/libfaketimeMT.so.1";

/** @param {string} name of a program @returns {string | undefined} */
function onPath(name) {
  const dirs = (process.env.PATH ?? "").split(path.delimiter).filter(Boolean);
  return dirs.map((dir) => path.join(dir, name)).find((file) => existsSync(file));
}

/** The library that moves a program's clock, wherever the distribution keeps it. */
function clockLibrary() {
  const dirs = existsSync(LIBRARIES) ? ["", ...readdirSync(LIBRARIES)] : [];
  return dirs.map((dir) => path.join(LIBRARIES, dir, FAKETIME)).find((file) => existsSync(file));
}

/** Programs that are missing here, by the names of their Debian packages. @returns {string[]} */
export const missingForWebKit = () => [
  onPath("WebKitWebDriver") ? "" : "webkit2gtk-driver",
  onPath("Xvfb") ? "" : "xvfb",
  clockLibrary() ? "" : "faketime",
].filter(Boolean);

/**
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
function start(program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: "ignore" });
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  return child;
}

/** A screen that nobody sees; gives its name. */
async function startScreen() {
  const child = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
    { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  process.once("exit", () => void child.kill());
  let number = "";
  const pipe = /** @type {import("node:stream").Readable} */ (child.stdio[3]);
  for await (const chunk of pipe) {
    number += chunk;
    if (number.endsWith("\n")) break;
  }
  return { name: `:${number.trim()}`, stop: () => void child.kill() };
}

/**
 * WebKit, ready for sessions; each session is a visitor with cookies of their own. `setClock` moves
 * the browser's clock while it runs.
 */
export async function startWebKit() {
  const screen = await startScreen();
  const dir = await mkdtemp(path.join(tmpdir(), "throughline-webkit-"));
  const clock = path.join(dir, "clock");
  await writeFile(clock, "+0");
  const port = await freePort();
  const driver = start("WebKitWebDriver", [`--port=${port}`], {
    DISPLAY: screen.name,
    LD_PRELOAD: clockLibrary() ?? "",
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: "1",
    // Timers go by the monotonic clock, which stays.
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    // Its sandbox does not work for root; it sees nothing but the pages of these tests.
    ...(process.getuid?.() === 0 ? { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" } : {}),
  });
  const address = `http://127.0.0.1:${port}`;
  await eventually("WebKitWebDriver listens", () =>
    fetch(`${address}/status`).then((answer) => answer.ok, () => false));
  return {
    /** A visitor. Certificates that nobody signed are theirs to accept. */
    session: () => new Builder().usingServer(address).withCapabilities(
      new Capabilities({ browserName: "MiniBrowser", acceptInsecureCerts: true })).build(),
    /** @param {number} days ahead of the real clock */
    setClock: (days) => writeFile(clock, `+${days}d`),
    async stop() {
      driver.kill();
      screen.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
