/**
 * What reports of landings are worth: of a link and day never more clicks are confirmed or paid than
 * redirects to people were counted, however often one token is reported; and a journal counts only
 * under the cookie's own name and at its own program.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SHOP, cookieOf, eventually, from, makeProgram, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

const CALLS = 400;
const CENTS = 5;

/** A command-line tool: no `Sec-Fetch-*`, one address. */
const CURL = {
  "user-agent": "curl/8.5.0", accept: "*/*", "sec-fetch-dest": "", "sec-fetch-mode": "",
  "sec-fetch-site": "", "sec-fetch-user": "", "cf-connecting-ip": "203.0.113.7",
};

/** A network of its own. @param {number} n @returns {Record<string, string>} */
const network = (n) => ({ "cf-connecting-ip": `101.${n >> 8 & 255}.${n & 255}.7` });

describe("reports of landings", () => {
  /** @type {Ready} */ let world;
  let made = 0;
  before(async () => {
    const each = { flat: { amount: CENTS, currency: "USD" } };
    world = await startReady({
      siteOrigin: "http://127.0.0.1:1",
      program: {
        consent: { cookie: { name: "agreed", full: ["yes"] } },
        plan: { window_days: 30, sale: { rate_bps: 1000 }, click: each, 
          caps: { clicks: 1_000_000 } },
      },
    });
  });
  after(() => world.stop());

  /** A new partner's link and the anonymous token of one redirect to a person. */
  async function redirected() {
    made += 1;
    const { id, host, target } = world.program;
    const partner = await world.must("POST", "partners", { program: id, name: `P${made}` });
    const slug = `three-${made}`;
    const link = await world.must("POST", "links",
      { program: id, partner: partner.id, host, slug, target });
    const { token, cookie } = await world.click(`/go/${slug}`, { "sec-gpc": "1" });
    assert.equal(cookie, null);
    return { link: link.id, partner: partner.id, token };
  }

  /** The link's row, once so many visits are counted. @param {string} link @param {number} visits */
  async function counted(link, visits) {
    const sum = (/** @type {Record<string, number>} */ counts) =>
      Object.values(counts).reduce((a, b) => a + b, 0);
    await eventually("the visits are counted",
      async () => sum(await world.clicks(link)) >= visits);
    const row = (await world.rows("clicks")).find((one) => one.link === link);
    assert.ok(row);
    return row;
  }

  /** What a partner is paid for clicks, as if they had been made last month. @param {string} partner */
  async function paid(partner) {
    const last = new Date();
    last.setUTCDate(0);
    await world.stack.sql(`UPDATE click_rollups SET day = '${last.toISOString().slice(0, 10)}'`
      + ` WHERE partner = '${partner}'`);
    await world.must("POST", "settlements", { program: world.program.id });
    const entries = (await world.rows("ledger")).filter((row) => row.partner === partner);
    return entries.reduce((sum, row) => sum + row.amount, 0);
  }

  /** @param {string} token @type {Record<string, (token: string, headers: any) => Promise<any>>} */
  const ways = {
    "landings that say full": (token, headers) =>
      world.beacon({ n: "land", s: "full", t: token }, headers),
    "grants": (token, headers) => world.beacon({ n: "consent", s: "full", t: token }, headers),
    "pages behind the gateway": (token, headers) =>
      world.visit(`/?tl=${token}`, { cookie: "agreed=yes", ...headers }),
  };
  for (const [name, report] of Object.entries(ways)) {
    test(`${CALLS} ${name} of one token confirm and pay one click`, async () => {
      const { link, partner, token } = await redirected();
      for (let n = 0; n < CALLS; n += 1) await report(token, network(n));
      const row = await counted(link, CALLS);
      assert.deepEqual([row.valid, row.confirmed], [1, 1], JSON.stringify(row));
      assert.equal(await paid(partner), CENTS);
    });

    test(`${CALLS} ${name} by a tool confirm and pay nothing`, async () => {
      const { link, partner, token } = await redirected();
      for (let n = 0; n < CALLS; n += 1) {
        const answer = await report(token, CURL);
        assert.equal(answer.headers["set-cookie"], undefined);
      }
      const row = await counted(link, 1);
      assert.deepEqual([row.valid, row.confirmed], [1, 0], JSON.stringify(row));
      assert.equal(await paid(partner), 0);
    });
  }

  test("beyond 120 a minute from one network confirm nothing more", async () => {
    const { link, token } = await redirected();
    for (let n = 0; n < CALLS; n += 1) {
      const answer = await world.beacon({ n: "consent", s: "full", t: token }, network(70_000));
      assert.equal(answer.status, 200);
    }
    await counted(link, CALLS);
    const { classes } = (await world.rows("clicks")).find((one) => one.link === link) ?? {};
    // The minute may turn meanwhile: then twice as many may be heard.
    assert.ok(classes.granted <= 240 && classes.unverified >= CALLS - 240, JSON.stringify(classes));
  });

  test("of other sites' pages are refused, whatever the browser tells", async () => {
    const { token } = await redirected();
    const old = { "sec-fetch-site": "", "sec-fetch-mode": "", "sec-fetch-dest": "" };
    for (const header of ["origin", "referer"]) {
      const foreign = { ...old, [header]: "https://evil.example/x" };
      assert.equal((await world.beacon({ n: "land", t: token }, foreign)).status, 403, header);
      const own = { ...old, [header]: `http://${SHOP}:${world.stack.port}/` };
      assert.equal((await world.beacon({ n: "land", t: token }, own)).status, 200, header);
    }
  });

  test("read a journal only under the name that the program sets", async () => {
    const { cookie } = await world.click("/go/boris");
    const planted = String(cookie?.pair).replace("__Host-tl=", "__Secure-tl=");
    const ask = async (/** @type {string} */ pair) =>
      (await world.visit("/tl/me", { cookie: pair, "sec-fetch-site": "same-origin" })).json();
    assert.match((await ask(String(cookie?.pair))).t, /^tlc_/);
    assert.equal((await ask(planted)).t, null);
    const { answer } = await world.click("/go/anna", { cookie: planted });
    const [sale] = [tokenIn(answer)];
    await world.accepted("sale", { customerExternalId: "planted", clickId: sale, amount: 1000,
      currency: "usd", invoiceId: "planted" });
    await world.folded();
    const decision = (await world.rows("decisions")).find((row) => row.key === "planted");
    assert.equal(decision?.touches.length, 1, "the planted touch is nobody's");
  });

  test("take another program's journal as none", async () => {
    const hosts = ["next-door.localhost"];
    const other = await makeProgram(world.stack, world.admin, { hosts, target_hosts: hosts });
    const there = await world.visit("/go/anna", {}, "GET", other.host);
    const foreign = String(cookieOf(there)?.pair);
    const { id, anna, host, target } = world.program;
    const link = await world.must("POST", "links",
      { program: id, partner: anna.id, host, slug: "foreign", target });
    const { cookie } = await world.click("/go/foreign", { cookie: foreign });
    assert.ok(cookie);
    const me = await world.visit("/tl/me", { cookie: foreign, "sec-fetch-site": "same-origin" });
    assert.equal(me.json().t, null);
    await counted(link.id, 1);
    const stored = await world.stack.sql(`SELECT 1 FROM click_packs, json_each(visits) v
      WHERE v.value ->> '$.touch.program' = '${world.program.id}'
        AND instr(v.value, '${other.anna.id}') > 0`);
    assert.deepEqual(stored, []);
  });

  test("confirm the click of a visitor who agrees once", async () => {
    const { id, host, target } = world.program;
    const link = await world.must("POST", "links",
      { program: id, partner: world.program.anna.id, host, slug: "journey", target });
    const { token } = await world.click("/go/journey", from("DE"));
    await world.beacon({ n: "land", t: token }, from("DE"));
    const granted = await world.beacon({ n: "consent", s: "full", t: token }, from("DE"));
    assert.ok(cookieOf(granted));
    const row = await counted(link.id, 4);
    assert.deepEqual([row.valid, row.confirmed], [1, 1]);
    assert.equal(row.classes.unmatched, undefined);
  });
});

/** @param {import("./support/world.mjs").Answer} answer */
function tokenIn(answer) {
  return new URL(answer.headers.location ?? "").searchParams.get("tl");
}
