/** The way back when the only admin key is lost. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ROOT, run } from "../../tools/console.mjs";
import { secretsIn } from "../../tools/keyring.mjs";
import { freePort } from "./support/shop.mjs";
import { startProduct } from "./support/world.mjs";

test("a lost admin key is replaced, and the others go on", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "throughline-owner-"));
  /** @type {import("./support/world.mjs").Stack | undefined} */ let stack;
  t.after(async () => {
    await stack?.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  const start = async () =>
    startProduct({ persist: path.join(folder, "state"), ...(await secretsIn(folder)) });
  const env = { NO_COLOR: "1", PORT: String(await freePort()) };
  /** @param {string[]} more */
  const ownerKey = (...more) =>
    run(process.execPath, ["tools/owner-key.mjs", `--folder=${folder}`, ...more],
      { cwd: ROOT, env });

  stack = await startProduct({ persist: path.join(folder, "state"), ...(await secretsIn(folder)) });
  const lost = String((await stack.setup())?.key);
  assert.equal(await stack.setup(), undefined, "set-up is closed");
  await stack.dispose();

  const said = await ownerKey("--local");
  assert.equal(said.code, 0, said.stderr);
  const key = /tlk_[\w-]+/.exec(said.stdout)?.[0];
  assert.ok(key && key !== lost);

  stack = await start();
  assert.equal(await stack.setup(), undefined, "set-up is closed again");
  /** @param {string | undefined} key */
  const keys = async (key) => stack?.request("GET", "/api/v1/keys", { key });
  assert.equal((await keys(lost))?.status, 200, "nobody is locked out");
  const all = (await keys(key))?.json().data;
  assert.equal(all.length, 2);
  const gone = await stack.request("DELETE", `/api/v1/keys/${all[1].id}`, { key });
  assert.equal(gone.status, 204);
  assert.equal((await keys(lost))?.status, 403);
});

test("on Cloudflare it takes D1 and the root secret", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "throughline-owner-"));
  const args = ["tools/owner-key.mjs", `--folder=${folder}`];
  const env = { NO_COLOR: "1", ADMIN_HOST: "admin.example.com", ROOT_SECRET: "" };
  try {
    const dry = await run(process.execPath, [...args, "--dry-run"], { cwd: ROOT, env });
    assert.match(dry.stdout, /d1 execute throughline --remote/);
    assert.match(dry.stdout, /"INSERT INTO setup_openings \(until\) VALUES \(\d{13}\)"/);
    const without = await run(process.execPath, args, { cwd: ROOT, env });
    assert.equal(without.code, 1);
    assert.match(without.stderr, /ROOT_SECRET/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
