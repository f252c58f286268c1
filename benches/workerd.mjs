/** Raw `workerd serve` without wrangler or proxy: its CPU time is the Worker and the runtime. */
import { createRequire } from "node:module";
import { mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, Stop } from "../tools/console.mjs";
import { start, temporary } from "./processes.mjs";

/** @type {string} where the package keeps the program for this machine */
const PROGRAM = createRequire(import.meta.url)("workerd").default;
const WORKERS = fileURLToPath(new URL("workers/", import.meta.url));
/** Under a tool that counts instructions it takes half a minute. */
const START_MS = 90_000;
/** The header that carries `request.cf`; raw workerd knows no country by itself. */
export const CF_HEADER = "CF-Blob";

/**
 * @typedef {object} WorkerSource
 * @property {[name: string, kind: "esModule" | "wasm", text: Buffer][]} modules
 * @property {string[]} bindings
 * @property {string[]} services what the bindings point at
 */

/** Quotes a text for Cap'n Proto. @param {string} text */
const quoted = (text) => JSON.stringify(text);

/** @returns {Promise<string>} */
async function compatibilityDate() {
  const text = await readFile(path.join(ROOT, "wrangler.toml"), "utf8");
  const found = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(text);
  if (!found) throw new Stop("wrangler.toml names no compatibility_date");
  return found[1];
}

/**
 * A Worker of this folder: one module, or a folder of them whose entry is index.js.
 * @param {string} name
 * @param {Record<string, string>} [vars]
 * @param {number} [port] of KV and queue, if it needs them
 * @returns {Promise<WorkerSource>}
 */
export async function example(name, vars = {}, port) {
  const single = name.endsWith(".js");
  const dir = path.join(WORKERS, single ? "" : name);
  const files = single ? [name] : (await readdir(dir)).sort(byEntry);
  const modules = files.map(async (file) =>
    /** @type {[string, "esModule", Buffer]} */
    ([file, "esModule", await readFile(path.join(dir, file))]));
  return { modules: await Promise.all(modules), ...bindings(vars, port) };
}

/** workerd takes the first module as the entry. @param {string} one @param {string} other */
function byEntry(one, other) {
  return Number(other === "index.js") - Number(one === "index.js") || (one < other ? -1 : 1);
}

/** @param {Record<string, string>} vars @param {number} [port] */
function bindings(vars, port) {
  const texts = Object.entries(vars)
    .map(([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`);
  if (port === undefined) return { bindings: texts, services: [] };
  const outside = [
    `(name = "SNAPSHOTS", kvNamespace = "outside")`, `(name = "CLICKS", queue = "outside")`,
  ];
  const service = `(name = "outside", external = (address = "127.0.0.1:${port}", http = ()))`;
  return { bindings: [...texts, ...outside], services: [service] };
}

/**
 * The product as it was built, with KV and queue outside.
 * @param {string} dir
 * @param {{ port: number, rootSecret: string, siteOrigin?: string }} outside
 * @returns {Promise<WorkerSource>}
 */
export async function product(dir, { port, rootSecret, siteOrigin = "" }) {
  const wasm = "throughline_bg.wasm";
  const read = (/** @type {string} */ name) => readFile(path.join(dir, name)).catch(() => {
    throw new Stop(`${name} is missing in ${path.relative(ROOT, dir)}: run make build`);
  });
  const vars = {
    ADMIN_HOST: "admin.localhost", SITE_ORIGIN: siteOrigin, SITE_HOSTS: "*.localhost", LOOPBACK: "1", ROOT_SECRET: rootSecret,
  };
  return {
    modules: [["index.js", "esModule", await read("index.js")], [wasm, "wasm", await read(wasm)]],
    ...bindings(vars, port),
  };
}

/**
 * @param {WorkerSource} source
 * @param {string} date
 */
function configuration(source, date) {
  const modules = source.modules.map(
    ([name, kind]) => `(name = ${quoted(`./${name}`)}, ${kind} = embed ${quoted(name)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.join(", ")}],
      compatibilityDate = ${quoted(date)},
      bindings = [${source.bindings.join(", ")}],
      globalOutbound = "network",
    )),
    ${source.services.map((each) => `${each},`).join("\n    ")}
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(
    name = "http", address = "127.0.0.1:0", service = "main",
    http = (cfBlobHeader = ${quoted(CF_HEADER)}),
  )],
);
`;
}

/**
 * The port, from the report that workerd writes when it listens.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
function listening(child) {
  return new Promise((resolve, reject) => {
    let said = "";
    let control = "";
    const fail = (/** @type {string} */ what) => reject(new Error(`workerd ${what}\n${said}`));
    const timer = setTimeout(() => fail("did not start in time"), START_MS);
    child.stderr?.on("data", (chunk) => (said += chunk));
    child.on("exit", (code) => fail(`ended with code ${code}`));
    child.on("error", reject);
    child.stdio[3]?.on("data", (chunk) => {
      control += chunk;
      const found = /"listen","socket":"http","port":(\d+)/.exec(control);
      if (!found) return;
      clearTimeout(timer);
      resolve(Number(found[1]));
    });
  });
}

/**
 * Starts one workerd with one Worker in it.
 * @param {WorkerSource} source
 * @param {string[]} [under] a program, with its arguments, that runs workerd
 */
export async function serve(source, under = []) {
  const dir = temporary(await mkdtemp(path.join(tmpdir(), "throughline-bench-")));
  for (const [name, , text] of source.modules) await writeFile(path.join(dir, name), text);
  const file = path.join(dir, "config.capnp");
  await writeFile(file, configuration(source, await compatibilityDate()));
  const [program, ...args] = [...under, PROGRAM, "serve", "--control-fd=3", file];
  const child = start(program, args, {
    stdio: ["ignore", "inherit", "pipe", "pipe"],
  });
  const port = await listening(child);
  return { child, port, pid: /** @type {number} */ (child.pid) };
}
