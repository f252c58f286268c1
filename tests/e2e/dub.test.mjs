/** npm `dub` against the product: what it reports, and what it reads where something is wrong. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { Dub } from "dub";
import { HTTPClient } from "dub/lib/http.js";
import * as errors from "dub/models/errors";
import { SHOP, postApart, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

describe("Dub's own client", () => {
  /** @type {Ready} */ let world;
  /** @type {(token?: string) => Dub} */ let client;
  before(async () => {
    world = await startReady();
    client = (token = world.program.keys.track.key) =>
      new Dub({ token, serverURL: `${world.stack.url}/api/v1` });
  });
  after(() => world.stop());

  test("reports a lead and a sale, and the partner is paid", async () => {
    const { token } = await world.click("/go/anna?gclid=1");
    const lead = await client().track.lead({
      clickId: token, eventName: "Sign up", customerExternalId: "dub_1", customerName: "Ada Long",
      customerEmail: "ada@example.com", mode: "wait", metadata: { plan: "pro" },
    });
    assert.equal(lead.click.id, token);
    assert.deepEqual(lead.customer, {
      name: "Ada Long", email: "ada@example.com", avatar: null, externalId: "dub_1",
    });
    const sale = await client().track.sale({
      customerExternalId: "dub_1", amount: 4999, currency: "eur", paymentProcessor: "stripe",
      invoiceId: "in_1", metadata: { context: { consent: "full" } },
    });
    assert.equal(sale.eventName, "Purchase");
    assert.equal(sale.customer?.externalId, "dub_1");
    assert.equal(sale.sale?.amount, 4999);
    assert.equal(sale.sale?.currency, "eur");
    assert.equal(sale.sale?.invoiceId, "in_1");
    const { anna } = world.program;
    const wanted = { [`${anna.id} USD`]: 200, [`${anna.id} EUR`]: 499 };
    assert.deepEqual(await world.balances(), wanted);
  });

  test("gets errors of its own types", async () => {
    const { track } = client();
    const sale = { customerExternalId: "dub_2", amount: 100, currency: "usd", invoiceId: "in_2" };
    await track.sale(sale);
    await assert.rejects(track.sale({ ...sale, amount: 101 }), errors.Conflict);
    await assert.rejects(track.sale({ ...sale, currency: "xxx" }), errors.UnprocessableEntity);
    await assert.rejects(track.sale({ ...sale, amount: -1 }), errors.UnprocessableEntity);
    await assert.rejects(client("tlk_wrong").track.sale(sale), errors.Unauthorized);
    const { read } = world.program.keys;
    await assert.rejects(client(read.key).track.sale(sale), errors.Forbidden);
    const shape = { message: /amount/, statusCode: 422 };
    await assert.rejects(track.sale({ ...sale, amount: -1 }), shape);
  });

  test("loses no lead by a long name, a cut emoji or many seats", async () => {
    const eventName = "n".repeat(253) + "\u{1f600}".slice(0, 1);
    const lead = await client().track.lead({
      clickId: "", eventName, customerExternalId: "dub_3", customerName: "Ada \ud83d",
      eventQuantity: 5_000, metadata: { "\ude00": ["\ud83d", "\u{1f600}"] },
    });
    assert.equal(lead.customer.name, "Ada \ufffd");
    await world.folded();
    const stored = await world.stack.sql("SELECT body ->> 'name' AS name FROM facts");
    assert.ok(stored.some(({ name }) => name === `${"n".repeat(253)}\ufffd`));
    const long = client().track.lead({
      clickId: "", eventName: "n".repeat(256), customerExternalId: "dub_3",
    });
    await assert.rejects(long, errors.UnprocessableEntity);
  });
});

const LINKS = "links.localhost";
const HUGE = { a: "b".repeat(300_000) };
const LEAD = { clickId: "", eventName: "Sign up", customerExternalId: "u" };

/** A site that has an API of its own. */
async function startSite() {
  /** @type {string[]} */
  const seen = [];
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => response.end("the site's own"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, seen, close: () => server.close() };
}

describe("errors that Dub's own client reads", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startSite>>} */ let site;
  before(async () => {
    site = await startSite();
    const hosts = [SHOP, LINKS];
    const vars = { SITE_HOSTS: SHOP };
    world = await startReady({ siteOrigin: site.url, vars, program: { hosts } });
  });
  after(async () => {
    await world.stop();
    site.close();
  });

  /** The client as it is on another host, which Node's `fetch` cannot name.
   * @param {string} host @param {Record<string, string>} [changed] headers */
  function clientOn(host, changed = {}) {
    /** @type {import("dub/lib/http.js").Fetcher} */
    const fetcher = async (input) => {
      const request = /** @type {Request} */ (input);
      const { pathname } = new URL(request.url);
      const headers = { ...Object.fromEntries(request.headers), ...changed };
      const body = await request.text();
      const answer = await postApart(world.stack, pathname, { host, headers, body });
      const told = /** @type {Record<string, string>} */ (answer.headers);
      return new Response(answer.text, { status: answer.status, headers: told });
    };
    const token = world.program.keys.track.key;
    const serverURL = `${world.stack.url}/api/v1`;
    return new Dub({ token, serverURL, httpClient: new HTTPClient({ fetcher }) });
  }

  /** @param {Promise<unknown>} call @param {number} status @param {string} code */
  const fails = (call, status, code) => assert.rejects(call, (error) => {
    assert.ok(error instanceof errors.DubError, String(error));
    const told = [error.statusCode, error.contentType, JSON.parse(error.body).error.code];
    assert.deepEqual(told, [status, "application/json", code]);
    assert.equal(typeof JSON.parse(error.body).error.message, "string");
    return true;
  });

  for (const host of [SHOP, LINKS, "nobody.localhost", "127.0.0.1", "admin.localhost"]) {
    test(`on ${host}`, async () => {
      const client = clientOn(host);
      await fails(client.track.lead({ ...LEAD, metadata: HUGE }), 413, "body_too_large");
      const plain = clientOn(host, { "content-type": "text/plain" });
      await fails(plain.track.lead(LEAD), 415, "content_type_unsupported");
      await assert.rejects(client.tags.create({ name: "x" }), errors.NotFound);
      if (host === "admin.localhost") return;
      for (const url of ["https://a.example/", `https://a.example/${"b".repeat(300_000)}`]) {
        await assert.rejects(client.links.create({ url }), errors.NotFound);
      }
    });
  }

  test("before a body that is too large has come", async () => {
    for (const [path, status] of [["links", 404], ["track/lead", 413]]) {
      const request = http.request(`${world.stack.url}/api/v1/${path}`, {
        method: "POST", agent: false,
        headers: { "authorization": `Bearer ${world.program.keys.track.key}`,
          "content-type": "application/json", "content-length": 1e9 },
      });
      request.on("error", () => {});
      request.write("{");
      const [answer] = await once(request, "response");
      assert.equal(answer.statusCode, status, String(path));
      request.destroy();
    }
  });

  test("on connections that stay open", async () => {
    const token = world.program.keys.track.key;
    const client = new Dub({ token, serverURL: `${world.stack.url}/api/v1` });
    for (let call = 0; call < 20; call++) {
      await assert.rejects(client.links.create({ url: "https://a.example/" }), errors.NotFound);
      await client.track.lead(LEAD);
      const wrong = await world.stack.request("POST", "/api/v1/links", { host: LINKS, body: {} });
      assert.equal(wrong.status, 404);
    }
  });

  test("and the site keeps its own API, without seeing our keys", async () => {
    site.seen.length = 0;
    const ask = (/** @type {string} */ path, key = "") =>
      world.stack.request("POST", path, { host: SHOP, body: {}, ...(key ? { key } : {}) });
    for (const path of ["/api/v1/links", "/api/v1", "/api/v10/track/lead", "/api/v1/tracks"]) {
      assert.equal((await ask(path)).text, "the site's own", path);
      assert.equal((await ask(path, "theirs")).text, "the site's own", path);
    }
    assert.equal(site.seen.length, 8);
    const { key } = world.program.keys.track;
    assert.equal((await ask("/api/v1/links", key)).status, 404);
    assert.equal((await ask("/api/v1/track", "theirs")).status, 404);
    assert.equal((await ask("/api/v1/track?a", "theirs")).status, 404);
    assert.equal(site.seen.length, 8);
  });
});
