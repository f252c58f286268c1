/** Finds and starts the Chromium that the browser tests use. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
/** Written by `node tools/setup.mjs --browser`. */
const FOUND = path.join(ROOT, "target/tools/browser.json");

/** @returns {string} path of the browser's program */
export function chromePath() {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  try {
    return JSON.parse(readFileSync(FOUND, "utf8")).path;
  } catch {
    const advice = "run `node tools/setup.mjs --browser`, or set CHROME_PATH";
    throw new Error(`no browser is known: ${advice}`);
  }
}

/** What it would say with a window: software that says it is headless is no visitor to the product. */
const AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/140.0.0.0 Safari/537.36";

/**
 * A headless browser that talks to nobody but the pages it is given.
 * @param {import("playwright-core").LaunchOptions} [options]
 */
export function launch(options = {}) {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: chromePath(),
    headless: true,
    ...options,
    args: [
      ...(isRoot ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--user-agent=${AGENT}`,
      ...(options.args ?? []),
    ],
  });
}
