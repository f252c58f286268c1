/** Installs Rust programs into target/tools, which takes minutes, and says how far it is. */
import { must, run } from "./console.mjs";

/** Says now and then how far a long `cargo install` is. */
function compileProgress() {
  const start = performance.now();
  let count = 0;
  return (/** @type {string} */ line) => {
    if (!/^\s*Compiling /.test(line)) return;
    count += 1;
    const seconds = Math.round((performance.now() - start) / 1000);
    const text = `      compiled ${count} crates, ${seconds} s`;
    if (process.stdout.isTTY) process.stdout.write(`\r${text}`);
    else if (count % 25 === 0) console.log(text);
  };
}

/**
 * Installs a program from crates.io into target/tools.
 * @param {string} name
 * @param {string} version
 */
export async function cargoInstall(name, version) {
  const args = ["install", "--root", "target/tools", name, "--version", version];
  const onLine = compileProgress();
  const locked = await run("cargo", [...args, "--locked"], { onLine });
  if (locked.code !== 0) {
    console.log("\n      not with its own lock file; again with current dependencies");
    await must("cargo", args, { onLine });
  }
  if (process.stdout.isTTY) process.stdout.write("\n");
}
