/** Finds a Chromium on this machine, or gets one. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { Stop, must, run, works } from "./console.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const MAC_APPS = ["Google Chrome", "Chromium"];

function installed() {
  for (const dir of (process.env.PATH ?? "").split(path.delimiter)) {
    for (const name of NAMES) {
      const file = path.join(dir, name);
      if (dir && existsSync(file)) return file;
    }
  }
  for (const app of MAC_APPS) {
    for (const base of ["/", homedir()]) {
      const file = path.join(base, "Applications", `${app}.app`, "Contents/MacOS", app);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

/** The browser that playwright-core keeps for its own version, downloaded if need be. */
async function playwrights() {
  const { chromium } = await import("playwright-core");
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  console.log("      no Chromium is installed; asking for Playwright's own");
  const cli = path.join("node_modules", "playwright-core", "cli.js");
  const result = await run(process.execPath, [cli, "install", "chromium"]);
  const file = chromium.executablePath();
  return result.code === 0 && existsSync(file) && (await works(file)) ? file : undefined;
}

/**
 * Installs packages where that needs no question: as root on Debian. Gives whether it did.
 * @param {string[]} packages
 */
export async function installOnDebian(packages) {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return false;
  console.log(`      installing with apt-get: ${packages.join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await must("apt-get", ["update", "-qq"], { env });
  await must("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  return true;
}

const fromDebian = async () =>
  ((await installOnDebian(["chromium"])) ? installed() : undefined);

/** @returns {Promise<string>} path of the program */
export async function findBrowser() {
  const named = process.env.CHROME_PATH;
  if (named && !existsSync(named)) throw new Stop(`CHROME_PATH names no file: ${named}`);
  const found = named ?? installed() ?? (await playwrights()) ?? (await fromDebian());
  if (found) return found;
  throw new Stop(
    "The browser tests need Chromium or Chrome. Install one, or set CHROME_PATH to its program.",
  );
}
