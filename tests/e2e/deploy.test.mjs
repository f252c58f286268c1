import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { checkSettings, siteHosts, writeDeployConfig } from "../../tools/deploy-config.mjs";

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

describe("the settings of a deployment", () => {
  test("without routes keep the workers.dev address", async () => {
    const dir = path.join(ROOT, "target/deploy-no-routes");
    const file = await writeDeployConfig(dir, { routes: [] });
    const config = await readFile(file, "utf8");
    assert.match(config, /^workers_dev = true$/m);
    assert.match(config, /^SITE_HOSTS = ""$/m, "nobody passes to a site by that address");
  });

  test("that would leave the API or the site without an address stop it", () => {
    const routes = ["shop.example.com/*", "admin.example.com"];
    const siteOrigin = "https://origin.example.com";
    assert.throws(() => checkSettings({ routes, siteOrigin }), /set without ADMIN_HOST/);
    assert.throws(() => checkSettings({ routes, adminHost: "a.example.com" }), /not among ROUTES/);
    assert.throws(() => checkSettings({ routes: [], siteOrigin }), /SITE_ORIGIN .* without ROUTES/);
    assert.throws(() => checkSettings({ routes: ["*/*"], adminHost: "a.b" }), /write zone=/);
    assert.throws(() => checkSettings({ routes, adminHost: "https://a" }), /host name alone/);
    checkSettings({ routes, siteOrigin, adminHost: "admin.example.com" });
    checkSettings({ routes: ["*.example.com/*"], adminHost: "a.example.com" });
    checkSettings({ routes: [] });
  });

  test("name the hosts of the site by the routes, in every form that they have", () => {
    /** @type {[string, string[]][]} */
    const forms = [
      ["Shop.example.com", ["shop.example.com"]],
      ["shop.example.com/*", ["shop.example.com"]],
      ["*.example.com/*", ["*.example.com"]],
      ["*example.com/go/*", ["example.com", "*.example.com"]],
      ["example.co.uk=*/*", ["example.co.uk", "*.example.co.uk"]],
      ["example.co.uk=shop.example.co.uk/*", ["shop.example.co.uk"]],
    ];
    for (const [route, hosts] of forms) assert.deepEqual(siteHosts([route]), hosts, route);
    const all = forms.map(([route]) => route);
    assert.equal(siteHosts(all, "example.com").includes("example.com"), false);
  });
});

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
      OUTBOUND_ALLOW: "hooks.corp",
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
    assert.match(config, /^SITE_HOSTS = "example\.com,shop\.example\.co\.uk"$/m);
    assert.match(config, /^OUTBOUND_ALLOW = "hooks\.corp"$/m);
  });

  test("turns the workers.dev address off, for there are routes, and says so", async () => {
    const config = await readFile(path.join(ROOT, "target/deploy-dry-run/wrangler.toml"), "utf8");
    assert.deepEqual(config.match(/^(workers_dev|preview_urls) = .*$/gm),
      ["workers_dev = false", "preview_urls = false"]);
    assert.match(output, /workers\.dev is off/);
  });

  test("changes no tracked file", async () => {
    assert.equal(await trackedContent(), contentBefore);
  });
});
