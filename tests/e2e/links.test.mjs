/**
 * What links can do, set through the API and followed over HTTP: rules, splits, wildcards, pages,
 * ends, parameters, hosts of their own.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { cookieOf, eventually, kvOf, problemOf, startReady, tokenOf } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Answer} Answer */

const GO = "go.shop.localhost";
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
  + "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

const APPLE = { applinks: { details: [{ appIDs: ["ABCDE.example.shop"],
  components: [{ "/": "/*", comment: "Größe" }] }] } };

const TABLET = IPHONE.replace("iPhone; CPU iPhone OS 18_0 like Mac OS X", "Linux; Android 15; K")
  .replace("Mobile/15E148 ", "");

/** @param {object} cf @returns {Record<string, string>} */
const seenFrom = (cf) => ({ "mf-cf-blob": JSON.stringify({ country: "US", ...cf }) });

describe("a link", () => {
  /** @type {Ready} */ let world;
  /** @type {string} */ let shop;
  before(async () => {
    world = await startReady({
      program: {
        hosts: ["shop.localhost", GO], target_hosts: ["shop.localhost", "apps.localhost"],
        host_settings: { [GO]: { root: true, mount: "/r/", case_sensitive: true,
          well_known: { "apple-app-site-association": APPLE, "assetlinks.json": [] } } },
        tags: ["campaign"],
      },
    });
    shop = world.program.target;
  });
  after(() => world.stop());

  /** Makes a link of Anna. @param {string} slug @param {object} [more] @returns {Promise<any>} */
  const make = (slug, more) => world.must("POST", "links", { program: world.program.id,
    partner: world.program.anna.id, host: world.program.host, slug, target: shop, ...more });

  /** Where an answer leads, without its token. @param {Answer} answer */
  const place = (answer) =>
    String(answer.headers.location).replace(/[?&]tl=tlc_[\w-]+/, "").replace(shop, "/");

  /** @param {string} path @param {Record<string, string | undefined>} [headers] */
  const leads = async (path, headers) => place(await world.visit(path, headers));

  test("follows the first rule that holds", async () => {
    const app = `http://apps.localhost:${world.stack.port}/id1`;
    await make("ruled", { rules: [
      { when: { all: [{ country: ["US"] }, { region: ["US-CA"] }] }, target: `${shop}ca` },
      { when: { country: ["CA", "MX"] }, target: `${shop}north` },
      { when: { any: [{ os: ["ios"] }, { device: ["tablet"] }] }, target: `${shop}phone`,
        app: { ios: app } },
      { when: { all: [{ language: ["fr"] }, { not: { referrer: ["news.example"] } }] },
        target: `${shop}fr` },
      { when: { query: { name: "vip", value: "1" } }, target: `${shop}vip` },
      { when: { class: ["crawler"] }, target: `${shop}bots` },
    ] });
    const fr = { "accept-language": "fr-CH, en;q=0.9" };
    /** @type {[string, string, Record<string, string>][]} */
    const cases = [
      ["/ca", "", seenFrom({ regionCode: "CA" })],
      ["/north", "", seenFrom({ country: "MX", regionCode: "CA" })],
      [app, "", { "user-agent": IPHONE }],
      ["/phone", "", { "user-agent": TABLET }],
      ["/fr", "", fr],
      ["/", "", { ...fr, referer: "https://www.news.example/a" }],
      ["/vip?vip=1", "?vip=1", {}],
      ["/?vip=2", "?vip=2", {}],
      ["/bots", "", { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)" }],
      ["/", "", {}],
    ];
    for (const [to, query, headers] of cases) {
      const found = await leads(`/go/ruled${query}`, headers);
      assert.equal(found, to, JSON.stringify(headers));
    }
  });

  test("shows a visitor the same variant again, and a holdout the baseline page", async () => {
    const variants = ["a", "b", "c"].map((name) => ({ weight: 1, target: shop + name }));
    const link = await make("split", { split: { variants } });
    const seen = new Set();
    for (let n = 0; n < 24; n++) {
      const first = await world.visit("/go/split");
      const cookie = cookieOf(first)?.pair;
      for (let again = 0; again < 3; again++) {
        assert.equal(await leads("/go/split", { cookie }), place(first));
      }
      // Another host, or a browser without cookies: the token decides.
      assert.equal(await leads(`/go/split?tl=${tokenOf(first)}`), place(first));
      seen.add(place(first));
    }
    assert.deepEqual([...seen].sort(), ["/a", "/b", "/c"]);
    const bot = { "user-agent": "curl/8.5.0" };
    assert.equal(await leads("/go/split", bot), "/", "software is never split");
    await world.must("PATCH", `links/${link.id}`,
      { split: { holdout_bps: 10_000, baseline: `${shop}base` } });
    assert.equal(await leads("/go/split"), "/base");
    await world.must("PATCH", `links/${link.id}`, { split: { holdout_bps: 0 } });
    assert.equal(await leads("/go/split"), "/", "a holdout of nobody is none");
  });

  test("with a wildcard leads below its target and nowhere else", async () => {
    await make("deep", { target: `${shop}s?p=1#f`, wildcard: true });
    const deep = await world.visit("/go/deep/tea/a%20b?x=1");
    assert.equal(deep.headers.location, `${shop}s/tea/a%20b?p=1&x=1&tl=${tokenOf(deep)}#f`);
    for (const path of ["//evil.example", "/%2e%2e%2fx", "/a//b", "/..%5cx", "/..;/x"]) {
      assert.equal((await world.visit(`/go/deep${path}`)).status, 404, path);
    }
    assert.equal((await world.visit("/go/anna/x")).status, 404, "others know no path");
  });

  test("shows where it leads with a +, unless that is not public", async () => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    await make("shown", { target: `${shop}tea?a=1&b=2` });
    await make("soon", { target: `${shop}secret`, starts_at: soon });
    for (const plus of ["+", "%2B"]) {
      const page = await world.visit(`/go/shown${plus}`);
      assert.equal(page.status, 200);
      assert.ok(page.text.includes(`href="${shop}tea?a=1&amp;b=2"`));
      assert.equal(page.headers["set-cookie"], undefined);
    }
    for (const path of ["/go/soon", "/go/soon+"]) {
      const page = await world.visit(path);
      assert.equal(page.status, 404);
      assert.ok(!page.text.includes("secret"));
    }
  });

  test("tells previews about itself, and people nothing of it", async () => {
    const og = { title: 'Tea "now" <b>', description: "Green", image: "https://i.example/a.png" };
    await make("previewed", { target: `${shop}tea`, og });
    const bot = { "user-agent": "facebookexternalhit/1.1" };
    const page = await world.visit("/go/previewed", bot);
    assert.equal(page.status, 200);
    assert.ok(page.text.includes('"og:title" content="Tea &quot;now&quot; &lt;b&gt;"'), page.text);
    assert.ok(page.text.includes('"og:image" content="https://i.example/a.png"'));
    assert.ok(!page.text.includes(`${shop}tea`), "what is shared stays the link");
    assert.equal(page.headers["set-cookie"], undefined);
    assert.equal(await leads("/go/previewed"), "/tea");
    assert.equal(await leads("/go/anna", bot), "/", "a link without a preview leads on");
  });

  test("that has ended leads where the merchant says", async () => {
    const ended = { ends_at: "2026-01-01T00:00:00Z" };
    const { id } = await make("ended", ended);
    assert.equal((await world.visit("/go/ended")).status, 410);
    await world.must("PATCH", `links/${id}`, { expired_url: `${shop}over` });
    const over = await world.visit("/go/ended?x=1");
    assert.equal(over.headers.location, `${shop}over`);
    assert.equal(over.headers["set-cookie"], undefined);
    await world.must("PATCH", `links/${id}`, { ends_at: null });
    assert.equal(await leads("/go/ended"), "/");
    const backwards = await world.api("PATCH", `links/${id}`,
      { ...ended, starts_at: "2026-02-01T00:00:00Z" });
    assert.deepEqual(problemOf(backwards).errors, [["/ends_at", "before_start"]]);
  });

  test("with a click cap ends when it is counted, and opens again when the cap is raised",
    async () => {
      const { id } = await make("capped", { click_cap: 2 });
      for (let n = 0; n < 2; n++) assert.equal(await leads("/go/capped"), "/");
      await eventually("the cap is reached",
        async () => (await world.must("GET", `links/${id}`)).capped === true);
      await world.must("POST", "rebuild", {});
      await eventually("the edge knows", async () =>
        (await world.visit("/go/capped")).status === 410);
      await eventually("who comes later is counted apart",
        async () => (await world.clicks(id)).orphan >= 1);
      const raised = await world.must("PATCH", `links/${id}`, { click_cap: 3 });
      assert.equal(raised.capped, false);
      assert.equal(await leads("/go/capped"), "/");
      const lowered = await world.must("PATCH", `links/${id}`, { click_cap: 1 });
      assert.equal(lowered.capped, true);
      assert.equal((await world.visit("/go/capped")).status, 410);
    });

  test("keeps tags to itself, fills its UTM template, and renames and strips", async () => {
    await make("noted", { target: `${shop}?utm_medium=pinned`,
      utm: { source: "{slug}", medium: "x", campaign: "{sub1}-{variant}", content: "" },
      params: { strip: ["secret*"], rename: { q: "search" } } });
    const query = "sub1=a%20b&sub10=z&campaign=c&q=x+y&secret_1=s&fbclid=IwAR1_a"
      + "&utm_source=them&k=1";
    const answer = await world.visit(`/go/noted?${query}`);
    assert.equal(answer.headers.location, `${shop}?utm_medium=pinned&search=x+y&fbclid=IwAR1_a&k=1`
      + `&utm_source=noted&utm_campaign=a%20b-0&tl=${tokenOf(answer)}`);
    const explained = await world.must("POST", "links/explain",
      { url: `http://shop.localhost/go/noted?${query}`, country: "US" });
    const fates = Object.fromEntries(explained.because.params
      .map((/** @type {any} */ seen) => [seen.name, seen.fate]));
    assert.deepEqual([fates.sub1, fates.q, fates.secret_1, fates.fbclid, fates.utm_source],
      ["taken", "renamed", "stripped", "passed", "replaced"]);
  });

  test("lives at the root of its own host, whose slugs tell case apart", async () => {
    const made = await make("Tee", { host: GO });
    assert.equal(made.path, "/r/Tee");
    await make("tee", { host: GO, target: `${shop}small` });
    const at = async (/** @type {string} */ path) => world.visit(path, {}, "GET", GO);
    for (const path of ["/Tee", "/r/Tee"]) assert.equal(place(await at(path)), "/");
    assert.equal(place(await at("/tee")), "/small");
    for (const path of ["/TEE", "/go/Tee", "/"]) assert.equal((await at(path)).status, 404, path);
    const cookie = cookieOf(await at("/Tee"));
    assert.equal(cookie?.name, "__Host-tl", "localhost is no domain that can be shared");
  });

  test("may be named in any script", async () => {
    await make("Grüße-東京");
    await make("🎉İstanbul");
    const typed = ["Grüße-東京", "GRÜSSE-東京", "gru\u0308ẞe-東京", "🎉ISTANBUL", "🎉\ufe0fistanbul"];
    for (const path of typed.map(encodeURIComponent)) {
      assert.equal(await leads(`/go/${path}`), "/", path);
    }
    assert.ok(await (await kvOf(world.stack)).get("link:shop.localhost/grüsse-東京"));
    const { id, anna, host } = world.program;
    const again = await world.api("POST", "links", { program: id, partner: anna.id, host,
      slug: "GRÜSSE-東京", target: shop });
    assert.equal(problemOf(again).code, "already_exists");
  });

  test("opens in apps by the association files of its host alone", async () => {
    for (const [name, file] of Object.entries({ "apple-app-site-association": APPLE,
      "assetlinks.json": [] })) {
      const path = `/.well-known/${name}`;
      const answer = await world.visit(path, {}, "GET", GO);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-type"], "application/json");
      assert.equal(answer.headers.location, undefined);
      assert.equal(answer.headers["set-cookie"], undefined);
      assert.deepEqual(answer.json(), file);
      const part = await world.visit(path, { "sec-fetch-dest": "empty" }, "GET", GO);
      assert.deepEqual(part.json(), file);
      const head = await world.visit(path, {}, "HEAD", GO);
      assert.deepEqual([head.status, head.text], [200, ""]);
      for (const other of ["shop.localhost", "other.localhost"]) {
        assert.equal((await world.visit(path, {}, "GET", other)).status, 404, other);
      }
    }
  });

  test("answers HEAD without counting, and addresses without a link are counted", async () => {
    const { id } = await make("heads");
    const head = await world.visit("/go/heads", {}, "HEAD");
    assert.deepEqual([head.status, place(head), head.text], [302, "/", ""]);
    assert.equal(head.headers["set-cookie"], undefined);
    assert.equal((await world.visit("/go/heads", {}, "DELETE")).status, 405);
    await world.visit("/go/mistyped");
    await world.visit("/go/mistyped", { "user-agent": "curl/8.5.0" });
    await world.visit("/go/heads");
    await eventually("it is counted", async () => (await world.clicks(id)).human === 1);
    assert.deepEqual(await world.clicks(id), { human: 1 });
    await eventually("so is the stray one", async () => (await world.rows("clicks"))
      .some((row) => row.link === "ln_000000000000" && row.classes.orphan >= 1));
  });

  test("carries its token under the name that the program chose", async () => {
    const { id } = world.program;
    await world.must("PATCH", `programs/${id}`, { token_param: "click" });
    const answer = await world.visit("/go/anna?tl=mine&click=old");
    assert.match(String(answer.headers.location), /\/\?tl=mine&click=tlc_[\w-]+$/);
    const taken = await world.api("PATCH", `programs/${id}`, { token_param: "gclid" });
    assert.deepEqual(problemOf(taken).errors, [["/token_param", "name_taken"]]);
    const pinned = await world.api("POST", "links", { program: id, host: "shop.localhost",
      partner: world.program.anna.id, slug: "pinned", target: `${shop}?click=1` });
    assert.deepEqual(problemOf(pinned).errors, [["/target", "token_parameter"]]);
  });
});
