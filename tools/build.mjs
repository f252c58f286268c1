/** Builds the Worker: cargo, wasm-bindgen, wasm-opt, esbuild. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { ROOT, Stop, createSteps, dim, must, run, runTool } from "./console.mjs";
import { named } from "./function-order.mjs";
import { SNIPPET_OUT, writeSnippet } from "./snippet.mjs";

const HELP = `
Usage: node tools/build.mjs [--features NAME] [--out DIR] [--force]

Builds the Worker into DIR (target/worker): index.js and throughline_bg.wasm; and the browser
snippet's package into target/snippet.
Nothing is done when no source has changed since the last build of the same DIR.
  --features NAME   cargo features, for test variants
  --force           build even if nothing has changed
`;

/** Everything that goes into the result. */
const INPUTS = [
  "src", "js/worker", "js/snippet", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml",
  "package-lock.json", "tools/build.mjs", "tools/function-order.mjs", "tools/snippet.mjs", ".cargo",
  "LICENSE",
];
/** Named one by one: with --all-features wasm-opt writes what workerd refuses. */
const WASM_FEATURES = [
  "bulk-memory", "bulk-memory-opt", "nontrapping-float-to-int", "sign-ext", "mutable-globals",
  "multivalue", "reference-types", "simd",
];
/**
 * Only the smallest of the functions that are called in one place go into their caller: what the
 * compiler left apart is alike to others, which gzip sees, and 7 % of the product.
 */
const INLINE = ["--one-caller-inline-max-function-size", "10"];
const WASM = "throughline_bg.wasm";

/**
 * @param {string[]} args
 * @param {string} name
 */
function valueOf(args, name) {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

/** @param {string} name @returns {Promise<string[]>} */
async function filesUnder(name) {
  const file = path.join(ROOT, name);
  if (!existsSync(file)) return [];
  if (!(await stat(file)).isDirectory()) return [name];
  const entries = (await readdir(file)).sort();
  return (await Promise.all(entries.map((entry) => filesUnder(path.join(name, entry))))).flat();
}

/** @param {string} features */
async function fingerprint(features) {
  const hash = createHash("sha256").update(features).update(process.env.RUSTFLAGS ?? "");
  for (const file of (await Promise.all(INPUTS.map(filesUnder))).flat()) {
    hash.update(`\0${file}\0`).update(await readFile(path.join(ROOT, file)));
  }
  return hash.digest("hex");
}

/**
 * Writes beside the target and renames: a reader never sees half a file.
 * @param {string} file
 * @param {string | Uint8Array} content
 */
async function replace(file, content) {
  const next = `${file}.${process.pid}.new`;
  await writeFile(next, content);
  await rename(next, file);
}

/** @param {string} features */
async function compile(features) {
  const target = ["--target", "wasm32-unknown-unknown", "--lib"];
  const extra = features ? ["--features", features] : [];
  const args = ["build", "--release", "--locked", ...target, ...extra];
  const result = await run("cargo", args, { show: true });
  if (result.code !== 0) throw new Stop("the Rust code does not compile");
}

/** @param {string} work */
async function bind(work) {
  const targetDir = path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
  const input = path.join(targetDir, "wasm32-unknown-unknown/release/throughline.wasm");
  const options = ["--target", "web", "--no-typescript", "--experimental-reset-state-function"];
  const names = ["--out-dir", work, "--out-name", "throughline", "--remove-producers-section"];
  await must(path.join(ROOT, "target/tools/bin/wasm-bindgen"), [...options, ...names, input]);
}

/** @param {string} work */
async function optimise(work) {
  const program = path.join(ROOT, "node_modules/binaryen/bin/wasm-opt");
  const before = path.join(work, WASM);
  const after = path.join(work, "optimised.wasm");
  const features = WASM_FEATURES.map((name) => `--enable-${name}`);
  const optimised = (/** @type {string} */ from, /** @type {string[]} */ ...how) =>
    must(process.execPath, [program, from, ...how, ...features, "--strip-producers", "-o", after]);
  await optimised(before, "-Os", ...INLINE);
  const ordered = path.join(work, "named.wasm");
  await writeFile(ordered, named(await readFile(after)));
  await optimised(ordered, "--reorder-functions-by-name");
  const sizes = await Promise.all([before, after].map((file) => stat(file)));
  return sizes.map(({ size }) => kilobytes(size)).join(" → ");
}

/** @typedef {Awaited<ReturnType<typeof writeSnippet>>} Snippets */

/** Modules with large tables, and what they export. @type {Record<string, string[]>} */
const TABLES = {
  "throughline:suffixes": ["registrable"],
  "throughline:phones": ["e164", "isCountry"],
};

/**
 * Resolves `throughline:core` (the generated glue), `throughline:wasm` (the module beside the
 * bundle), `throughline:snippet/core` and `/full` (the snippet's texts), and what the glue imports:
 * `throughline:suffixes`, `throughline:phones`, `throughline:bindings` and `throughline:http`.
 *
 * @param {string} work
 * @param {Snippets} snippets
 * @returns {esbuild.Plugin}
 */
function parts(work, snippets) {
  return {
    name: "parts",
    setup(build) {
      build.onResolve({ filter: /^throughline:/ }, ({ path: name }) => {
        if (name === "throughline:core") return { path: path.join(work, "throughline.js") };
        if (name === "throughline:wasm") return { path: `./${WASM}`, external: true };
        if (TABLES[name]) return { path: name, namespace: "tables" };
        if (name === "throughline:bindings" || name === "throughline:http") {
          return { path: path.join(ROOT, "js/worker", `${name.split(":")[1]}.js`) };
        }
        if (name.startsWith("throughline:snippet/")) return { path: name, namespace: "snippet" };
        return { errors: [{ text: `there is no ${name}` }] };
      });
      build.onLoad({ filter: /.*/, namespace: "snippet" }, ({ path: name }) => ({
        contents: name.endsWith("/full") ? snippets.full : snippets.core,
        loader: "text",
      }));
      // Large tables take some milliseconds to set up, which only those pay who ask them:
      // `require` makes esbuild run the module at the first call.
      build.onLoad({ filter: /.*/, namespace: "tables" }, ({ path: name }) => ({
        contents: (TABLES[name] ?? []).map((call) => `export function ${call}(...given) {
          return require("./${name.split(":")[1]}.js").${call}(...given);
        }`).join("\n"),
        resolveDir: path.join(ROOT, "js/worker"),
      }));
    },
  };
}

/**
 * @param {string} work
 * @param {Snippets} snippets
 */
async function bundleWorker(work, snippets) {
  const result = await esbuild.build({
    entryPoints: [path.join(ROOT, "js/worker/index.js")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    minifySyntax: true,
    minifyWhitespace: true,
    charset: "utf8",
    legalComments: "none",
    external: ["cloudflare:*"],
    plugins: [parts(work, snippets)],
    logLevel: "silent",
  });
  return result.outputFiles[0].text;
}

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

/**
 * @param {string} out
 * @param {Snippets} snippets
 */
async function report(out, snippets) {
  const wasm = await readFile(path.join(out, WASM));
  const script = await readFile(path.join(out, "index.js"));
  const brotli = Object.values(snippets).map((text) => brotliCompressSync(text).length);
  const gzip = (/** @type {Buffer} */ data) => kilobytes(gzipSync(data, { level: 9 }).length);
  console.log(`${path.relative(ROOT, out)}: wasm ${kilobytes(wasm.length)} (gzip ${gzip(wasm)}), ` +
    `index.js ${kilobytes(script.length)} (gzip ${gzip(script)}), ` +
    `snippet ${brotli.join(" and ")} bytes (brotli)`);
}

/** @param {string[]} args */
async function main(args) {
  const features = valueOf(args, "--features") ?? "";
  const out = path.resolve(ROOT, valueOf(args, "--out") ?? "target/worker");
  // Beside the result, not in it: whatever lies in the folder of the Worker is deployed.
  const work = path.join(ROOT, "target/build", path.basename(out));
  const stampFile = path.join(work, "stamp");
  const stamp = await fingerprint(features);
  const results = [...["index.js", WASM].map((name) => path.join(out, name)), SNIPPET_OUT];
  const built = results.every((file) => existsSync(file));
  if (built && !args.includes("--force")) {
    const last = await readFile(stampFile, "utf8").catch(() => "");
    if (last === stamp) {
      console.log(dim(`${path.relative(ROOT, out)} is up to date`));
      return;
    }
  }
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await mkdir(out, { recursive: true });
  const step = createSteps(4);
  await step(`cargo build to wasm${features && ` with ${features}`}`, () => compile(features));
  await step("wasm-bindgen", () => bind(work));
  await step("wasm-opt", () => optimise(work));
  const snippets = await writeSnippet();
  await step("esbuild", async () => {
    const script = await bundleWorker(work, snippets);
    await replace(path.join(out, WASM), await readFile(path.join(work, "optimised.wasm")));
    await replace(path.join(out, "index.js"), script);
  });
  await writeFile(stampFile, stamp);
  await report(out, snippets);
}

await runTool(HELP, main);
