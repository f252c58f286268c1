/**
 * The snippet in the pages of a site, in a real browser: it runs wherever the page's policy lets it
 * run, whatever tags the page leaves out; the policy stays as strict as it was, and what went
 * without is counted.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { launch } from "../support/browser.mjs";
import { eventually, startReady } from "../support/world.mjs";

/** @typedef {{ body: string | Buffer, headers?: Record<string, string>, tag?: string }} Page */

const TYPE = "text/html";
const NONCE = "r4nd0m+/=";
const POLICY = "content-security-policy";
const STRICT = `script-src 'nonce-${NONCE}' 'strict-dynamic' https: 'unsafe-inline'; object-src 'none'`;
const WHOLE = "<!doctype html><html><head><title>Shop</title></head><body>Hello</body></html>";
/** A script without the page's nonce that says when it ran. */
const INTRUDER = "<script>window.intruder = true</script>";
/** @param {string} content */
const meta = (content) => `<meta http-equiv="Content-Security-Policy" content="${content}">`;

/** Pages that get the tag. @type {Record<string, Page>} */
const RUNS = {
  whole: { body: WHOLE },
  "no-head": { body: "<!doctype html><html><title>Shop</title><body><p>Hello</p></body></html>" },
  "no-head-end": { body: "<!doctype html><html><head><title>Shop</title><body><p>Hello</p>" },
  "no-html": { body: "<!doctype html><title>Shop</title><p>Hello</p>" },
  "doctype-only": { body: "<!doctype html>" },
  "text-only": { body: "Hello" },
  uppercase: { body: "<!DOCTYPE HTML><HTML><HEAD><TITLE>Shop</TITLE></HEAD><BODY>Hi</BODY></HTML>" },
  comment: { body: "<!-- <head></head> --><!doctype html><title>Shop</title><p>Hello" },
  mark: { body: `\ufeff${WHOLE}` },
  template: { body: "<!doctype html><template><body><p>x</p></body></template><p>Hello" },
  frames: { body: "<!doctype html><title>F</title><frameset cols='*'><frame></frameset>" },
  "type-case": { body: WHOLE, headers: { "content-type": "Text/HTML;Charset=UTF-8" } },
  latin: { body: WHOLE, headers: { "content-type": "text/html; charset=iso-8859-1" } },
  gzip: { body: gzipSync(WHOLE), headers: { "content-encoding": "gzip" } },
  "header-nonce": { body: WHOLE.replace("Hello", INTRUDER), headers: { [POLICY]: STRICT } },
  "header-self": { body: WHOLE.replace("Hello", INTRUDER), headers: { [POLICY]: "script-src 'self'" } },
  "default-nonce": { body: `<!doctype html><p>Hello${INTRUDER}`,
    headers: { [POLICY]: `default-src 'none'; connect-src 'self'; script-src-elem 'nonce-${NONCE}'` } },
  "meta-nonce": { body: `<!doctype html>${meta(STRICT)}<title>Shop</title><p>Hello${INTRUDER}` },
  "meta-escaped": { body: `<!doctype html><head>${meta(STRICT.replaceAll("'", "&#39;"))}</head>${INTRUDER}` },
  "both-policies": { body: `<head>${meta("script-src 'self'")}</head>${INTRUDER}`, headers: { [POLICY]: STRICT } },
};

/** Pages that go without it, and the reason why. @type {Record<string, Page & { reason: string }>} */
const SKIPPED = {
  "strict-hash": { body: WHOLE, headers: { [POLICY]: "script-src 'strict-dynamic' 'sha256-AAAA'" },
    reason: "policy" },
  "meta-none": { body: `<head>${meta("script-src 'none'")}</head>Hello`, reason: "policy" },
  plain: { body: "<p>Hello", headers: { "content-type": "text/plain" }, reason: "not_html" },
  wide: { body: Buffer.from(`\ufeff${WHOLE}`, "utf16le"),
    headers: { "content-type": "text/html; charset=utf-16le" }, reason: "charset" },
  zstd: { body: Buffer.from("28b52ffd0458", "hex"), headers: { "content-encoding": "zstd" },
    reason: "encoding" },
  open: { body: "<!doctype html><template><p>Hello", reason: "open_template" },
  file: { body: WHOLE, headers: { "content-disposition": "attachment" }, reason: "download" },
};

describe("the snippet in a site's pages", () => {
  /** @type {import("../support/world.mjs").Ready} */ let world;
  /** @type {import("playwright-core").Browser} */ let browser;
  /** @type {http.Server} */ let origin;
  before(async () => {
    /** @type {Record<string, Page>} */ const pages = { ...RUNS, ...SKIPPED };
    origin = http.createServer((request, response) => {
      const page = pages[(request.url ?? "").slice(1)];
      if (!page) return void response.writeHead(404, { "content-type": "text/plain" }).end();
      response.writeHead(200, { "content-type": TYPE, ...page.headers }).end(page.body);
    });
    await once(origin.listen(0, "127.0.0.1"), "listening");
    const { port } = /** @type {import("node:net").AddressInfo} */ (origin.address());
    browser = await launch();
    world = await startReady({ siteOrigin: `http://127.0.0.1:${port}`, program: { inject: true } });
  });
  after(async () => {
    await browser?.close();
    await world?.stop();
    origin?.close();
    origin?.closeAllConnections();
  });

  for (const [name, { headers }] of Object.entries(RUNS)) {
    test(`runs in the page ${name}`, async (t) => {
      const context = await browser.newContext();
      t.after(() => context.close());
      const page = await context.newPage();
      const answer = await page.goto(`http://shop.localhost:${world.stack.port}/${name}`);
      await page.waitForFunction("typeof window.tl === 'function' || typeof window.tl === 'object'");
      assert.equal(await page.locator('script[src="/tl/tl.js"]').count(), 1, "once");
      assert.equal(await page.evaluate("window.intruder"), undefined, "the policy still holds");
      // What the site said is what the browser got.
      assert.equal(answer?.headers()[POLICY], headers?.[POLICY]);
    });
  }

  test("changes nothing else of a page", async () => {
    const tag = '<script src="/tl/tl.js" defer></script>';
    for (const [name, { body, headers = {} }] of Object.entries(RUNS)) {
      if (headers["content-encoding"]) continue;
      const nonce = headers[POLICY]?.includes("nonce") || String(body).includes("nonce-");
      const added = nonce ? tag.replace(" defer", ` defer nonce="${NONCE}"`) : tag;
      const { text } = await world.visit(`/${name}`);
      assert.equal(text.split(added).length, 2, `${name}: ${text}`);
      assert.equal(text.replace(added, ""), String(body), name);
    }
  });

  test("is left out where it could not run, and that is counted and shown", async () => {
    for (const name of Object.keys(SKIPPED)) {
      const { body } = SKIPPED[name];
      const { text } = await world.visit(`/${name}`);
      assert.ok(!text.includes("/tl/tl.js"), name);
      if (typeof body === "string") assert.equal(text, body);
    }
    /** @type {Record<string, number>} */ const wanted = {};
    for (const { reason } of Object.values(SKIPPED)) wanted[reason] = (wanted[reason] ?? 0) + 1;
    await eventually("all are counted", async () => {
      const rows = await world.rows("skipped_pages");
      const found = Object.fromEntries(rows.map((row) => [row.reason, row.count]));
      assert.ok(rows.every((row) => row.host === "shop.localhost"
        && /^\d{4}-\d\d-\d\d$/.test(row.day)), JSON.stringify(rows));
      return Object.entries(wanted).every(([reason, count]) => found[reason] === count);
    }, 30_000);
    const part = { "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors" };
    assert.ok(!(await world.visit("/whole", part)).text.includes("/tl/tl.js"));
  });
});
