/** Installs Rust programs into target/tools, which takes minutes, and says how far it is. */
import { must } from "./console.mjs";

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
 * Installs a program from crates.io into target/tools, with the versions of its own lock file.
 * @param {string} name
 * @param {string} version
 */
export async function cargoInstall(name, version) {
  const args = ["install", "--locked", "--root", "target/tools", name, "--version", version];
  await must("cargo", args, { onLine: compileProgress() });
  if (process.stdout.isTTY) process.stdout.write("\n");
}
