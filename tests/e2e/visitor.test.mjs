import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  cookieOf, eventually, from, makeProgram, startReady, tokenOf,
} from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

const STATES = ["full", "session", "code"];
const ATTRIBUTES = ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"];
const FULL = "Max-Age=34560000";

describe("what a redirect leaves with the visitor", () => {
  /** @type {Ready} */ let world;
  before(async () => {
    world = await startReady();
    for (const state of STATES) {
      const hosts = [`${state}.localhost`];
      await makeProgram(world.stack, world.admin,
        { hosts, target_hosts: hosts, default_consent: state });
    }
  });
  after(() => world.stop());

  /** The state that two clicks in a row show.
   * @param {string} program @param {Record<string, string>} headers */
  async function stateOf(program, headers) {
    const ask = () => world.visit("/go/anna", headers, "GET", `${program}.localhost`);
    const [one, two] = [await ask(), await ask()];
    assert.match(String(tokenOf(one)), /^tlc_/);
    const isAnonymous = tokenOf(one) === tokenOf(two);
    const cookie = cookieOf(one);
    assert.equal(cookie === null, isAnonymous, "no cookie: no token that names one click either");
    if (!cookie) return "code";
    assert.equal(cookie.name, "__Host-tl");
    const isFull = cookie.attributes[0] === FULL;
    assert.deepEqual(cookie.attributes, isFull ? [FULL, ...ATTRIBUTES] : ATTRIBUTES);
    return isFull ? "full" : "session";
  }

  for (const state of STATES) {
    test(`a program's default of ${state} holds only where nobody must be asked`, async () => {
      for (const country of ["US", "BR", "JP"]) {
        assert.equal(await stateOf(state, from(country)), state, country);
      }
      for (const country of ["DE", "FR", "GR", "IS", "GB", "CH", "XX", "T1", ""]) {
        assert.equal(await stateOf(state, from(country)), "code", country);
      }
      for (const country of ["US", "DE"]) {
        const headers = { ...from(country), "sec-gpc": "1" };
        assert.equal(await stateOf(state, headers), "code", `${country} with Sec-GPC`);
      }
    });
  }

  test("Sec-GPC erases a cookie that was set before; elsewhere the decision holds", async () => {
    const { cookie } = await world.click();
    const pair = String(cookie?.pair);
    const abroad = await world.visit("/go/anna", { ...from("DE"), cookie: pair });
    assert.equal(cookieOf(abroad)?.attributes[0], FULL, "what was decided before holds in Germany");
    const private_ = await world.visit("/go/anna", { "sec-gpc": "1", cookie: pair });
    assert.equal(cookieOf(private_)?.value, "");
    assert.deepEqual(cookieOf(private_)?.attributes, ["Max-Age=0", ...ATTRIBUTES]);
    const other = await world.visit("/go/anna", { "sec-gpc": "1" });
    assert.equal(tokenOf(private_), tokenOf(other), "the token is everybody's of this day");
  });

  test("a shared cookie domain gives a __Secure- cookie for it", async () => {
    const hosts = ["go.brand.localhost", "www.brand.localhost"];
    const program = await makeProgram(world.stack, world.admin,
      { hosts, target_hosts: hosts, cookie_domain: "brand.localhost" });
    const cookie = cookieOf(await world.visit("/go/anna", {}, "GET", program.host));
    assert.equal(cookie?.name, "__Secure-tl");
    assert.deepEqual(cookie?.attributes, [FULL, ...ATTRIBUTES, "Domain=brand.localhost"]);
  });

  test("stays below 2,000 bytes, and remembers the first and the last touch", async () => {
    const customer = "many-touches";
    let pair;
    let last = "";
    const ids = `fbclid=${"f".repeat(300)}&gclid=${"g".repeat(300)}&ttclid=${"t".repeat(300)}`;
    for (let i = 0; i < 12; i += 1) {
      const slug = i === 0 ? "boris" : "anna";
      const { cookie, token } = await world.click(`/go/${slug}?${ids}`, { cookie: pair });
      pair = cookie?.pair;
      last = token;
      assert.ok(String(cookie?.value).length <= 2_000);
    }
    await buy(customer, last);
    const touches = await touchesOf(customer);
    assert.ok(touches.length <= 8 && touches.length >= 2);
    assert.equal(touches[0].partner, world.program.boris.id);
    assert.equal(touches.at(-1).verdict, "won");
  });

  /** @param {string} customer @param {string} clickId */
  const buy = (customer, clickId) => world.accepted("sale",
    { customerExternalId: customer, clickId, amount: 1000, currency: "usd", invoiceId: customer });

  /** The touches that a customer's sale sees once its click is stored.
   * @param {string} customer @returns {Promise<any[]>} */
  async function touchesOf(customer) {
    await eventually("the click is found", async () => (await world.stack.sql(
      "SELECT 1 FROM facts WHERE key = ? AND awaits_click = 0 AND state = 'folded'", customer,
    )).length === 1);
    const decisions = await world.rows("decisions");
    return decisions.filter((row) => row.key === customer).at(-1)?.touches;
  }

  test("a cookie that is forged, cut, foreign or too long is as if absent", async () => {
    const stranger = await startReady();
    const foreign = String((await stranger.click()).cookie?.pair);
    await stranger.stop();
    const genuine = String((await world.click("/go/boris")).cookie?.pair);
    const at = genuine.length - 20;
    const swapped = genuine[at] === "A" ? "B" : "A";
    /** @type {Record<string, string>} */
    const cookies = {
      forged: genuine.slice(0, at) + swapped + genuine.slice(at + 1),
      cut: genuine.slice(0, -1),
      longer: `${genuine}A`,
      foreign,
      renamed: genuine.replace("__Host-tl", "tl"),
      empty: "__Host-tl=",
      oversized: `__Host-tl=${"A".repeat(2_001)}`,
      "in a header that is too long": `a=${"b".repeat(17_000)}; ${genuine}`,
      "not base64": "__Host-tl=%%%;;;==",
    };
    const good = { known: genuine, both: `${cookies.forged}; ${genuine}` };
    for (const [name, cookie] of Object.entries({ ...cookies, ...good })) {
      const { answer, token } = await world.click("/go/anna", { cookie });
      assert.equal(answer.status, 302, name);
      assert.equal(cookieOf(answer)?.attributes[0], FULL, name);
      await buy(name, token);
      if (name in good) continue;
      const me = await world.visit("/tl/me", { cookie, "sec-fetch-site": "same-origin" });
      assert.deepEqual(me.json(), { t: null, c: "full" }, name);
    }
    const { anna, boris } = world.program;
    for (const name of Object.keys(cookies)) {
      const partners = (await touchesOf(name)).map((touch) => touch.partner);
      assert.deepEqual(partners, [anna.id], name);
    }
    for (const name of Object.keys(good)) {
      const partners = (await touchesOf(name)).map((touch) => touch.partner);
      assert.deepEqual(partners, [boris.id, anna.id], `${name}: a genuine one counts`);
    }
  });
});
