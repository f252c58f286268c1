/**
 * Reports that meet trouble: fetch broken by the page, no network, a failing server, a page that
 * goes away. Asserted on what the server received in the end, and how often.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { productAnswer } from "../support/page_server.mjs";
import { FORM, FULL_TAG, QUERY, html, openBrowser } from "../support/page_visitor.mjs";

/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
before(async () => {
  // Playwright turns the back/forward cache off.
  browser = await openBrowser({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
});
after(() => browser?.close());

/** @type {typeof browser.visit} */
const visit = (t, options) => browser.visit(t, {
  page: html(FORM, FULL_TAG),
  pages: { "/other": html("<p>Other", "") },
  ...options,
});

const LANDING = { n: "land", t: "tlc_url" };

/** @param {import("playwright-core").Page} page @param {string} event */
const fire = (page, event) =>
  page.evaluate((name) => void document.dispatchEvent(new Event(name, { bubbles: true })), event);

/** @type {[string, () => void][]} */
const broken = [
  ["throws", () => { window.fetch = () => { throw new Error("blocked"); }; }],
  ["rejects", () => { window.fetch = async () => { throw new TypeError("blocked"); }; }],
  ["is missing", () => { Object.defineProperty(window, "fetch", { value: undefined }); }],
];
for (const [what, init] of broken) {
  test(`where fetch ${what} a beacon reports once, when the page goes`, async (t) => {
    const { site, page, land, consent, errors, bodies } = await visit(t, { init });
    await land(QUERY);
    await consent("session");
    assert.deepEqual(bodies(), []);
    await page.goto(`${site.url}/other`);
    await site.arrived(2);
    assert.deepEqual(bodies(), [
      { ...LANDING, s: "session", q: QUERY },
      { n: "consent", s: "session", t: "tlc_url", q: QUERY },
    ]);
    for (const { type } of site.seen) assert.match(type ?? "", /^text\/plain\b/);
    await page.goto(`${site.url}/other?again`);
    assert.equal(site.seen.length, 2);
    assert.deepEqual(errors, []);
  });

  test(`where fetch ${what} a beacon reports when the tab is hidden`, async (t) => {
    const { site, page, land, token, errors, bodies } = await visit(t, { init });
    await land(QUERY);
    await token();
    await fire(page, "visibilitychange");
    await site.arrived(1);
    await fire(page, "visibilitychange");
    await token();
    await page.goto(`${site.url}/other`);
    assert.deepEqual(bodies(), [LANDING]);
    assert.deepEqual(errors, []);
  });
}

test("neither fetch nor beacon: nothing is sent, and the page hears nothing of it", async (t) => {
  const { page, site, land, consent, errors } = await visit(t, {
    init: () => {
      window.fetch = () => { throw new Error("blocked"); };
      navigator.sendBeacon = () => { throw new Error("blocked"); };
    },
  });
  await land(QUERY);
  await consent({ ad_storage: /** @type {any} */ ("granted") });
  await page.evaluate(() => void window.tl?.consent(/** @type {any} */ (window)));
  await fire(page, "visibilitychange");
  await page.evaluate(() => dispatchEvent(new Event("pagehide")));
  await page.evaluate(() => window.tl?.token());
  await page.goto(`${site.url}/other`);
  assert.deepEqual(site.seen, []);
  assert.deepEqual(errors, []);
});

test("offline, then online: the decision arrives once, and the fields follow", async (t) => {
  const { context, land, filled, consent, barrier, sent, bodies, errors } = await visit(t);
  await land(QUERY);
  await filled("tlc_landed");
  await context.setOffline(true);
  await consent("full");
  assert.equal(bodies().length, 1, "nothing got through");
  await context.setOffline(false);
  await filled("tlc_full");
  await barrier();
  const decision = { n: "consent", s: "full", t: "tlc_landed", q: QUERY };
  assert.deepEqual(bodies(), [LANDING, decision]);
  assert.deepEqual(sent, ["POST /tl/e", "POST /tl/e", "POST /tl/e"]);
  assert.deepEqual(errors, []);
});

test("a withdrawal that got lost is sent later, and shows nothing until then", async (t) => {
  const { context, page, land, filled, consent, token, bodies } = await visit(t);
  await land(QUERY);
  await consent("full");
  await filled("tlc_full");
  await context.setOffline(true);
  await consent("code");
  assert.equal(await token(), null);
  await fire(page, "focusin");
  await filled("");
  await context.setOffline(false);
  await filled("tlc_code");
  assert.deepEqual(bodies().at(-1), { n: "consent", s: "code", t: "tlc_full" });
});

for (const status of [503, 500, 429]) {
  test(`a report answered ${status} is sent once more, later, and then no more`, async (t) => {
    const { page, site, land, token, barrier, sent } = await visit(t, {
      page: html("", FULL_TAG),
      answer: () => ({ status, json: {} }),
    });
    await land(QUERY);
    await token();
    assert.equal(site.seen.length, 1);
    await fire(page, "visibilitychange");
    await site.arrived(2);
    await token();
    for (const event of ["online", "visibilitychange"]) await fire(page, event);
    await token();
    await page.goto(`${site.url}/other`);
    await barrier();
    assert.deepEqual(sent, ["POST /tl/e", "POST /tl/e"]);
  });
}

for (const status of [400, 413, 422]) {
  test(`a report refused with ${status} is not sent again`, async (t) => {
    const { page, site, land, token, barrier, sent } = await visit(t, {
      page: html("", FULL_TAG),
      answer: () => ({ status, json: {} }),
    });
    await land(QUERY);
    await token();
    await fire(page, "visibilitychange");
    await token();
    await page.goto(`${site.url}/other`);
    await barrier();
    assert.deepEqual(sent, ["POST /tl/e"]);
  });
}

for (const how of ["is left", "is closed"]) {
  test(`a page that ${how} while an answer is awaited sends what still waits`, async (t) => {
    const { page, site, land, bodies } = await visit(t, { answer: () => "hang" });
    await land(QUERY);
    await site.arrived(1);
    await page.evaluate(() => {
      window.tl?.consent("session");
      window.tl?.consent("full");
    });
    if (how === "is left") await page.goto(`${site.url}/other`);
    else await page.close({ runBeforeUnload: true });
    await site.arrived(2);
    assert.deepEqual(bodies(), [LANDING, { n: "consent", s: "full", t: "tlc_url", q: QUERY }]);
  });
}

test("a page that leaves as soon as it is there has reported its landing", async (t) => {
  const { site, page, bodies } = await visit(t, {
    page: html("", `${FULL_TAG}<script src="/leave.js" defer></script>`),
    files: { "/leave.js": 'location.href = "/other"' },
  });
  await page.goto(`${site.url}/${QUERY}`).catch(() => {});
  await page.waitForURL("**/other");
  await site.arrived(1);
  assert.deepEqual(bodies(), [LANDING]);
});

test("a prerendered page that is thrown away sends nothing", async (t) => {
  const { site, page, land, errors } = await visit(t, {
    init: () => Object.defineProperty(document, "prerendering", { value: true }),
  });
  await land(QUERY);
  await page.evaluate(() => void window.tl?.consent("full"));
  await page.goto(`${site.url}/other`);
  assert.deepEqual(site.seen, []);
  assert.deepEqual(errors, []);
});

/** Leaves the page and comes back to it from the back/forward cache.
 * @param {import("playwright-core").Page} page @param {() => Promise<unknown>} [meanwhile] */
async function leaveAndReturn(page, meanwhile) {
  await page.evaluate(() =>
    addEventListener("pageshow", (event) => {
      document.title = event.persisted ? "back" : "anew";
    }));
  await page.goto(new URL("/other", page.url()).href);
  await meanwhile?.();
  await page.goBack({ waitUntil: "commit" });
  await page.waitForFunction(() => document.title === "back");
}

test("a page from the back/forward cache asks again and fills its fields anew", async (t) => {
  const { site, page, land, filled, bodies, errors } = await visit(t);
  await land(QUERY);
  await filled("tlc_landed");
  await leaveAndReturn(page);
  await filled("tlc_me");
  assert.deepEqual(bodies(), [LANDING, null]);
  assert.equal(site.seen[1]?.path, "/tl/me");
  assert.deepEqual(errors, []);
});

test("a withdrawal on another page is obeyed by the one that comes back", async (t) => {
  let withdrawn = false;
  const { page, land, filled, consent, token, bodies } = await visit(t, {
    answer: (seen) => {
      if (seen.body || !withdrawn) return productAnswer(seen);
      return { json: { t: null, c: "code" } };
    },
  });
  await land(QUERY);
  await consent("full");
  await filled("tlc_full");
  await leaveAndReturn(page, async () => (withdrawn = true));
  await filled("");
  assert.equal(await token(), null);
  await page.evaluate(() => history.pushState(null, "", "/?fbclid=2&tl=tlc_new"));
  await filled("tlc_landed");
  assert.deepEqual(bodies().at(-1), { n: "land", t: "tlc_new" }, "it asks for nothing again");
});

test("where nothing is stored, the token of the page's memory survives the cache", async (t) => {
  const { page, land, filled, token } = await visit(t, {
    answer: (seen) => (seen.body ? productAnswer(seen) : { json: { t: null, c: "code" } }),
  });
  await land(QUERY);
  await filled("tlc_landed");
  await leaveAndReturn(page);
  assert.equal(await token(), "tlc_landed");
  await filled("tlc_landed");
});

test("a page that nobody asked for a token asks for none when it comes back", async (t) => {
  const { site, page, land, barrier } = await visit(t, { page: html("", FULL_TAG) });
  await land("?fbclid=1");
  await leaveAndReturn(page);
  await barrier();
  assert.deepEqual(site.seen, []);
});
