import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { makeProgram, postApart, problemOf, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

const SALE = { customerExternalId: "cus_1", amount: 2000, currency: "usd", invoiceId: "x_1" };

describe("what track does not take", () => {
  /** @type {Ready} */ let world;
  before(async () => {
    world = await startReady();
  });
  after(() => world.stop());

  /** Nothing may be stored by what the work does. @param {() => Promise<void>} work */
  async function storingNothing(work) {
    const count = async () => (await world.stack.sql(`SELECT (SELECT count(*) FROM facts) AS f,
      (SELECT count(*) FROM conflicts) AS c, (SELECT count(*) FROM sealed_rows) AS s`))[0];
    await world.folded();
    const start = await count();
    await work();
    await world.folded();
    assert.deepEqual(await count(), start);
  }

  /** @param {string | object} body @param {Record<string, string>} [headers] */
  const send = (body, headers = { "content-type": "application/json" }) =>
    postApart(world.stack, "/api/v1/track/sale", {
      key: world.program.keys.track.key, headers,
      body: typeof body === "string" ? body : JSON.stringify(body),
    });

  test("is too large: 413", () => storingNothing(async () => {
    for (const length of [66_000, 80_000, 400_000]) {
      const answer = await send({ ...SALE, metadata: { a: "b".repeat(length) } });
      assert.deepEqual([answer.status, answer.json().code], [413, "body_too_large"]);
    }
    const answer = await send({ ...SALE, metadata: { a: "b".repeat(60_000) } });
    assert.deepEqual(problemOf(answer).errors, [["/metadata", "too_long"]]);
  }));

  test("is no JSON object: 400", () => storingNothing(async () => {
    const bodies = ["", "{", "[]", "null", '"text"', "5", "{'a':1}", '{"a":1}{}'];
    bodies.push("[".repeat(30_000));
    for (const body of bodies) {
      const answer = await send(body);
      const { code, error } = answer.json();
      const told = [answer.status, code, error.code];
      assert.deepEqual(told, [400, "body_not_json", "bad_request"], body);
    }
  }));

  test("is not called JSON: 415", () => storingNothing(async () => {
    const form = "application/x-www-form-urlencoded";
    for (const type of ["text/plain", form, "application/jsonp", "json", undefined]) {
      const answer = await send(SALE, type === undefined ? {} : { "content-type": type });
      const told = [answer.status, answer.json().code];
      assert.deepEqual(told, [415, "content_type_unsupported"], type);
    }
  }));

  test("has wrong fields: 422 with the path and code of each", () => storingNothing(async () => {
    /** @type {[object, [string, string][]][]} */
    const cases = [
      [{ amount: undefined }, [["/amount", "required"]]],
      [{ amount: "2000" }, [["/amount", "not_an_integer"]]],
      [{ amount: -1 }, [["/amount", "negative"]]],
      [{ amount: 19.99 }, [["/amount", "fractional"]]],
      [{ amount: 2 ** 53 }, [["/amount", "out_of_range"]]],
      [{ amount: 1e300 }, [["/amount", "out_of_range"]]],
      [{ currency: "xyz" }, [["/currency", "currency_unknown"]]],
      [{ currency: "us" }, [["/currency", "currency_unknown"]]],
      [{ currency: "usdt" }, [["/currency", "too_long"]]],
      [{ currency: 840 }, [["/currency", "not_a_string"]]],
      [{ customerExternalId: undefined }, [["/customerExternalId", "required"]]],
      [{ customerExternalId: "  " }, [["/customerExternalId", "required"]]],
      [{ customerExternalId: 7 }, [["/customerExternalId", "not_a_string"]]],
      [{ customerExternalId: "c".repeat(191) }, [["/customerExternalId", "too_long"]]],
      [{ invoiceId: "a\nb" }, [["/invoiceId", "control_character"]]],
      [{ invoiceId: ["a"] }, [["/invoiceId", "not_a_string"]]],
      [{ occurredAt: "yesterday" }, [["/occurredAt", "not_a_time"]]],
      [{ occurredAt: Math.floor(Date.now() / 1000) + 3600 }, [["/occurredAt", "in_the_future"]]],
      [{ occurredAt: "2019-01-01T00:00:00Z" }, [["/occurredAt", "too_old"]]],
      [{ context: { consent: "maybe" } }, [["/context/consent", "not_a_choice"]]],
      [{ context: "full" }, [["/context", "not_an_object"]]],
      [{ amount: -1.5, currency: "xxx" },
        [["/amount", "fractional"], ["/currency", "currency_unknown"]]],
    ];
    for (const [change, wanted] of cases) {
      const answer = await send({ ...SALE, ...change });
      const told = { status: 422, code: "validation_failed", errors: wanted };
      assert.deepEqual(problemOf(answer), told, JSON.stringify(change));
      assert.equal(answer.json().error.code, "unprocessable_entity");
    }
    const { status, errors: faults } = problemOf(await world.track("lead", {}));
    assert.deepEqual([status, faults],
      [422, [["/customerExternalId", "required"], ["/eventName", "required"]]]);
    const refund = problemOf(await world.track("refund", { amount: 5 }));
    assert.deepEqual(refund.errors.map((/** @type {string[]} */ [path]) => path),
      ["/refundId", "/invoiceId", "/currency"]);
  }));

  test("comes with a key that is wrong, revoked or for other things", async () => {
    const { id, keys } = world.program;
    const spare = await world.must("POST", "keys", { name: "spare", scope: "track", program: id });
    assert.equal((await world.track("sale", SALE, spare.key)).status, 200);
    assert.equal((await world.api("DELETE", `keys/${spare.id}`)).status, 204);
    const genuine = keys.track.key;
    const flipped = genuine.slice(0, -3) + (genuine.at(-3) === "A" ? "B" : "A") + genuine.slice(-2);
    /** @type {[string, string, number, string][]} */
    const cases = [
      ["none", "", 401, "key_missing"],
      ["wrong", "tlk_wrong", 401, "key_invalid"],
      ["cut", genuine.slice(0, -2), 401, "key_invalid"],
      ["flipped", flipped, 401, "key_invalid"],
      ["foreign", "tlk_AQ1bJ0Zlh9voAAAAAAAAAAABNUm2wcxjBTmWrBg9yAKnKg", 401, "key_invalid"],
      ["revoked", spare.key, 403, "key_revoked"],
      ["for reading", keys.read.key, 403, "scope_too_narrow"],
      ["of no program", world.admin, 403, "program_required"],
    ];
    await storingNothing(async () => {
      for (const [name, key, status, code] of cases) {
        const answer = await world.track("sale", { ...SALE, invoiceId: "other" }, key);
        assert.deepEqual([answer.status, answer.json().code], [status, code], name);
      }
    });
    const own = await world.track("sale", SALE, keys.own.key);
    assert.equal(own.status, 200, "admin includes track");
  });

  test("goes to another address or with another method", () => storingNothing(async () => {
    const key = world.program.keys.track.key;
    assert.equal((await world.track("nothing", SALE)).status, 404);
    assert.equal((await world.stack.request("GET", "/api/v1/track/sale", { key })).status, 405);
  }));

  test("uses an id again with other content: 409, and both are kept", async () => {
    const first = { ...SALE, invoiceId: "again", customerExternalId: "again" };
    await world.accepted("sale", first);
    const others = [{ amount: 2001 }, { currency: "eur" }, { customerExternalId: "another" }];
    for (const change of [...others, ...others]) {
      const answer = await world.track("sale", { ...first, ...change });
      assert.deepEqual([answer.status, answer.json().code], [409, "conflict"]);
    }
    await world.accepted("sale", { ...first, eventName: "Other name", occurredAt: 1_790_000_000 });
    const kept = (await world.rows("conflicts")).map((row) => row.amount);
    assert.deepEqual(kept, [
      { amount: 2001, currency: "USD" }, { amount: 2000, currency: "EUR" },
      { amount: 2000, currency: "USD" },
    ]);
    const sales = (await world.rows("events")).filter((row) => row.key === "again");
    assert.deepEqual(sales.map((row) => row.amount), [{ amount: 2000, currency: "USD" }]);
  });

  test("is a token of another program, or a broken one: accepted, nobody credited", async () => {
    const other = await makeProgram(world.stack, world.admin,
      { hosts: ["other.localhost"], target_hosts: ["other.localhost"] });
    const theirs = await world.visit("/go/anna", {}, "GET", other.host);
    const foreign = String(new URL(theirs.headers.location ?? "").searchParams.get("tl"));
    const { token } = await world.click();
    const at = token.length - 9;
    const forged = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    const cut = token.slice(0, -1);
    const tokens = { foreign, forged, cut, dub: "dub_id_123", long: `${token}x` };
    for (const [name, clickId] of Object.entries(tokens)) {
      const body = { ...SALE, clickId, invoiceId: name, customerExternalId: name };
      await world.accepted("sale", body);
    }
    await world.folded();
    const decisions = await world.rows("decisions");
    for (const name of Object.keys(tokens)) {
      const decision = decisions.find((row) => row.key === name);
      assert.deepEqual([decision?.credits, decision?.touches], [[], []], name);
      assert.match(decision?.sentence, /nobody is credited, because its click token could not/);
    }
    assert.deepEqual((await world.must("GET", "balances")).data, []);
  });
});
