/**
 * The drill of the README, with its own commands, on data from before there was a pseudonym secret:
 * a new root secret, new keys, everything sealed anew, the old entry taken out.
 */
import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, run } from "../../tools/console.mjs";
import { newRootSecret, setupProof } from "../../tools/stack.mjs";
import { startWebhookReceiver } from "./support/webhook_receiver.mjs";
import { eventually, makeProgram, ready, startProduct } from "./support/world.mjs";

const SCOPES = { admin: 1, track: 2, read: 3 };
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** The number in an id. @param {string} id */
const numberOf = (id) => [...id.slice(3)].reduce(
  (number, letter) => number << 5n | BigInt(ALPHABET.indexOf(letter)), 0n);

/** A key's text as who knows an entry of the root secret can sign it.
 * @param {string} entry @param {string} id @param {string | null} program
 * @param {keyof typeof SCOPES} scope */
function forge(entry, id, program, scope) {
  const [number, secret] = entry.split(":");
  const root = Buffer.from(secret, "base64url");
  const key = hkdfSync("sha256", root, Buffer.alloc(0), "throughline/v1/api-key", 32);
  const body = Buffer.alloc(17);
  body.writeBigUInt64BE(numberOf(id));
  body.writeBigUInt64BE(program === null ? 0n : numberOf(program), 8);
  body.writeUInt8(SCOPES[scope], 16);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(body.length));
  const mac = createHmac("sha256", Buffer.from(key)).update(length).update(body).digest();
  const text = Buffer.concat([Buffer.from([Number(number)]), body, mac.subarray(0, 16)]);
  return `tlk_${text.toString("base64url")}`;
}

/** @param {string} tool @param {string[]} args @param {Record<string, string>} [env] */
const tool = (tool, args, env = {}) => run(process.execPath, [`tools/${tool}.mjs`, ...args],
  { cwd: ROOT, env: { NO_COLOR: "1", ...env } });

describe("a rotation of the root secret", () => {
  const old = newRootSecret();
  /** @type {string} */ let folder;
  /** @type {import("./support/world.mjs").Stack} */ let stack;
  /** @type {import("./support/world.mjs").Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startWebhookReceiver>>} */ let hook;
  /** @type {Awaited<ReturnType<import("./support/world.mjs").Ready["click"]>>} */ let click;
  /** @type {Record<string, string>} */ let oldKeys;

  /** The Worker with what the folder's files say. */
  async function start() {
    const read = (/** @type {string} */ name) =>
      readFile(path.join(folder, name), "utf8").then((text) => text.trim(), () => "");
    stack = await startProduct({
      persist: path.join(folder, "state"),
      rootSecret: await read("root-secret"), pseudonymSecret: await read("pseudonym-secret"),
    });
  }
  /** @param {string[]} args */
  async function step(...args) {
    const done = await tool("secrets", [...args, `--folder=${folder}`]);
    assert.equal(done.code, 0, done.stderr);
    await stack.dispose();
    await start();
    world = ready(stack, world.admin, world.program);
  }
  /** @param {string} order @param {string} [clickId] */
  const sale = (order, clickId) =>
    ({ customerExternalId: "c1", invoiceId: order, amount: 1000, currency: "usd", clickId });

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "throughline-rotation-"));
    await writeFile(path.join(folder, "root-secret"), `${old}\n`);
    hook = await startWebhookReceiver();
    await start();
    const admin = String((await stack.setup())?.key);
    world = ready(stack, admin, await makeProgram(stack, admin));
    const made = await world.must("POST", "destinations",
      { program: world.program.id, kind: "webhook", url: hook.url, events: ["sale", "refund"] });
    hook.setSecret(made.secret);
    click = await world.click("/go/boris");
    await world.accepted("sale", sale("o1", click.token));
    await eventually("the webhook hears", () => hook.requests.length > 0);
    await world.quiet();
    const { keys } = world.program;
    oldKeys = { admin, track: keys.track.key, read: keys.read.key, own: keys.own.key };
  });
  after(async () => {
    await stack?.dispose();
    await hook?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("with the new entry in front, who has the old one makes no admin key", async () => {
    await step("pseudonyms");
    await step("add");
    const { keys, id } = world.program;
    assert.equal(forge(old, keys.read.id, id, "read"), keys.read.key, "it forges well");
    for (const program of [null, id]) {
      const text = forge(old, keys.read.id, program, "admin");
      for (const [method, list] of [["GET", "keys"], ["POST", "keys"], ["POST", "rotate"]]) {
        const answer = await world.api(method, list, undefined, text);
        assert.deepEqual([answer.status, answer.json().code], [401, "key_invalid"], list);
      }
      const text_ = forge(old, keys.read.id, id, "track");
      assert.equal((await world.track("sale", sale("forged"), text_)).status, 401);
    }
    const setup = { key: setupProof(old) };
    assert.equal((await stack.request("POST", "/api/v1/setup", setup)).status, 401);
    for (const key of [oldKeys.read, oldKeys.own]) {
      assert.equal((await world.api("GET", "events", undefined, key)).status, 200);
    }
  });

  test("new keys take the place of the old ones, and what is sealed moves", async () => {
    const told = await world.must("POST", "rotate");
    assert.deepEqual(told.resealed, { destinations: 1, sealed_rows: 0 });
    assert.deepEqual([told.left.keys, told.retirable], [4, []]);
    const all = (await world.must("GET", "keys")).data;
    /** @type {Record<string, any>} */ const made = {};
    for (const { id, name, scope, program } of all) {
      const key = await world.must("POST", "keys", { name, scope, program });
      assert.equal(key.root, 2);
      made[name] = key;
      world = ready(stack, name === "first key" ? key.key : world.admin, world.program);
      await world.must("DELETE", `keys/${id}`);
    }
    const [first, ...others] = [made["first key"], made.server, made.reader, made.owner];
    const { program } = world;
    const keys = { track: others[0], read: others[1], own: others[2] };
    world = ready(stack, first.key, { ...program, keys });
    assert.deepEqual((await world.must("POST", "rotate")).retirable, [1]);
    const last = await world.api("DELETE", `keys/${first.id}`);
    assert.deepEqual([last.status, last.json().code], [409, "last_key"]);
  });

  test("once it is taken out, the old entry opens nothing", async () => {
    await step("retire", "1");
    for (const key of Object.values(oldKeys)) {
      assert.equal((await world.api("GET", "programs", undefined, key)).status, 401);
      assert.equal((await world.track("sale", sale("o2"), key)).status, 401);
    }
    for (const { id } of Object.values(world.program.keys)) {
      const text = forge(old, id, world.program.id, "admin");
      assert.equal((await world.api("GET", "programs", undefined, text)).status, 401);
    }
    await world.accepted("sale", { ...sale("o3", click.token), customerExternalId: "c3" });
    await world.folded();
    const [unpaid] = (await world.rows("decisions")).filter((row) => row.key === "o3");
    assert.deepEqual(unpaid.touches, [], "the old token is none");
    const again = await world.click("/go/anna", { cookie: click.cookie?.pair });
    await world.accepted("sale", { ...sale("o4", again.token), customerExternalId: "c4" });
    await world.folded();
    const [fresh] = (await world.rows("decisions")).filter((row) => row.key === "o4");
    const partners = fresh.touches.map((/** @type {any} */ touch) => touch.partner);
    assert.deepEqual(partners, [world.program.anna.id], "nor is the old cookie");
  });

  test("and what is stored goes on: customers, refunds, webhooks", async () => {
    const { boris } = world.program;
    assert.equal((await world.balances())[`${boris.id} USD`], 100);
    await world.accepted("refund", { refundId: "r1", invoiceId: "o1" });
    assert.equal((await world.balances())[`${boris.id} USD`], 0, "the refund finds its sale");
    const same = await stack.sql(
      "SELECT DISTINCT customer FROM facts WHERE key IN ('o1', 'o5') AND kind = 'sale'");
    await world.accepted("sale", sale("o5"));
    const both = await stack.sql(
      "SELECT DISTINCT customer FROM facts WHERE key IN ('o1', 'o5') AND kind = 'sale'");
    assert.deepEqual(both, same, "the customer has the same name");
    await eventually("the webhook hears of the refund", async () => {
      await world.hasten();
      return hook.requests.some(({ json }) => json?.type === "refund.created");
    });
    assert.ok(hook.requests.every(({ verified }) => verified), "signed with the same secret");
  });

  test("without a pseudonym secret no other entry stands in for the first one", async () => {
    await stack.dispose();
    const rootSecret = (await readFile(path.join(folder, "root-secret"), "utf8")).trim();
    const persist = path.join(folder, "state");
    stack = await startProduct({ persist, rootSecret, pseudonymSecret: "" });
    const answer = await ready(stack, world.admin, world.program).track("sale", sale("o6"));
    assert.equal(answer.status, 500);
    assert.ok(stack.logs.some((line) => line.includes("PseudonymSecret(Missing)")));
    assert.ok(!stack.logs.join("").includes(rootSecret.slice(2)));
  });

  test("the tool does nothing that would lock you out", async () => {
    for (const [args, why] of /** @type {[string[], RegExp][]} */ ([
      [["retire", "2"], /newest/], [["retire", "9"], /no entry 9/], [["pseudonyms"], /no entry 1/],
      [["rotate"], /say one of/],
    ])) {
      const done = await tool("secrets", [...args, `--folder=${folder}`]);
      assert.notEqual(done.code, 0, args.join(" "));
      assert.match(done.stderr, why);
    }
  });
});
