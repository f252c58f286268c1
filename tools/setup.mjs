/** Gets this checkout ready: toolchain, wasm-bindgen, npm packages, and a browser on request. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { cargoInstall } from "./cargo-install.mjs";
import { findBrowser } from "./find-browser.mjs";
import { ROOT, Stop, createSteps, must, run, runTool, works } from "./console.mjs";

const HELP = `
Usage: node tools/setup.mjs [--browser]

Gets everything the other commands need, and does nothing when all is there:
  1. checks node, cargo and the Rust toolchain of rust-toolchain.toml with its wasm target
  2. installs the wasm-bindgen program of the version in Cargo.lock into target/tools
  3. installs the npm packages of package-lock.json
  4. with --browser: finds (or gets) a Chromium for the browser tests; CHROME_PATH names one
make verify also runs the snippet in Firefox, which you install yourself (on Debian:
apt-get install -y firefox-esr); FIREFOX_PATH names another. And the shop's customers in WebKit,
where its driver is (on Debian: apt-get install -y webkit2gtk-driver xvfb faketime).
`;

const TOOLS = path.join(ROOT, "target/tools");
const STAMP = path.join(TOOLS, "setup.json");
const BINDGEN = path.join(TOOLS, "bin/wasm-bindgen");
const BROWSER = path.join(TOOLS, "browser.json");
const WASM = "wasm32-unknown-unknown";

/** @param {string} file */
const read = (file) => readFile(path.join(ROOT, file), "utf8");

/** The version in Cargo.lock; the program and the crate must be the same. */
async function bindgenVersion() {
  const lock = await read("Cargo.lock");
  const found = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock);
  if (!found) throw new Stop("Cargo.lock names no wasm-bindgen");
  return found[1];
}

async function wantedStamp() {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", "rust-toolchain.toml"]) hash.update(await read(file));
  return { files: hash.digest("hex"), bindgen: await bindgenVersion() };
}

/** @param {unknown} wanted */
async function isUpToDate(wanted) {
  if (!existsSync(BINDGEN) || !existsSync(path.join(ROOT, "node_modules/wrangler"))) return false;
  const stamp = await readFile(STAMP, "utf8").catch(() => "");
  return stamp === JSON.stringify(wanted);
}

async function checkToolchain() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 10)) {
    const found = process.versions.node;
    throw new Stop(`node ${found} is too old: 20.10 or newer is needed (nodejs.org)`);
  }
  const toolchain = await read("rust-toolchain.toml");
  const channel = /channel = "([^"]+)"/.exec(toolchain)?.[1] ?? "stable";
  const rustup = await works("rustup");
  if (!rustup && !(await works("cargo"))) {
    throw new Stop(
      "Rust is missing. Get it with:\n" +
        "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y\n" +
        "and open a new shell.",
    );
  }
  const hasWasm = async () => {
    const args = ["--print", "target-libdir", "--target", WASM];
    const result = await run("rustc", args).catch(() => undefined);
    return result?.code === 0 && existsSync(result.stdout.trim());
  };
  if (rustup) {
    const present = await works("rustup", ["run", channel, "rustc", "--version"]);
    if (!present) {
      console.log(`      installing Rust ${channel}`);
      const parts = ["--component", "rustfmt,clippy", "--target", WASM];
      const args = ["toolchain", "install", channel, "--profile", "minimal", ...parts];
      await must("rustup", [...args, "--no-self-update"], { show: true });
    }
    if (!(await hasWasm())) {
      await must("rustup", ["target", "add", WASM, "--toolchain", channel], { show: true });
    }
  } else if (!(await hasWasm())) {
    throw new Stop(`Rust has no ${WASM} target. Install rustup (rustup.rs), or your\n` +
      "distribution's package with the standard library for that target.");
  }
  return `node ${process.versions.node}, Rust ${channel}`;
}

/** @param {string} version */
async function installBindgen(version) {
  const present = await run(BINDGEN, ["--version"]).catch(() => undefined);
  if (present?.stdout.trim() === `wasm-bindgen ${version}`) return `wasm-bindgen ${version}`;
  console.log(`      compiling wasm-bindgen ${version} once: about three minutes on two cores`);
  await cargoInstall("wasm-bindgen-cli", version);
  return `wasm-bindgen ${version}`;
}

async function installPackages() {
  // No package's own script runs: esbuild and workerd come as packages for the platform.
  await must("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  return "npm packages as in package-lock.json";
}

async function prepareBrowser() {
  await mkdir(TOOLS, { recursive: true });
  const found = await findBrowser();
  await writeFile(BROWSER, JSON.stringify({ path: found }));
  return found;
}

/** Whether the recorded browser, or the one CHROME_PATH names, is there. */
async function hasBrowser() {
  if (process.env.CHROME_PATH) return existsSync(process.env.CHROME_PATH);
  const recorded = await readFile(BROWSER, "utf8").catch(() => "{}");
  return existsSync(JSON.parse(recorded).path ?? "");
}

/** @param {string[]} args */
async function main(args) {
  const wanted = await wantedStamp();
  const ready = await isUpToDate(wanted);
  const browser = args.includes("--browser") && !(await hasBrowser());
  if (ready && !browser) return;
  const step = createSteps((ready ? 0 : 3) + (browser ? 1 : 0));
  if (!ready) {
    await mkdir(TOOLS, { recursive: true });
    await step("Rust and Node", checkToolchain);
    await step("wasm-bindgen", () => installBindgen(wanted.bindgen));
    await step("npm packages", installPackages);
    await writeFile(STAMP, JSON.stringify(wanted));
  }
  if (browser) await step("browser for the tests", prepareBrowser);
}

await runTool(HELP, main);
