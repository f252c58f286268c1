import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { cookieOf, kvOf, makeProgram, problemOf, startReady, tokenOf } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

const TOKEN = /^tlc_[A-Za-z0-9_-]{80,116}$/;

describe("a partner link", () => {
  /** @type {Ready} */ let world;
  before(async () => {
    world = await startReady();
  });
  after(() => world.stop());

  test("leads to the target with the incoming query as it is, and a token of its own", async () => {
    const query = "fbclid=IwAR1_aB-c&gclid=Ab%2B1&x=a+b&x=a+b&UTM_Source=Z%20z&empty=&flag";
    for (const round of ["first", "cached"]) {
      const { answer, token } = await world.click(`/go/anna?${query}`);
      assert.equal(answer.status, 302, round);
      assert.equal(answer.headers.location, `${world.program.target}?${query}&tl=${token}`);
      assert.match(token, TOKEN);
      assert.equal(answer.text, "", "a browser follows");
    }
    const { answer } = await world.click("/go/ANNA");
    assert.ok(answer.headers.location?.startsWith(`${world.program.target}?tl=`));
  });

  test("shows clients that may not follow where it leads", async () => {
    const headers = {
      "sec-fetch-dest": undefined, "sec-fetch-mode": undefined, "sec-fetch-user": undefined };
    const answer = await world.visit("/go/anna?a=1&b=2", headers);
    assert.equal(answer.status, 302);
    const shown = String(answer.headers.location).replaceAll("&", "&amp;");
    assert.ok(answer.text.includes(`<a href="${shown}">`), answer.text);
    assert.match(String(answer.headers["content-type"]), /^text\/html/);
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    const head = await world.visit("/go/anna?a=1&b=2", headers, "HEAD");
    assert.deepEqual([head.status, head.text], [302, ""]);
  });

  test("cannot be made to lead elsewhere, nor to carry a foreign token or header", async () => {
    const { answer, token } = await world.click(
      "/go/anna?tl=tlc_forged&x=%0d%0aset-cookie:%20a=b&u=https://evil.example//@evil.example");
    const place = new URL(answer.headers.location ?? "");
    assert.equal(place.origin, new URL(world.program.target).origin);
    assert.deepEqual(place.searchParams.getAll("tl"), [token]);
    assert.equal(answer.headers["set-cookie"]?.length, 1);
    assert.equal(cookieOf(answer)?.name, "__Host-tl");
  });

  test("is kept by nobody: not by caches, not by search engines", async () => {
    const { answer } = await world.click();
    assert.equal(answer.headers["cache-control"], "private, no-store");
    assert.equal(answer.headers["x-robots-tag"], "noindex, nofollow");
    assert.equal(answer.headers["referrer-policy"], "strict-origin-when-cross-origin");
  });

  test("answers a first and a cached request alike, byte for byte", async () => {
    const { id, anna } = world.program;
    // Making a link empties what the isolate remembers.
    await world.must("POST", "links", {
      program: id, partner: anna.id, host: "shop.localhost", slug: "fresh",
      target: world.program.target,
    });
    /** @param {import("./support/world.mjs").Answer} answer */
    const shape = (answer) => [answer.status, ...answer.rawHeaders].map((text) => String(text)
      .replace(/tlc_[\w-]+/, (token) => `token of ${token.length}`)
      .replace(/__Host-tl=([\w-]+)/, (_, value) => `cookie of ${value.length}`));
    const first = await world.visit("/go/fresh?a=1");
    const cached = await world.visit("/go/fresh?a=1");
    assert.ok(shape(first).length > 10);
    assert.deepEqual(shape(cached), shape(first));
    assert.notEqual(tokenOf(cached), tokenOf(first));
  });

  test("is live at once, even after people have tried it in vain", async () => {
    assert.equal((await world.visit("/go/tomorrow")).status, 404);
    const { id, boris } = world.program;
    await world.must("POST", "links", {
      program: id, partner: boris.id, host: "shop.localhost", slug: "Tomorrow",
      target: `${world.program.target}new#top`,
    });
    const { answer, token } = await world.click("/go/tomorrow");
    assert.equal(answer.headers.location, `${world.program.target}new?tl=${token}#top`);
  });

  test("of a paused link or a suspended partner still leads there, but earns nothing", async () => {
    const { id, target } = world.program;
    const partner = (await world.must("POST", "partners", { program: id, name: "Carla" })).id;
    const link = await world.must("POST", "links",
      { program: id, partner, host: "shop.localhost", slug: "carla", target });
    const earlier = await world.click("/go/carla");
    /** @type {[string, object, object][]} */
    const changes = [
      [`links/${link.id}`, { active: false }, { active: true }],
      [`partners/${partner}`, { status: "suspended" }, { status: "active" }],
    ];
    for (const [path, off, on] of changes) {
      await world.must("PATCH", path, off);
      const answer = await world.visit("/go/carla?a=1", { cookie: earlier.cookie?.pair });
      assert.equal(answer.status, 302);
      assert.equal(answer.headers.location, `${target}?a=1`);
      assert.equal(answer.headers["set-cookie"], undefined);
      assert.ok((await world.click("/go/boris")).token, "others go on");
      await world.must("PATCH", path, on);
      assert.match((await world.click("/go/carla")).token, TOKEN);
    }
  });

  test("that nobody made is a page that says so", async () => {
    for (const path of ["/go/nobody", "/go/", "/go/a/b", "/go/%2e%2e", "/go/a%00b", "/go/..;"]) {
      const answer = await world.visit(path);
      assert.equal(answer.status, 404, path);
      assert.match(String(answer.headers["content-type"]), /^text\/html/);
      assert.match(String(answer.headers["content-security-policy"]), /default-src 'none'/);
      assert.match(answer.text, /leads nowhere/);
      assert.equal(answer.headers.location, undefined);
      assert.equal(answer.headers["set-cookie"], undefined);
    }
    const elsewhere = await world.visit("/go/anna", {}, "GET", "other.localhost");
    assert.equal(elsewhere.status, 404, "a link belongs to its host");
  });

  test("is served by no means on the host of the API", async () => {
    // As if somebody had got it into the store.
    const kv = await kvOf(world.stack);
    for (const key of ["host:shop.localhost", "link:shop.localhost/anna"]) {
      const record = await kv.get(key);
      await kv.put(key.replace("shop.", "admin."), String(record));
    }
    for (const path of ["/go/anna", "/go/nobody"]) {
      const answer = await world.visit(path, {}, "GET", "admin.localhost");
      assert.equal(answer.status, 404, path);
      assert.deepEqual([answer.headers.location, answer.headers["set-cookie"]], [undefined, undefined]);
    }
    const claim = await world.api("PATCH", `programs/${world.program.id}`,
      { hosts: ["shop.localhost", "admin.localhost"] });
    assert.deepEqual(problemOf(claim).errors[0], ["/hosts", "admin_host"]);
  });

  test("that nobody made leads to the program's fallback address, without a token", async () => {
    const fallback = `http://fallback.localhost:${world.stack.port}/partners?x=1`;
    const other = await makeProgram(world.stack, world.admin, {
      hosts: ["fallback.localhost"], target_hosts: ["fallback.localhost"], fallback_url: fallback,
    });
    const answer = await world.visit("/go/nobody?fbclid=1", {}, "GET", other.host);
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, fallback);
    assert.equal(answer.headers["set-cookie"], undefined);
  });
});
