// A customer is erased. Then a person comes in by every way there is, and no trace of them is in
// D1's files, KV, queues, logs, answers, or any request that the rules forbid.
import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { IP, MAIL, NAME, PHONE, sha256, traceIn } from "./support/canary.mjs";
import { startFaultyServices } from "./support/faulty.mjs";
import { startMetaStandIn } from "./support/meta_stand_in.mjs";
import { startRudeReceiver } from "./support/rude_receiver.mjs";
import { eventually, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

const PAGE = `https://shop.localhost/thanks?mail=${encodeURIComponent(MAIL)}&tel=${PHONE}#${NAME}`;
const CONTEXT = { userAgent: "Mozilla/5.0 (test)", pageUrl: PAGE, ip: IP, email: MAIL, name: NAME,
  fbp: "fb.1.1700000000000.1234567890", ttp: MAIL, gaClientId: "GA1.1.1234567890.1732230000",
  gaSessionId: MAIL };
/** @param {string} [consent] */
const person = (consent) => ({
  customerEmail: MAIL, customerName: NAME, customerPhone: PHONE, customerAvatar: `x?u=${MAIL}`,
  email: MAIL, ip: IP, metadata: { email: MAIL, nested: [{ phone: PHONE, name: NAME, ip: IP }] },
  context: { ...CONTEXT, consent },
});
const FROM = { "cf-connecting-ip": IP, "x-forwarded-for": IP, "x-real-ip": IP,
  referer: `https://mail.example/?to=${encodeURIComponent(MAIL)}` };
const MONEY = { amount: 2000, currency: "usd" };

/** The hashes that each platform takes, in its own normal form. @type {Record<string, string[]>} */
const TAKES = {
  meta: [sha256(MAIL.toLowerCase()), sha256("442079460958")],
  tiktok: [sha256(MAIL.toLowerCase()), sha256("+442079460958")],
  google_ads: [sha256(MAIL.toLowerCase()), sha256("+442079460958")],
};

/** All files below a folder with what is in them now. @param {string} folder */
async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  return Promise.all(names.map(async (name) => /** @type {[string, string]} */ (
    [path.relative(folder, name), (await readFile(name)).toString("latin1")])));
}

describe("a person who comes in by every way", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startFaultyServices>>} */ let services;
  /** @type {Awaited<ReturnType<typeof startMetaStandIn>>} */ let meta;
  /** @type {Awaited<ReturnType<typeof startRudeReceiver>>} */ let receiver;
  /** @type {string} */ let persist;

  before(async () => {
    persist = await mkdtemp(path.join(tmpdir(), "throughline-privacy-"));
    [meta, receiver, services] = await Promise.all([
      startMetaStandIn(), startRudeReceiver(), startFaultyServices()]);
    world = await startReady({ persist, ...services.proxies });
    const program = world.program.id;
    const to = (/** @type {object} */ settings) =>
      world.must("POST", "destinations", { program, ...settings });
    /** @param {string} kind @param {object} answer */
    const base = (kind, answer) =>
      `${receiver.url}/text/200/${encodeURIComponent(JSON.stringify(answer))}/${kind}`;
    await to({ kind: "webhook", url: `${receiver.url}/status/200/webhook` });
    await to({ kind: "postback",
      url: `${receiver.url}/status/200/postback?e={event_name}&o={order_id}` });
    await to({ kind: "meta", pixel_id: meta.pixel, access_token: meta.token, base_url: meta.url });
    await to({ kind: "ga4", measurement_id: "G-1", api_secret: "s", base_url: base("ga4", {}) });
    await to({ kind: "tiktok", pixel_code: "C1", access_token: "t",
      base_url: base("tiktok", { code: 0 }) });
    await to({ kind: "segment", write_key: "k", base_url: base("segment", { success: true }) });
    const google = base("google_ads", { access_token: "y", expires_in: 3600, requestId: "r",
      requestStatusPerDestination: [{ requestStatus: "SUCCESS" }] });
    await to({ kind: "google_ads", customer_id: "1", conversion_action_id: "7",
      lead_conversion_action_id: "8", base_url: google, token_url: `${google}/token`,
      credentials: { client_id: "i", client_secret: "s", refresh_token: "r" } });
  });
  after(async () => {
    await world.stop();
    await Promise.all([meta.close(), receiver.close(), services.close()]);
    await rm(persist, { recursive: true, force: true });
  });

  test("is told of nowhere once erased, nor what still waited to be told", async () => {
    const pause = (/** @type {number} */ until) =>
      world.stack.sql("UPDATE destinations SET paused_until = ?", until);
    await pause(9e15);
    const id = "Erased-Qzx7";
    const { eventId } = await world.accepted("sale", { ...MONEY, customerExternalId: id,
      invoiceId: "o-erased", ...person("full") });
    await world.folded();
    const kept = () => world.stack.sql("SELECT body FROM sealed_rows WHERE event = ?", eventId);
    assert.equal((await kept()).length, 1, "there is something to be erased");
    const [{ customer }] = await world.stack.sql("SELECT customer FROM facts");
    const named = { program: world.program.id, customerExternalId: id };
    const given = JSON.stringify(await world.must("POST", "customers/export", named));
    assert.ok(given.includes(eventId));
    assert.equal((await world.must("POST", "customers/erase", named)).events, 1);
    await pause(0);
    await world.quiet();
    assert.deepEqual(await kept(), []);
    const ends = await world.stack.sql("SELECT state, last_error, notice FROM deliveries");
    assert.ok(ends.length >= 7, `${ends.length} deliveries`);
    for (const end of ends) {
      assert.deepEqual(end, { state: "skipped", last_error: "erased", notice: null });
    }
    assert.deepEqual([receiver.got.length, meta.requests.length], [0, 0], "nobody was told");
    const dump = await world.dump();
    for (const word of [id, customer]) assert.ok(!dump.includes(word), `${word} is stored`);
  });

  test("is kept nowhere without a word about consent, nor after a refusal", async () => {
    const pause = (/** @type {number} */ until) =>
      world.stack.sql("UPDATE destinations SET paused_until = ?", until);
    await pause(9e15);
    const sale = async (/** @type {string} */ id, /** @type {string} */ consent = "") => {
      const body = { ...MONEY, customerExternalId: "c-kept", invoiceId: id };
      await world.accepted("sale", { ...body, ...person(consent || undefined) });
    };
    const kept = async () => (await world.stack.sql(`SELECT f.key FROM sealed_rows r
      JOIN facts f ON f.id = r.event ORDER BY 1`)).map((row) => row.key);
    await sale("o-silent");
    assert.deepEqual(await kept(), []);
    await sale("o-granted", "full");
    await world.folded();
    assert.deepEqual(await kept(), ["o-granted"]);
    await sale("o-refused", "session");
    assert.deepEqual(await kept(), []);
    await world.folded();
    await pause(0);
    await world.quiet();
    const told = receiver.got.map((one) => `${one.url} ${one.body}`);
    assert.deepEqual(told.filter((text) => !/\/(webhook|postback)/.test(text)), []);
    assert.equal(traceIn(told.join("\n")), undefined);
    assert.ok(!told.join("\n").includes("c-kept"));
    assert.equal(meta.requests.length, 0);
  });

  /** Everything that takes a person takes this one. */
  async function comeIn() {
    const query = `email=${encodeURIComponent(MAIL)}&tel=${encodeURIComponent(PHONE)}`;
    const { token } = await world.click(`/go/anna?fbclid=Iw1&${query}`, FROM);
    await world.visit(`/go/nobody?${query}`, FROM);
    await world.beacon({ n: "land", t: token, q: `?${query}`, email: MAIL }, FROM);
    await world.beacon(`{"n":"${MAIL}"}`, FROM);
    const { program } = world;
    await world.must("POST", "links/explain",
      { url: `http://${program.host}/go/anna?${query}`, headers: FROM });
    await world.must("PATCH", `partners/${program.boris.id}`,
      { email: MAIL, customers: [MAIL, PHONE] });
    await world.must("POST", "customers/export", { program: program.id, customerExternalId: MAIL });
    const lead = { customerExternalId: MAIL, eventName: "Sign up", clickId: token };
    await world.accepted("lead", { ...lead, ...person("full") });
    for (const consent of ["full", "session", "code"]) {
      const sale = { ...MONEY, customerExternalId: `c-${consent}`, invoiceId: `o-${consent}`,
        clickId: token, ...person(consent) };
      await world.accepted("sale", sale);
      await world.accepted("sale", sale);
      assert.equal((await world.track("sale", { ...sale, amount: 1 })).status, 409);
    }
    const { context, ...rest } = person("full");
    const batched = { ...MONEY, type: "sale", customerExternalId: "c-batch", invoiceId: "o-batch",
      ...rest, metadata: { ...rest.metadata, context } };
    assert.equal((await world.track("batch", { events: [batched] })).status, 200);
    // A refund takes no member that it does not know; with one it is refused, and keeps nothing.
    const { email, ip, ...known } = person("full");
    const refund = { refundId: "re_1", invoiceId: "o-full", customerExternalId: "c-full" };
    assert.equal((await world.track("refund", { ...refund, ...known, email, ip })).status, 422);
    await world.accepted("refund", { ...refund, ...known });
    // What is refused is not kept either.
    for (const body of [{ ...MONEY, ...person("full"), amount: -1 }, `{"email":"${MAIL}"`,
      { ...MONEY, customerExternalId: MAIL, ...person("maybe") }]) {
      const answer = await world.track("sale", body);
      assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
    }
    // With the database away the queue holds it. Not before all is sent: a deliverer that finds it
    // away keeps its lease for minutes.
    await world.quiet();
    services.d1.mode = "error";
    await world.accepted("sale", { ...MONEY, customerExternalId: "c-queue", invoiceId: "o-queue",
      ...person("full") });
    await world.accepted("sale", { ...MONEY, customerExternalId: "c-queue", invoiceId: "o-hush",
      ...person() });
    services.d1.mode = "ok";
    await eventually("the queue brought them", async () => (await world.stack.sql(
      "SELECT 1 FROM facts WHERE key IN ('o-queue', 'o-hush')")).length === 2);
    await world.quiet();
  }

  test("is found nowhere afterwards, and goes only where consent lets a hash go", async () => {
    await comeIn();
    const lists = ["events", "decisions", "deliveries", "conflicts", "clicks", "programs",
      "partners", "destinations"];
    const answers = await Promise.all(lists.map((list) => world.api("GET", list)));
    const [mixed, open] = [await world.dump(), await filesBelow(persist)];
    assert.ok(open.some(([name, text]) => name.endsWith(".sqlite-wal") && text !== ""),
      "the write-ahead log is there");
    await world.stop();
    const closed = await filesBelow(persist);
    for (const files of [open, closed]) {
      assert.ok(files.some(([name, text]) => name.startsWith("d1") && text.includes("o-full")));
      assert.ok(files.some(([name]) => name.startsWith("kv")), "KV's files are there");
    }
    const queued = services.queue.calls.map((call) => call.body ?? "");
    assert.ok(queued.some((text) => /kept|a2VwdC|tlcHQ|rZXB0/.test(text)), "an intake was queued");
    const written = services.d1.calls.map((call) => call.body ?? "");
    assert.ok(written.some((text) => text.includes("o-full")), "statements were seen");
    const places = [["answers", answers.map((one) => one.text).join("\n")], ["tables", mixed],
      ["logs", world.stack.logs.join("\n")], ["queues", queued.join("\n")],
      ["statements", written.join("\n")], ["kv", services.kv.calls.map((c) => c.url).join("\n")],
      ...open, ...closed];
    for (const [place, text] of places) {
      assert.equal(traceIn(text), undefined, `${place} hold the person`);
    }
    checkRequests();
  });

  function checkRequests() {
    const told = receiver.got.map((one) => ({ to: /** @type {string} */ (one.url),
      text: `${one.url} ${JSON.stringify(one.headers)} ${one.body}` }));
    for (const one of meta.requests) told.push({ to: "/meta", text: one.body });
    for (const kind of ["webhook", "postback", "meta", "ga4", "tiktok", "segment", "google_ads"]) {
      const mine = told.filter(({ to }) => to.includes(`/${kind}`)).map(({ text }) => text);
      const all = mine.join("\n");
      assert.equal(traceIn(all, TAKES[kind]), undefined, `${kind} is told of the person`);
      for (const hash of TAKES[kind] ?? []) assert.ok(all.includes(hash), `${kind}: ${hash}`);
      const orders = ["o-full", "o-batch", "o-queue", "o-session", "o-code", "o-hush"]
        .filter((order) => all.includes(order));
      const forAll = ["webhook", "postback"].includes(kind);
      if (!forAll) assert.deepEqual(orders, ["o-full", "o-batch", "o-queue"], `${kind}: consent`);
      else assert.ok(mine.length >= 3, `${kind}: ${mine.length} requests`);
    }
  }
});
