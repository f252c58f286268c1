/** Measures what is shipped and holds it against its budgets. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { ROOT, Stop, green, red, runTool } from "./console.mjs";

const HELP = `
Usage: node tools/size.mjs

Prints the sizes of the built Worker and snippet, writes target/size.json,
and ends with code 1 when one is over its budget. Build first: make build
`;

/** @type {Record<string, number>} bytes */
const BUDGETS = {
  snippet_core_brotli_bytes: 1000,
  snippet_full_brotli_bytes: 2400,
};

/** @param {string} file */
async function built(file) {
  return readFile(path.join(ROOT, file)).catch(() => {
    throw new Stop(`${file} is missing: run make build`);
  });
}

/** @param {Buffer} data */
function brotli(data) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
  };
  return brotliCompressSync(data, { params }).length;
}

async function main() {
  const wasm = await built("target/worker/throughline_bg.wasm");
  const script = await built("target/worker/index.js");
  const core = await built("target/snippet/tl.js");
  const full = await built("target/snippet/full.js");
  /** @type {Record<string, number>} */
  const sizes = {
    wasm_gzip_bytes: gzipSync(wasm, { level: 9 }).length,
    wasm_raw_bytes: wasm.length,
    index_js_gzip_bytes: gzipSync(script, { level: 9 }).length,
    snippet_core_brotli_bytes: brotli(core),
    snippet_core_raw_bytes: core.length,
    snippet_full_brotli_bytes: brotli(full),
    snippet_full_raw_bytes: full.length,
  };
  let over = 0;
  for (const [name, bytes] of Object.entries(sizes)) {
    const budget = BUDGETS[name];
    const isOver = budget !== undefined && bytes > budget;
    if (isOver) over += 1;
    const paint = isOver ? red : green;
    const limit = budget === undefined ? "" : `  of ${budget}`;
    console.log(`${name.padEnd(28)}${paint(String(bytes).padStart(9))}${limit}`);
  }
  await mkdir(path.join(ROOT, "target"), { recursive: true });
  const report = JSON.stringify({ ...sizes, budgets: BUDGETS }, null, 2);
  await writeFile(path.join(ROOT, "target/size.json"), `${report}\n`);
  if (over > 0) throw new Stop(`${over} over budget`);
}

await runTool(HELP, main);
