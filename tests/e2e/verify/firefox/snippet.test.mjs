/** The snippet in Firefox: what is sent and what is not, where browsers may differ. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bundleScript } from "../../../../tools/snippet.mjs";
import { launchFirefox } from "../../support/firefox.mjs";
import { startPageServer } from "../../support/page_server.mjs";
import { FIELD, FORM, FULL_TAG, QUERY, TAG, html, withData } from "../../support/page_visitor.mjs";

/** @type {Awaited<ReturnType<typeof launchFirefox>>} */
let browser;
let snippet = "";
let full = "";
before(async () => {
  [snippet, full] = await Promise.all([bundleScript("core"), bundleScript("full")]);
  browser = await launchFirefox();
});
after(() => browser?.close());

/**
 * @param {import("node:test").TestContext} t
 * @param {{ page?: string, csp?: string, init?: () => void,
 *   headers?: Record<string, Record<string, string>> }} [options]
 */
async function visit(t, { page: body = html(FORM), init, ...options } = {}) {
  const pages = { "/": body, "/other": html("<p>Other", "") };
  const site = await startPageServer({ snippet, full, pages, ...options });
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  t.after(async () => {
    await context.close();
    await site.stop();
  });
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  if (init) await page.evaluateOnNewDocument(init);
  return {
    site,
    page,
    errors,
    /** @param {string} [query] */
    land: (query = "") => page.goto(`${site.url}/${query}`),
    /** @param {unknown} decision */
    consent: (decision) =>
      page.evaluate(async (said) => {
        await window.tl?.consent(/** @type {any} */ (said));
      }, decision),
    token: () => page.evaluate(() => window.tl?.token()),
    /** @param {string} value */
    filled: (value) =>
      page.waitForFunction(
        (/** @type {string} */ selector, /** @type {string} */ wanted) => {
          const input = /** @type {HTMLInputElement | null} */ (document.querySelector(selector));
          return input?.value === wanted;
        },
        { timeout: 10_000 },
        FIELD,
        value,
      ),
    bodies: () => site.seen.map((report) => report.body),
  };
}

const LANDING = { n: "land", t: "tlc_url" };

for (const tag of [TAG, FULL_TAG]) {
  test(`${tag}: landing, grant and withdrawal`, async (t) => {
    const { page, land, filled, consent, token, bodies, errors } = await visit(t, {
      page: html(FORM, tag),
    });
    await land(QUERY);
    await filled("tlc_landed");
    await consent("full");
    await filled("tlc_full");
    await consent("code");
    await filled("tlc_code");
    assert.equal(await token(), "tlc_code");
    assert.deepEqual(bodies(), [
      LANDING,
      { n: "consent", s: "full", t: "tlc_landed", q: QUERY },
      { n: "consent", s: "code", t: "tlc_full" },
    ]);
    const stored = await page.evaluate(() => [
      document.cookie, localStorage.length, sessionStorage.length, window.name,
    ]);
    assert.deepEqual(stored, ["", 0, 0, ""]);
    assert.deepEqual(errors, []);
  });

  test(`${tag}: the header's token, the partner's name, foreign words`, async (t) => {
    const { site, land, filled, consent, bodies } = await visit(t, {
      page: html(FORM, tag),
      headers: { "/": { "server-timing": 'tl;desc="tlc_header"' } },
    });
    await land("?via=anna&fbclid=1");
    await filled("tlc_landed");
    await consent({ ad_storage: "granted" });
    assert.deepEqual(bodies(), [
      { n: "land", t: "tlc_header" },
      { n: "consent", s: { ad_storage: "granted" }, t: "tlc_landed" },
      { n: "consent", s: "full", t: "tlc_full", q: "?via=anna&fbclid=1" },
    ]);
    assert.equal(site.seen[0]?.via, null);
  });

  test(`${tag}: without a token, a field or a partner nothing is sent`, async (t) => {
    const { page, site, land } = await visit(t, {
      page: html("", withData(tag, 'data-consent="full"')),
    });
    await land("?utm_source=x&fbclid=y");
    await page.goto(`${site.url}/other`);
    assert.deepEqual(site.seen, []);
  });

  test(`${tag}: a strict content security policy needs no exception`, async (t) => {
    const { land, filled, errors } = await visit(t, {
      page: html(FORM, tag),
      // Firefox asks for an icon, and tells that it may not.
      csp: "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'",
    });
    await land(QUERY);
    await filled("tlc_landed");
    assert.deepEqual(errors, []);
  });
}

test("under Global Privacy Control no click ID leaves the page", async (t) => {
  const { land, consent, filled, bodies } = await visit(t, {
    init: () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }),
  });
  await land(QUERY);
  await consent("full");
  await filled("tlc_full");
  assert.deepEqual(bodies().filter((body) => body?.q), []);
});

test("single-page navigation: a new token is a new landing, once", async (t) => {
  const { page, land, filled, token, bodies, errors } = await visit(t, {
    page: html(FORM, withData(FULL_TAG, "data-clean")),
  });
  await land(QUERY);
  await filled("tlc_landed");
  assert.equal(new URL(page.url()).search, "?utm_source=anna&fbclid=IwAR1");
  for (const url of ["/?tl=tlc_next", "/?page=2", "/?tl=tlc_next&page=3"]) {
    await page.evaluate((to) => history.pushState(null, "", to), url);
  }
  await token();
  assert.deepEqual(bodies(), [LANDING, { n: "land", t: "tlc_next" }]);
  assert.deepEqual(errors, []);
});

test("where fetch is broken a beacon reports when the page goes", async (t) => {
  const { page, site, land, token, bodies, errors } = await visit(t, {
    page: html(FORM, FULL_TAG),
    init: () => {
      window.fetch = () => { throw new Error("blocked"); };
    },
  });
  await land(QUERY);
  await token();
  await page.goto(`${site.url}/other`);
  await site.arrived(1);
  assert.deepEqual(bodies(), [LANDING]);
  assert.match(site.seen[0]?.type ?? "", /^text\/plain\b/);
  assert.deepEqual(errors, []);
});

test("a link to a named domain takes the token along, and is as before", async (t) => {
  const tag = withData(FULL_TAG, 'data-domains="sister.localhost"');
  const { page, site, land, filled } = await visit(t, {
    page: html(`${FORM}<a>There</a><stripe-buy-button></stripe-buy-button>`, tag),
  });
  await land(QUERY);
  await filled("tlc_landed");
  const reference = await page.$eval("stripe-buy-button", (element) =>
    element.getAttribute("client-reference-id"));
  assert.equal(reference, "tlc_landed");
  const href = `http://sister.localhost:${site.port}/there?a=%20+b#part`;
  await page.$eval("a", (link, to) => { link.target = "_blank"; link.href = to; }, href);
  await page.click("a");
  await site.reached("/there?a=%20+b&tl=tlc_landed");
  assert.equal(await page.$eval("a", (link) => link.href), href);
});
