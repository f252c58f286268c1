import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  SCRIPT, SHOP, cookieOf, eventually, from, makeProgram, postApart, startReady,
} from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Answer} Answer */

const REST = ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"];
const FULL = ["Max-Age=34560000", ...REST];
const GERMANY = from("DE");

describe("the beacon", () => {
  /** @type {Ready} */ let world;
  /** @type {string} */ let slug;
  /** @type {string} */ let link;
  let made = 0;
  before(async () => {
    world = await startReady();
  });
  after(() => world.stop());
  beforeEach(async () => {
    made += 1;
    slug = `/go/beacon-${made}`;
    const { id, anna, host, target } = world.program;
    ({ id: link } = await world.must("POST", "links",
      { program: id, partner: anna.id, host, slug: `beacon-${made}`, target }));
  });

  /** @param {Record<string, string>} [headers] */
  const me = async (headers = {}) =>
    (await world.visit("/tl/me", { "sec-fetch-site": "same-origin", ...headers })).json();

  /** @param {Record<string, number>} wanted */
  async function counted(wanted) {
    const sum = (/** @type {Record<string, number>} */ counts) =>
      Object.values(counts).reduce((a, b) => a + b, 0);
    await eventually("the visits are counted",
      async () => sum(await world.clicks(link)) >= sum(wanted));
    assert.deepEqual(await world.clicks(link), wanted);
  }

  /** @param {Answer} answer @param {string} state */
  function is(answer, state) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["cache-control"], "private, no-store");
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
    const { t, c, ...others } = answer.json();
    assert.deepEqual([c, others], [state, {}]);
    return t;
  }

  test("confirms a landing once, however often the page reports it", async () => {
    const { token, cookie } = await world.click(slug);
    for (let i = 0; i < 3; i += 1) {
      const answer = await world.beacon({ n: "land", t: token, q: `?tl=${token}` },
        { cookie: String(cookie?.pair) });
      assert.equal(is(answer, "full"), token);
      assert.equal(answer.headers["set-cookie"], undefined, "the journal knows this click");
    }
    await world.click(slug);
    await counted({ human: 2, confirmed: 1 });
  });

  test("makes a click of a page that was loaded ahead when it is shown, once", async () => {
    const ahead = await world.click(slug, { "sec-purpose": "prefetch;prerender" });
    assert.equal(ahead.cookie, null);
    const message = { n: "land", t: ahead.token, q: "?fbclid=IwAR1" };
    const first = await world.beacon(message);
    assert.equal(is(first, "full"), ahead.token);
    assert.deepEqual(cookieOf(first)?.attributes, FULL);
    await world.beacon(message, { cookie: String(cookieOf(first)?.pair) });
    await world.beacon(message);
    await counted({ prefetch: 1, shown: 1, confirmed: 1 });
    const row = (await world.rows("clicks")).find((one) => one.link === link);
    assert.deepEqual([row?.raw, row?.valid, row?.confirmed], [1, 1, 1]);
    assert.equal((await me({ cookie: String(cookieOf(first)?.pair) })).c, "full");
  });

  test("gives a European visitor who agrees a token of their own and the cookie", async () => {
    const { token, cookie } = await world.click(`${slug}?gclid=Abc`, GERMANY);
    assert.equal(cookie, null);
    const landed = await world.beacon({ n: "land", t: token, q: "?gclid=Abc" }, GERMANY);
    assert.equal(is(landed, "code"), token, "the token is everybody's of this day");
    assert.equal(landed.headers["set-cookie"], undefined);
    const message = { n: "consent", s: "full", t: token, q: "?gclid=Abc" };
    const granted = await world.beacon(message, GERMANY);
    const full = is(granted, "full");
    assert.notEqual(full, token);
    assert.deepEqual(cookieOf(granted)?.attributes, FULL);
    const pair = { cookie: String(cookieOf(granted)?.pair), ...GERMANY };
    assert.equal((await me(pair)).c, "full", "what was decided holds");
    const again = await world.beacon(message, pair);
    assert.equal(again.headers["set-cookie"], undefined, "nothing new");
    await world.accepted("sale", { customerExternalId: slug, clickId: (await me(pair)).t,
      amount: 1000, currency: "usd", invoiceId: slug });
    // The grant confirms the click by its new name, the sale once more: it is one click.
    await counted({ human: 1, confirmed_anonymous: 1, granted: 1, confirmed: 1 });
    const { raw, valid, confirmed } =
      (await world.rows("clicks")).find((row) => row.link === link) ?? {};
    assert.deepEqual([raw, valid, confirmed], [1, 1, 1]);
    await world.folded();
    const sale = (await world.rows("decisions")).find((row) => row.key === slug);
    assert.equal(sale?.credits[0]?.partner, world.program.anna.id);
    assert.deepEqual(sale?.touches.map((/** @type {any} */ t) => t.consent), ["full"]);
  });

  test("sets a cookie that ends with the session when only that is allowed", async () => {
    const { token } = await world.click(slug, GERMANY);
    const granted = await world.beacon({ n: "consent", s: "session", t: token, q: "" }, GERMANY);
    is(granted, "session");
    assert.deepEqual(cookieOf(granted)?.attributes, REST);
    const wider = await world.beacon({ n: "consent", s: "full", t: token, q: "" },
      { cookie: String(cookieOf(granted)?.pair), ...GERMANY });
    is(wider, "full");
    assert.deepEqual(cookieOf(wider)?.attributes, FULL);
  });

  test("takes everything back from a visitor who withdraws", async () => {
    const { token, cookie } = await world.click(slug);
    const pair = { cookie: String(cookie?.pair) };
    const answer = await world.beacon({ n: "consent", s: "code", t: token, q: "" }, pair);
    const anonymous = is(answer, "code");
    // Visitors are remembered here unless they say no, so the no itself is: the same for all.
    assert.equal(cookieOf(answer)?.value, "refused");
    assert.deepEqual(cookieOf(answer)?.attributes, ["Max-Age=15552000", ...REST]);
    const later = await world.click(slug, { cookie: String(cookieOf(answer)?.pair) });
    assert.equal(later.cookie, null, "no was said");
    const other = await world.click(slug, GERMANY);
    assert.equal(anonymous, other.token, "it is everybody's of this day");
  });

  test("obeys Sec-GPC over any consent", async () => {
    const { token, cookie } = await world.click(slug);
    const gpc = { "sec-gpc": "1" };
    for (const message of [{ n: "consent", s: "full" }, { n: "land", s: "full" }, { n: "land" }]) {
      const answer = await world.beacon({ ...message, t: token, q: "?fbclid=1" }, gpc);
      assert.notEqual(is(answer, "code"), token);
      assert.equal(answer.headers["set-cookie"], undefined);
    }
    const answer = await world.beacon({ n: "consent", s: "full", t: token, q: "" },
      { ...gpc, cookie: String(cookie?.pair) });
    assert.equal(cookieOf(answer)?.value, "");
    assert.deepEqual(await me({ ...gpc, cookie: String(cookie?.pair) }), { t: null, c: "code" });
  });

  test("takes a token that is forged or of another program as none", async () => {
    const hosts = [`other-${made}.localhost`];
    const other = await makeProgram(world.stack, world.admin, { hosts, target_hosts: hosts });
    const theirs = await world.visit("/go/anna", {}, "GET", other.host);
    const foreign = new URL(theirs.headers.location ?? "").searchParams.get("tl");
    const { token } = await world.click(slug);
    for (const t of [foreign, `${token.slice(0, -2)}__`, "tlc_", "", null]) {
      const answer = await world.beacon({ n: "land", t, q: "" });
      assert.equal(is(answer, "full"), null);
      assert.equal(answer.headers["set-cookie"], undefined);
    }
    await counted({ human: 1 });
  });

  test("answers pages of the same site only", async () => {
    const { token, cookie } = await world.click(slug);
    const headers = { "sec-fetch-site": "cross-site", cookie: String(cookie?.pair) };
    for (const message of [{ n: "land" }, { n: "consent", s: "code" }]) {
      const answer = await world.beacon({ ...message, t: token, q: "" }, headers);
      assert.deepEqual([answer.status, answer.json().code], [403, "cross_origin"]);
      assert.equal(answer.headers["set-cookie"], undefined);
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
    }
    const answer = await world.visit("/tl/me", headers);
    assert.equal(answer.status, 403);
    assert.ok(!answer.text.includes("tlc_"));
    await counted({ human: 1 });
  });

  test("refuses what it cannot read, and stores nothing", async () => {
    const { token } = await world.click(slug);
    /** @type {[string, number, string][]} */
    const bodies = [
      ["{", 400, "body_not_json"], ["", 400, "body_not_json"], ["[]", 400, "body_not_json"],
      ['{"n":"other"}', 400, "body_not_json"], ['{"n":"consent","q":""}', 422, "validation_failed"],
      [`{"n":"consent","s":"all","t":"${token}","q":""}`, 422, "validation_failed"],
      [`{"n":"land","t":"${token}","q":"${"a".repeat(8192)}"}`, 413, "body_too_large"],
    ];
    for (const [body, status, code] of bodies) {
      const answer = await postApart(world.stack, "/tl/e", { host: SHOP, headers: SCRIPT, body });
      assert.deepEqual([answer.status, answer.json().code], [status, code], body.slice(0, 60));
      assert.equal(answer.headers["set-cookie"], undefined);
    }
    const post = await world.stack.request("POST", "/tl/me", { host: world.program.host });
    assert.equal(post.status, 405);
    assert.equal((await world.visit("/tl/e", { "sec-fetch-site": "same-origin" })).status, 405);
    await counted({ human: 1 });
  });

  test("comes with its snippet, on the same host", async () => {
    const answer = await world.visit("/tl/tl.js", { "sec-fetch-dest": "script" });
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers["content-type"]), /^text\/javascript/);
    assert.ok(answer.text.length > 100 && answer.text.includes("tl_token"));
    assert.equal(answer.headers["set-cookie"], undefined);
  });
});
