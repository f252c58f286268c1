/** Builds the browser snippet: the two scripts that the Worker serves, and the npm package. */
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { minify } from "terser";
import ts from "typescript";
import { ROOT, runTool } from "./console.mjs";

const HELP = `
Usage: node tools/snippet.mjs

Writes target/snippet, ready for npm publish: tl.js and full.js as /tl/… serves them,
index.js (ES module) with its types, package.json, README.md and LICENSE.
`;

const SOURCE = path.join(ROOT, "js/snippet");
export const SNIPPET_OUT = path.join(ROOT, "target/snippet");
/** Once per page: see core.ts. */
const ONCE = "if((window.tlq||=[]).pop)";
/** `??=` is the newest syntax: browsers of autumn 2020 and later. */
const TARGET = "es2021";

/** @typedef {"core" | "full"} Kind */

/** @type {esbuild.BuildOptions} */
const OPTIONS = {
  bundle: true,
  write: false,
  format: "esm",
  target: TARGET,
  charset: "utf8",
  legalComments: "none",
  // The project's own settings would add "use strict" to a text where each byte counts.
  tsconfigRaw: "{}",
  // package.json speaks of what is published: these sources are all effect.
  ignoreAnnotations: true,
  logLevel: "silent",
};

/** The statements of a script, which read the free name TAG. @param {Kind} kind */
async function statements(kind) {
  const define = { FULL: String(kind === "full") };
  const entryPoints = [path.join(SOURCE, `${kind}.ts`)];
  const result = await esbuild.build({ ...OPTIONS, entryPoints, define, minifySyntax: true });
  return result.outputFiles?.[0]?.text ?? "";
}

/** esbuild leaves functions that are called once; inlining them saves 3 %. @param {string} code */
async function small(code) {
  const result = await minify(code, { ecma: 2020, format: { ecma: 2020 } });
  return (result.code ?? "").replace(/;$/, "");
}

/**
 * A script exactly as it is served.
 * @param {Kind} kind
 */
export async function bundleScript(kind) {
  const body = await statements(kind);
  const tag = "document.currentScript||{dataset:{}}";
  return small(`${ONCE}try{(TAG=>{${body}})(${tag})}catch{}`);
}

/** The ES module: the full script as a function, behind `start`. */
async function bundleModule() {
  const script = await small(`run=TAG=>{${ONCE}{${await statements("full")}}}`);
  /** @type {esbuild.Plugin} */
  const plugin = {
    name: "script",
    setup(build) {
      build.onResolve({ filter: /^throughline:script$/ }, ({ path: name }) => ({
        path: name,
        namespace: "script",
      }));
      build.onLoad({ filter: /.*/, namespace: "script" }, () => ({
        contents: `export default ${script.replace(/^run=/, "")}`,
      }));
    },
  };
  const entryPoints = [path.join(SOURCE, "index.ts")];
  const result = await esbuild.build({ ...OPTIONS, entryPoints, plugins: [plugin] });
  return result.outputFiles?.[0]?.text ?? "";
}

/** @param {string} name of a TypeScript file whose exports carry their types */
async function declarations(name) {
  const text = await readFile(path.join(SOURCE, name), "utf8");
  const { outputText, diagnostics } = ts.transpileDeclaration(text, { fileName: name });
  if (diagnostics?.length) throw new Error(`${name}: ${diagnostics[0]?.messageText}`);
  return outputText;
}

/**
 * Writes the package.
 * @returns the two scripts
 */
export async function writeSnippet(out = SNIPPET_OUT) {
  const [core, full] = await Promise.all([bundleScript("core"), bundleScript("full")]);
  /** @type {Record<string, string>} */
  const files = {
    "tl.js": core,
    "full.js": full,
    "index.js": await bundleModule(),
    "index.d.ts": await declarations("index.ts"),
    "api.d.ts": await declarations("api.ts"),
  };
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(out, name), text);
  for (const name of ["package.json", "README.md"]) {
    await copyFile(path.join(SOURCE, name), path.join(out, name));
  }
  await copyFile(path.join(ROOT, "LICENSE"), path.join(out, "LICENSE"));
  return { core, full };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runTool(HELP, async () => void (await writeSnippet()));
}
