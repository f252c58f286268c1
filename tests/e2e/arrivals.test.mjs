/**
 * Visitors who arrive at the site itself, behind the gateway: by a partner parameter, by a token
 * from another host, with click IDs; what the origin's answer then carries, and what it does not.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { eventually, from, startReady } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

const PAGE = "<!doctype html><html><head><title>Shop</title></head><body>Hello</body></html>";

async function startOrigin() {
  const server = http.createServer((request, response) => {
    response.writeHead(request.headers.range ? 206 : 200, { "content-type": "text/html", "cache-control": "public, max-age=60" });
    response.end(PAGE);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((done) => server.close(done)) };
}

/** The token that a document's answer tells its script, or undefined.
 * @param {import("./support/world.mjs").Answer} answer */
function timing(answer) {
  return /tl;desc="(tlc_[\w-]+)"/.exec(String(answer.headers["server-timing"]))?.[1];
}

/** @param {import("./support/world.mjs").Answer} answer */
function journal(answer) {
  return answer.headers["set-cookie"]?.find((line) => line.startsWith("__Host-tl="))?.split(";")[0];
}

describe("a document of the site", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startOrigin>>} */ let origin;
  before(async () => {
    origin = await startOrigin();
    world = await startReady({
      siteOrigin: origin.url,
      program: { partner_params: ["via", "ref"], meta_cookies: true },
    });
  });
  after(async () => {
    await world.stop();
    await origin.close();
  });


  test("with a partner's name gets cookie and token, and is nobody else's", async () => {
    const page = await world.visit("/products?via=ANNA&gclid=AbC");
    assert.equal(page.status, 200);
    assert.equal(page.text, PAGE);
    assert.ok(journal(page), "the journal");
    assert.match(String(timing(page)), /^tlc_/);
    assert.equal(page.headers["cache-control"], "private, no-store");
    const me = await world.visit("/tl/me", { cookie: journal(page), "sec-fetch-site": "same-origin" });
    assert.match(me.json().t, /^tlc_/);
  });

  test("takes the first partner parameter that has a value", async () => {
    const page = await world.visit("/?via=&ref=boris&via=anna");
    assert.ok(timing(page));
    const nobody = await world.visit("/?via=nobody");
    assert.equal(timing(nobody), undefined);
    assert.equal(journal(nobody), undefined);
    assert.equal(nobody.headers["cache-control"], "public, max-age=60");
  });

  test("of a visitor who was not asked yet carries a token and nothing to keep", async () => {
    const page = await world.visit("/?via=anna&gclid=AbC", from("DE"));
    assert.match(String(timing(page)), /^tlc_/);
    assert.equal(page.headers["set-cookie"], undefined);
    const again = await world.visit("/?via=anna", from("DE"));
    assert.equal(timing(again), timing(page), "it names a link and a day, not a person");
  });

  test("takes up a token that another host gave", async () => {
    const { token } = await world.click();
    const page = await world.visit(`/?tl=${token}`);
    assert.ok(journal(page));
    assert.equal(timing(page), undefined, "the script finds it in the URL");
    const again = await world.visit(`/?tl=${token}`, { cookie: journal(page) });
    assert.equal(again.headers["set-cookie"], undefined, "once");
    const forged = await world.visit(`/?tl=${token.slice(0, -2)}xx`);
    assert.equal(forged.headers["set-cookie"], undefined);
  });

  test("with click IDs alone keeps them, where that is allowed", async () => {
    const page = await world.visit("/?fbclid=IwAR1xY");
    assert.ok(journal(page));
    const european = await world.visit("/?fbclid=IwAR1xY", from("DE"));
    assert.equal(european.headers["set-cookie"], undefined);
    const plain = await world.visit("/?color=red");
    assert.equal(plain.headers["set-cookie"], undefined);
  });

  test("that is a part of another page, loaded ahead, or read by software counts for nobody",
    async () => {
      for (const headers of [
        { "sec-fetch-dest": "iframe" },
        { "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors" },
        { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)" },
      ]) {
        const page = await world.visit("/?via=anna", headers);
        assert.equal(page.headers["set-cookie"], undefined, JSON.stringify(headers));
        assert.equal(timing(page), undefined);
      }
      const ahead = await world.visit("/?via=anna", { "sec-purpose": "prefetch;prerender" });
      assert.equal(ahead.headers["set-cookie"], undefined);
      assert.match(String(timing(ahead)), /^tlc_/, "it may be shown yet");
    });

  test("seen within the site confirms the click, once", async () => {
    const link = await world.must("POST", "links", { program: world.program.id,
      partner: world.program.anna.id, host: world.program.host, slug: "confirmed",
      target: world.program.target });
    const landing = await world.visit("/?via=confirmed");
    const inside = { "sec-fetch-site": "same-origin" };
    const next = await world.visit("/about", { ...inside, cookie: journal(landing) });
    assert.ok(journal(next), "the journal remembers that it is confirmed");
    const again = await world.visit("/more", { ...inside, cookie: journal(next) });
    assert.equal(again.headers["set-cookie"], undefined);
    await eventually("both are counted", async () => {
      const counts = await world.clicks(link.id);
      return counts.human === 1 && counts.confirmed === 1;
    });
  });

  test("of a visitor who withdrew in the browser loses the journal", async () => {
    const page = await world.visit("/?via=anna");
    const gpc = await world.visit("/", { cookie: journal(page), "sec-gpc": "1" });
    assert.match(String(gpc.headers["set-cookie"]), /^__Host-tl=; Max-Age=0/);
  });
});

test("the snippet is injected into documents, and only there", async (t) => {
  const origin = await startOrigin();
  const world = await startReady({ siteOrigin: origin.url,
    program: { inject: true, clean_url: true } });
  t.after(async () => {
    await world.stop();
    await origin.close();
  });
  const page = await world.visit("/");
  assert.ok(page.text.includes('<script src="/tl/full.js" data-clean defer></script></head>'));
  const part = await world.visit("/", { "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" });
  assert.equal(part.text, PAGE);
  const range = await world.visit("/", { range: "bytes=0-9" });
  assert.deepEqual([range.status, range.text], [206, PAGE], "a part keeps its length");
});
