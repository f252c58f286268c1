import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { startMetaStandIn } from "./support/meta_stand_in.mjs";
import { startRudeReceiver } from "./support/rude_receiver.mjs";
import { eventually, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

/** A person whom nobody else is called. */
const MAIL = "Canary.Qzx7+tag@Shop-Qzx7.example";
const PHONE = "+44 20 7946 0958";
const NAME = "Qzendra Xylophant";
const IP = "198.51.100.237";

/** @param {string} algorithm @param {string} text */
const digest = (algorithm, text) => createHash(algorithm).update(text).digest("hex");

/** Unkeyed hashes of what names the person, in every normal form that a platform uses. */
function hashes() {
  const mail = MAIL.toLowerCase();
  const [name, host] = mail.split("@");
  const texts = [MAIL, mail, `${name.replaceAll(".", "")}@${host}`, mail.replace(/\+.*@/, "@"),
    PHONE, "442079460958", "+442079460958", NAME, NAME.toLowerCase(), IP];
  return texts.flatMap((text) => ["md5", "sha1", "sha256"].map((how) => digest(how, text)));
}

/** The person in clear, as texts are written down. */
function spellings() {
  const texts = [MAIL, MAIL.toLowerCase(), MAIL.split("@")[0].toLowerCase(), PHONE, "442079460958",
    "2079460958", NAME, NAME.toLowerCase(), IP];
  return texts.flatMap((text) => {
    const bytes = Buffer.from(text);
    // Base64 in the middle of a longer text: without the last, unsteady character.
    const base64 = bytes.toString("base64").replace(/=+$/, "").slice(0, -1);
    return [text, encodeURIComponent(text), base64, bytes.toString("hex")];
  });
}

/** All files below a folder. @param {string} folder @returns {Promise<string[]>} */
async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

describe("a person who comes in by every way", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startMetaStandIn>>} */ let meta;
  /** @type {Awaited<ReturnType<typeof startRudeReceiver>>} */ let receiver;
  /** @type {string} */ let persist;

  before(async () => {
    persist = await mkdtemp(path.join(tmpdir(), "throughline-privacy-"));
    [meta, receiver] = await Promise.all([startMetaStandIn(), startRudeReceiver()]);
    world = await startReady({ persist });
    const program = world.program.id;
    const to = (/** @type {object} */ settings) =>
      world.must("POST", "destinations", { program, ...settings });
    await to({ kind: "webhook", url: `${receiver.url}/status/200` });
    await to({ kind: "postback", url: `${receiver.url}/status/200?e={event_name}&o={order_id}` });
    await to({ kind: "meta", pixel_id: meta.pixel, access_token: meta.token, base_url: meta.url });
  });
  after(async () => {
    await Promise.all([meta.close(), receiver.close()]);
    await rm(persist, { recursive: true, force: true });
  });

  const CONTEXT = { userAgent: "Mozilla/5.0 (test)", pageUrl: "https://shop.localhost/thanks",
    ip: IP, email: MAIL, name: NAME };
  /** @param {string} consent */
  const person = (consent) => ({
    customerEmail: MAIL, customerName: NAME, customerPhone: PHONE, customerAvatar: `x?u=${MAIL}`,
    email: MAIL, ip: IP, metadata: { email: MAIL, nested: [{ phone: PHONE, name: NAME, ip: IP }] },
    context: { ...CONTEXT, consent },
  });
  const FROM = { "cf-connecting-ip": IP, "x-forwarded-for": IP, "x-real-ip": IP,
    referer: `https://mail.example/?to=${encodeURIComponent(MAIL)}` };

  test("is found nowhere afterwards, and goes only where consent lets a hash go", async () => {
    const query = `email=${encodeURIComponent(MAIL)}&tel=${encodeURIComponent(PHONE)}`;
    const { token } = await world.click(`/go/anna?fbclid=Iw1&${query}`, FROM);
    await world.visit(`/go/nobody?${query}`, FROM);
    await world.beacon({ n: "land", t: token, q: `?${query}`, email: MAIL }, FROM);
    await world.beacon(`{"n":"${MAIL}"}`, FROM);
    const base = { amount: 2000, currency: "usd" };
    const lead = { customerExternalId: MAIL, eventName: "Sign up", clickId: token };
    await world.accepted("lead", { ...lead, ...person("full") });
    for (const consent of ["full", "session", "code"]) {
      const sale = { ...base, customerExternalId: `c-${consent}`, invoiceId: `o-${consent}`,
        clickId: token, ...person(consent) };
      await world.accepted("sale", sale);
      await world.accepted("sale", sale);
      assert.equal((await world.track("sale", { ...sale, amount: 1 })).status, 409);
    }
    await world.accepted("refund", { refundId: "re_1", invoiceId: "o-full", ...person("full") });
    // What is refused is not kept either.
    for (const body of [{ ...base, ...person("full"), amount: -1 }, `{"email":"${MAIL}"`,
      { ...base, customerExternalId: MAIL, ...person("maybe") }]) {
      const answer = await world.track("sale", body);
      assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
    }
    await world.folded();
    await eventually("everything was told", async () => {
      await world.hasten();
      const rows = await world.rows("deliveries");
      return rows.length >= 15 && rows.every((row) => row.state !== "pending");
    });

    const lists = ["events", "decisions", "deliveries", "conflicts", "clicks", "programs"];
    const answers = await Promise.all(lists.map((list) => world.api("GET", list)));
    const logs = world.stack.logs.join("\n");
    const mixed = await world.dump();
    await world.stop();
    const stored = await filesBelow(persist);
    assert.ok(stored.some((name) => name.endsWith(".sqlite")), "D1's file is there");
    const files = await Promise.all(stored.map(async (name) => /** @type {[string, string]} */ (
      [path.basename(name), (await readFile(name)).toString("latin1")])));
    assert.ok(files.some(([, text]) => text.includes("o-full")), "and is the one");
    const places = [["answers", answers.map((one) => one.text).join("\n")], ["logs", logs],
      ["tables", mixed], ...files];
    for (const [place, text] of places) {
      for (const word of [...spellings(), ...hashes()]) {
        assert.ok(!text.includes(word), `${place} holds ${word}`);
      }
    }
    checkRequests();
  });

  function checkRequests() {
    const told = receiver.got.map((one) => `${one.url} ${JSON.stringify(one.headers)} ${one.body}`);
    assert.ok(told.length >= 10, `${told.length} requests`);
    for (const text of told) {
      for (const word of [...spellings(), ...hashes()]) {
        assert.ok(!text.includes(word), `${word} in ${text}`);
      }
    }
    const orders = meta.events.map((event) => event.custom_data?.order_id ?? event.event_name);
    assert.deepEqual(orders.sort(), ["Lead", "o-full"], "only full consent lets anything go");
    const mail = digest("sha256", MAIL.toLowerCase());
    for (const { body } of meta.requests) {
      for (const word of spellings()) assert.ok(!body.includes(word), `${word} in ${body}`);
      assert.ok(body.includes(mail), "as the hash that Meta wants");
    }
  }
});
