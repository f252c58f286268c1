import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setupProof } from "../../tools/stack.mjs";
import {
  SHOP, kvOf, makeProgram, problemOf, startProduct, startReady,
} from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {import("./support/world.mjs").Program} Program */
/** @typedef {import("./support/world.mjs").Answer} Answer */

const LISTS = ["programs", "partners", "links", "destinations", "events", "decisions", "ledger",
  "balances", "deliveries", "clicks", "conflicts", "codes", "rates", "reviews", "violations",
  "erasures"];

/** @param {Answer} answer @param {number} status @param {string} code @param {string} [what] */
function refused(answer, status, code, what) {
  const document = answer.json();
  assert.deepEqual([answer.status, document.status, document.code], [status, status, code], what);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  assert.equal(document.type, `urn:throughline:error:${code}`);
  assert.ok(document.title && document.detail);
}

test("the first key is made once, and only for the proof", async (t) => {
  const stack = await startProduct();
  t.after(stack.dispose);
  const proof = setupProof(stack.rootSecret);
  /** @param {string} [key] @param {string} [host] @param {string} [method] */
  const setup = (key, host, method = "POST") =>
    stack.request(method, "/api/v1/setup", { key, host });
  refused(await setup(), 401, "key_missing");
  const foreign = setupProof("1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  for (const wrong of ["tls_", proof.slice(0, -1), `${proof}A`, foreign]) {
    refused(await setup(wrong), 401, "key_invalid", wrong);
  }
  refused(await setup(proof, undefined, "GET"), 405, "method_not_allowed");
  assert.equal((await setup(proof, SHOP)).status, 404, "not on a site's host");
  const answers = await Promise.all([setup(proof), setup(proof), setup(proof)]);
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, 409, 409]);
  refused(await setup(proof), 409, "already_set_up");
  refused(await stack.request("GET", "/api/v1/keys", { key: proof }), 401, "key_invalid");
  assert.equal((await stack.sql("SELECT * FROM api_keys")).length, 1);
});

describe("the control plane", () => {
  /** @type {Ready} */ let world;
  /** @type {Program} */ let other;
  before(async () => {
    world = await startReady();
    other = await makeProgram(world.stack, world.admin,
      { hosts: ["other.localhost"], target_hosts: ["other.localhost"] });
  });
  after(() => world.stop());

  test("refuses targets that a browser could read otherwise, or that lead elsewhere", async () => {
    const { id, anna, target } = world.program;
    /** @type {[string, string][]} */
    const targets = [
      ["javascript:alert(1)", "scheme"], ["JavaScript://shop.localhost/%0aalert(1)", "scheme"],
      ["data:text/html,x", "scheme"], ["ftp://shop.localhost/", "scheme"],
      ["//shop.localhost/", "not_absolute"], ["/path", "not_absolute"],
      ["https:shop.localhost", "not_absolute"], ["https:///shop.localhost/", "not_absolute"],
      ["https://user@shop.localhost/", "credentials"],
      ["https://shop.localhost:x@evil.example/", "credentials"],
      ["https://shop.localhost\\@evil.example/", "backslash"],
      ["https://shop.localhost/\r\nset-cookie: a=b", "control_character"],
      ["https://shop.localhost/\u0000", "control_character"],
      ["https://sh\u{f6}p.localhost/", "host_not_ascii"],
      ["https://shop%2elocalhost/", "host_not_ascii"],
      ["https://evil.example/", "host_not_allowed"],
      ["https://a.shop.localhost/", "host_not_allowed"],
      ["https://other.localhost/", "host_not_allowed"],
      ["https://shop.localhost./", "trailing_dot"],
      ["https://127.0.0.1.example/", "host_not_allowed"], ["https://10.0.0.1/", "ip_literal"],
      ["https://shop.localhost/?tl=1", "token_parameter"],
      ["https://shop.localhost/?%74l=1", "token_parameter"],
      [`https://shop.localhost/${"a".repeat(2048)}`, "too_long"], ["", "required"],
    ];
    const body = { program: id, partner: anna.id, host: SHOP, slug: "refused" };
    const made = await world.must("POST", "links", { ...body, slug: "kept", target });
    for (const [wrong, code] of targets) {
      for (const answer of [
        await world.api("POST", "links", { ...body, target: wrong }),
        ...(wrong ? [await world.api("PATCH", `links/${made.id}`, { target: wrong })] : []),
      ]) {
        const told = { status: 422, code: "validation_failed", errors: [["/target", code]] };
        assert.deepEqual(problemOf(answer), told, wrong);
      }
    }
    assert.equal((await world.must("GET", `links/${made.id}`)).target, target);
    assert.equal((await world.visit("/go/refused")).status, 404);
    const fallback = { fallback_url: "https://evil.example/" };
    assert.deepEqual(problemOf(await world.api("PATCH", `programs/${id}`, fallback)).errors,
      [["/fallback_url", "host_not_allowed"]]);
  });

  test("knows public suffixes: none is a cookie's domain, and one brand's hosts share", async () => {
    const program = (/** @type {object} */ body) => world.stack.request("POST", "/api/v1/programs",
      { key: world.admin, body: { name: "Brand", ...body } });
    const suffix = await program({ hosts: ["shop.co.uk"], cookie_domain: "co.uk" });
    assert.deepEqual(problemOf(suffix).errors, [["/cookie_domain", "public_suffix"]]);
    const shops = await program({ hosts: ["a.myshopify.com", "b.myshopify.com"] });
    assert.equal(shops.json().cookie_domain, null);
    const brand = await program({ hosts: ["go.brand.co.uk", "www.brand.co.uk"] });
    assert.equal(brand.json().cookie_domain, "brand.co.uk");
    const kv = await kvOf(world.stack);
    const snapshot = JSON.parse(String(await kv.get("host:go.brand.co.uk")));
    assert.equal(snapshot.registrable, "brand.co.uk");
  });

  test("keeps names apart: a slug on its host, a host in its program", async () => {
    const { id, anna, target } = world.program;
    const link = { program: id, partner: anna.id, host: SHOP, slug: "ANNA", target };
    refused(await world.api("POST", "links", link), 409, "already_exists");
    const program = { name: "Thief", hosts: ["thief.localhost", SHOP] };
    refused(await world.api("POST", "programs", program), 409, "already_exists");
    assert.deepEqual(await world.stack.sql("SELECT * FROM hosts WHERE host LIKE 'thief%'"), []);
    for (const change of [{ partner: other.anna.id }, { host: other.host }]) {
      const answer = await world.api("POST", "links", { ...link, slug: "mixed", ...change });
      assert.equal(answer.status, 422);
    }
    for (const slug of ["a/b", "..", "a b", "\u{2028}", "a?b", "x".repeat(101)]) {
      const answer = await world.api("POST", "links", { ...link, slug });
      assert.equal(problemOf(answer).errors[0]?.[0], "/slug", slug);
    }
    const random = await world.must("POST", "links", { ...link, slug: undefined });
    assert.match(random.slug, /^[0-9a-z]{8}$/);
  });

  test("gives each key what is its own and nothing else", async () => {
    const { keys, id, anna } = world.program;
    const partner = { program: id, name: "Nobody" };
    const single = [`programs/${id}`, `partners/${anna.id}`, `links/${anna.link}`];
    for (const list of [...LISTS, ...single]) {
      const tracking = await world.api("GET", list, undefined, keys.track.key);
      refused(tracking, 403, "scope_too_narrow", list);
      assert.equal((await world.api("GET", list, undefined, keys.read.key)).status, 200, list);
      assert.equal((await world.api("GET", list, undefined, keys.own.key)).status, 200, list);
    }
    /** @type {[string, string, object?][]} */
    const writes = [
      ["POST", "partners", partner], ["POST", "programs", { name: "P", hosts: ["p.localhost"] }],
      ["POST", "links",
        { program: id, partner: anna.id, host: SHOP, target: world.program.target }],
      ["POST", "keys", { name: "more", scope: "read", program: id }], ["POST", "rebuild"],
      ["POST", "destinations", { program: id, kind: "webhook", url: "http://127.0.0.1:9/" }],
      ["PATCH", `partners/${anna.id}`, { status: "suspended" }],
      ["PATCH", `links/${anna.link}`, { active: false }],
      ["PATCH", `programs/${id}`, { name: "X" }],
      ["DELETE", `keys/${keys.own.id}`],
    ];
    for (const [method, path, body] of writes) {
      for (const key of [keys.track.key, keys.read.key, other.keys.own.key]) {
        const answer = await world.api(method, path, body, key);
        refused(answer, 403, "scope_too_narrow", `${method} ${path}`);
      }
    }
    const seen = await world.must("GET", `partners?program=${id}&limit=100`);
    assert.ok(!seen.data.some((/** @type {any} */ row) => row.name === "Nobody"));
    refused(await world.api("GET", "keys", undefined, keys.read.key), 403, "scope_too_narrow");
    const own = { name: "more", scope: "read", program: null };
    refused(await world.api("POST", "keys", own, keys.own.key), 403, "scope_too_narrow");
  });

  test("shows a key of one program nothing of another", async () => {
    await world.accepted("sale",
      { customerExternalId: "c", amount: 5, currency: "usd", invoiceId: "i" });
    const { id, anna, keys } = world.program;
    const [event] = await world.rows("events");
    for (const key of [other.keys.read.key, other.keys.own.key]) {
      for (const list of LISTS) {
        refused(await world.api("GET", `${list}?program=${id}`, undefined, key), 403,
          "scope_too_narrow", list);
        const own = await world.api("GET", list, undefined, key);
        assert.ok(!own.text.includes(id), list);
      }
      for (const path of [`events/${event.id}`, `programs/${id}`, `partners/${anna.id}`,
        `links/${anna.link}`, `keys/${keys.own.id}`]) {
        assert.equal((await world.api("GET", path, undefined, key)).status, 403, path);
      }
    }
  });

  test("answers on the admin host alone", async () => {
    for (const host of [SHOP, "127.0.0.1", "elsewhere.localhost"]) {
      for (const [method, path] of [["GET", "programs"], ["POST", "keys"], ["POST", "setup"],
        ["GET", "ledger"], ["POST", "rebuild"]]) {
        const options = { host, key: world.admin };
        const answer = await world.stack.request(method, `/api/v1/${path}`, options);
        assert.ok([404, 405].includes(answer.status), `${host} ${path}: ${answer.status}`);
        assert.ok(!answer.text.includes("pg_"));
      }
    }
    refused(await world.api("GET", "nothing"), 404, "not_found");
    refused(await world.api("GET", "partners/pn_nothing"), 404, "not_found");
    refused(await world.api("PUT", "partners"), 405, "method_not_allowed");
    refused(await world.api("POST", "partners", "{"), 415, "content_type_unsupported");
    refused(await world.stack.request("POST", "/api/v1/partners",
      { key: world.admin, body: "{", headers: { "content-type": "application/json" } }),
    400, "body_not_json");
    assert.equal((await world.stack.request("GET", "/healthz")).status, 200);
  });

  test("lists by cursor, newest first, each row once", async () => {
    const { id } = other;
    for (let i = 0; i < 5; i += 1) {
      await world.must("POST", "partners", { program: id, name: `Partner ${i}` });
    }
    /** @type {string[]} */ const names = [];
    let cursor = "";
    for (let page = 0; page < 10; page += 1) {
      const { data, next_cursor: next } = await world.must(
        "GET", `partners?program=${id}&limit=2${cursor && `&cursor=${cursor}`}`);
      names.push(...data.map((/** @type {any} */ row) => row.name));
      // What is new meanwhile does not shift the pages.
      if (page === 0) await world.must("POST", "partners", { program: id, name: "Late" });
      if (next === null) break;
      assert.equal(data.length, 2);
      cursor = next;
    }
    const wanted = [4, 3, 2, 1, 0].map((i) => `Partner ${i}`);
    assert.deepEqual(names, [...wanted, "Boris", "Anna"]);
    for (const wrong of ["x", "AAAA", "YzE6LTE", "c1:1"]) {
      refused(await world.api("GET", `partners?cursor=${wrong}`), 400, "cursor_invalid", wrong);
    }
    refused(await world.api("GET", "partners?limit=many"), 400, "bad_request");
    refused(await world.api("GET", "partners?program=mine"), 400, "bad_request");
  });

  test("writes KV again from D1 after KV was lost", async () => {
    const kv = await kvOf(world.stack);
    const spare = await world.must("POST", "keys",
      { name: "s", scope: "track", program: world.program.id });
    await world.api("DELETE", `keys/${spare.id}`);
    const read = async () => Object.fromEntries(await Promise.all(
      (await kv.list()).keys.map(async (/** @type {{ name: string }} */ { name }) =>
        [name, await kv.get(name)])));
    const before_ = await read();
    assert.ok(before_["host:shop.localhost"] && before_["link:shop.localhost/anna"]);
    assert.equal(before_[`revoked:${spare.id}`], "1");
    await Promise.all(Object.keys(before_).map((name) => kv.delete(name)));
    const report = await world.must("POST", "rebuild");
    assert.deepEqual(report, { written: Object.keys(before_).length, left: 0 });
    assert.deepEqual(await read(), before_);
  });
});

describe("in production", () => {
  /** @type {import("./support/world.mjs").Stack} */ let stack;
  /** @type {(path: string, body: object) => Promise<Answer>} */ let post;
  /** @type {string} */ let program;
  before(async () => {
    stack = await startProduct({ vars: { LOOPBACK: "0" } });
    const key = (await stack.setup())?.key;
    post = (path, body) => stack.request("POST", `/api/v1/${path}`, { key, body });
    program = (await post("programs", { name: "P", hosts: ["shop.example"] })).json().id;
  });
  after(() => stack.dispose());

  test("links lead to https on the usual port only", async () => {
    const partner = (await post("partners", { program, name: "A" })).json().id;
    const link = { program, partner, host: "shop.example", slug: "a" };
    for (const [target, code] of [["http://shop.example/", "scheme"],
      ["https://shop.example:8443/", "port"], ["https://127.0.0.1/", "ip_literal"]]) {
      const answer = await post("links", { ...link, target });
      assert.deepEqual(problemOf(answer).errors, [["/target", code]], target);
    }
    assert.equal((await post("links", { ...link, target: "https://shop.example/" })).status, 201);
  });

  test("nothing is sent to a private address", async () => {
    /** @type {[string, string][]} */
    const urls = [
      ["http://shop.example/", "scheme"], ["https://127.0.0.1/", "ip_literal"],
      ["https://0x7f.1/", "ip_literal"], ["https://2130706433/", "ip_literal"],
      ["https://[::1]/", "ip_literal"], ["https://169.254.169.254/latest", "ip_literal"],
      ["https://localhost/", "host_not_public"], ["https://admin.localhost/", "host_not_public"],
      ["https://metadata.google.internal/", "host_not_public"],
      ["https://router/", "host_not_public"], ["https://10-0-0-1.nip.io/", "host_not_public"],
      ["https://hooks.default.svc/", "host_not_public"], ["https://wiki.corp/", "host_not_public"],
      ["https://shop.example:22/", "port"], ["https://a:b@shop.example/", "credentials"],
    ];
    for (const [url, code] of urls) {
      const webhook = await post("destinations", { program, kind: "webhook", url });
      assert.deepEqual(problemOf(webhook).errors, [["/url", code]], url);
      const meta = await post("destinations",
        { program, kind: "meta", pixel_id: "1", access_token: "t", base_url: url });
      assert.deepEqual(problemOf(meta).errors, [["/base_url", "test_only"]], url);
    }
    assert.deepEqual(await stack.sql("SELECT * FROM destinations"), []);
  });
});
