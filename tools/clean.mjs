/** Removes build results. target/tools stays: compiling those programs again takes minutes. */
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { ROOT, runTool } from "./console.mjs";

const HELP = `
Usage: node tools/clean.mjs

Removes target/ except the installed tools. node_modules/ and .local/ are left alone.
`;

async function main() {
  const target = path.join(ROOT, "target");
  for (const name of await readdir(target).catch(() => [])) {
    if (name === "tools") continue;
    await rm(path.join(target, name), { recursive: true, force: true });
  }
}

await runTool(HELP, main);
