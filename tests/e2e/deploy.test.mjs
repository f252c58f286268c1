import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const TRACKED = [
  "wrangler.toml", "package.json", "package-lock.json", "Cargo.toml", "Cargo.lock", ".gitignore",
];
const runFile = promisify(execFile);

async function trackedContent() {
  const hash = createHash("sha256");
  for (const file of TRACKED) hash.update(await readFile(path.join(ROOT, file)));
  return hash.digest("hex");
}

describe("the dry run of a deployment", () => {
  let output = "";
  let contentBefore = "";

  before(async () => {
    contentBefore = await trackedContent();
    const env = {
      ...process.env,
      NO_COLOR: "1",
      ADMIN_HOST: "admin.example.com",
      SITE_ORIGIN: "https://origin.example.com",
      ROUTES: "admin.example.com,example.com/go/*,example.co.uk=shop.example.co.uk/*",
      D1_JURISDICTION: "eu",
    };
    const args = ["tools/deploy.mjs", "--dry-run"];
    const { stdout } = await runFile(process.execPath, args, { cwd: ROOT, env });
    output = stdout;
  });

  test("names every step in order", () => {
    const steps = [...output.matchAll(/^\[(\d)\/7\] (.+)$/gm)].map((match) => match[1]);
    assert.deepEqual(steps, ["1", "2", "3", "4", "5", "6", "7"]);
    assert.match(output, /in the jurisdiction eu/);
  });

  test("the bundle holds the entry and the wasm", async () => {
    const out = path.join(ROOT, "target/deploy-dry-run/out");
    const names = (await readdir(out)).filter((name) => /\.(js|wasm)$/.test(name)).sort();
    assert.deepEqual(names, ["index.js", "throughline_bg.wasm"]);
    for (const name of names) {
      const built = await readFile(path.join(ROOT, "target/worker", name));
      assert.ok(built.equals(await readFile(path.join(out, name))), `${name} is the built one`);
    }
  });

  test("lists every binding", () => {
    for (const name of ["SNAPSHOTS", "DB", "CLICKS", "WORK", "ADMIN_HOST", "SITE_ORIGIN"]) {
      assert.match(output, new RegExp(`env\\.${name}\\b`), name);
    }
    assert.match(output, /throughline-clicks/);
    assert.match(output, /throughline-work/);
    assert.match(output, /admin\.example\.com/);
  });

  test("its configuration carries the settings", async () => {
    const config = await readFile(path.join(ROOT, "target/deploy-dry-run/wrangler.toml"), "utf8");
    assert.match(config, /^ADMIN_HOST = "admin\.example\.com"$/m);
    assert.match(config, /^SITE_ORIGIN = "https:\/\/origin\.example\.com"$/m);
    assert.match(config, /pattern = "admin\.example\.com", custom_domain = true/);
    assert.match(config, /pattern = "example\.com\/go\/\*", zone_name = "example\.com"/);
    assert.match(config, /pattern = "shop\.example\.co\.uk\/\*", zone_name = "example\.co\.uk"/);
    assert.match(config, /^LOOPBACK = "0"$/m);
  });

  test("changes no tracked file", async () => {
    assert.equal(await trackedContent(), contentBefore);
  });
});
