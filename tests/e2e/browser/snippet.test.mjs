/** The snippet in a real browser: what it sends, what it never sends, and what it fills in. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { productAnswer } from "../support/page_server.mjs";
import {
  FIELD, FORM, QUERY, TAG, html, openBrowser, withData,
} from "../support/page_visitor.mjs";

const GRANTED_TAG = withData(TAG, 'data-consent="full"');

/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

/** @type {typeof browser.visit} */
const visit = (t, options) => browser.visit(t, options);

test("a landing is reported once, without click IDs while nobody has consented", async (t) => {
  const { site, land, filled, barrier, sent, errors } = await visit(t);
  await land(QUERY);
  await filled("tlc_landed");
  await barrier();
  assert.deepEqual(sent, ["POST /tl/e"]);
  const [report] = site.seen;
  assert.deepEqual(report?.body, { n: "land", t: "tlc_url" });
  assert.match(report?.type ?? "", /^text\/plain\b/);
  assert.deepEqual(errors, []);
});

for (const state of ["full", "session"]) {
  test(`a page that declares ${state} sends the landing query with the landing`, async (t) => {
    const page = html(FORM, GRANTED_TAG.replace("full", state));
    const { site, land, filled } = await visit(t, { page });
    await land(QUERY);
    await filled("tlc_landed");
    assert.deepEqual(site.seen[0]?.body, { n: "land", t: "tlc_url", s: state, q: QUERY });
  });
}

test("a page that declares code only says so and sends no click IDs", async (t) => {
  const page = html(FORM, GRANTED_TAG.replace("full", "code"));
  const { site, land, filled } = await visit(t, { page });
  await land(QUERY);
  await filled("tlc_landed");
  assert.deepEqual(site.seen[0]?.body, { n: "land", t: "tlc_url", s: "code" });
});

test("a grant posts the token and the landing query, a withdrawal only the token", async (t) => {
  const { site, page, land, consent, token } = await visit(t);
  await land(QUERY);
  await consent("full");
  assert.equal(await page.inputValue(FIELD), "tlc_full");
  await consent("code");
  assert.equal(await page.inputValue(FIELD), "tlc_code");
  assert.equal(await token(), "tlc_code");
  assert.deepEqual(site.seen.map((request) => request.body), [
    { n: "land", t: "tlc_url" },
    { n: "consent", s: "full", t: "tlc_landed", q: QUERY },
    { n: "consent", s: "code", t: "tlc_full" },
  ]);
  assert.equal(site.seen[2]?.cookie, "__Host-tl=sealed", "requests carry the site's own cookie");
});

test("a decision waits for the landing's answer", async (t) => {
  /** @type {(value?: unknown) => void} */
  let release = () => {};
  const held = new Promise((resolve) => (release = resolve));
  const { site, land, consent, barrier, sent, filled } = await visit(t, {
    answer: async (seen) => {
      if (seen.body?.n === "land") await held;
      return /** @type {any} */ (productAnswer(seen));
    },
  });
  await land(QUERY);
  await filled("tlc_url");
  await site.arrived(1);
  const decided = consent("session");
  await barrier();
  assert.deepEqual(sent, ["POST /tl/e"], "nothing overtakes the landing");
  release();
  await decided;
  assert.deepEqual(site.seen[1]?.body, { n: "consent", s: "session", t: "tlc_landed", q: QUERY });
});

test("a withdrawal overtakes a grant that is still waiting", async (t) => {
  const { site, page, land } = await visit(t);
  await land(QUERY);
  await page.evaluate(() => Promise.all([window.tl?.consent("full"), window.tl?.consent("code")]));
  const sent = site.seen.slice(1).map(({ body }) => [body?.s, body?.q]);
  assert.ok(sent.length > 0);
  for (const report of sent) assert.deepEqual(report, ["code", undefined]);
});

test("a withdrawal drops the token even when the server fails", async (t) => {
  const { page, land, filled, consent, token } = await visit(t, {
    answer: (seen) => (seen.body?.n === "consent" ? { status: 503 } : productAnswer(seen)),
  });
  await land(QUERY);
  await filled("tlc_landed");
  await consent("code");
  assert.equal(await page.inputValue(FIELD), "");
  assert.equal(await token(), null);
});

test("an answer without a token empties the fields", async (t) => {
  const answer = () => ({ json: { t: null, c: "code" } });
  const { land, page, consent } = await visit(t, { answer });
  await land(QUERY);
  await consent("session");
  assert.equal(await page.inputValue(FIELD), "");
});

test("without a token in the URL and without a field nothing is sent", async (t) => {
  const { land, barrier, sent } = await visit(t, { page: html("<p>Hello", GRANTED_TAG) });
  for (const query of ["", "?utm_source=x&fbclid=y", "?tl=other", "?xtl=tlc_a", "?tl="]) {
    await land(query);
    await barrier();
  }
  assert.deepEqual(sent, []);
});

test("a field without a token in the URL asks /tl/me and nothing else", async (t) => {
  const { land, filled, barrier, token, sent } = await visit(t);
  await land();
  await filled("tlc_me");
  assert.equal(await token(), "tlc_me");
  await barrier();
  assert.deepEqual(sent, ["GET /tl/me"]);
});

test("token() asks /tl/me once, and the landing's token needs no asking", async (t) => {
  const { land, token, barrier, sent } = await visit(t, { page: html("") });
  await land();
  assert.equal(await token(), "tlc_me");
  assert.equal(await token(), "tlc_me");
  await land(QUERY);
  assert.equal(await token(), "tlc_landed");
  await barrier();
  assert.deepEqual(sent, ["GET /tl/me", "POST /tl/e"]);
});

test("without a token in the URL a decision still goes out", async (t) => {
  const { site, land, consent, token } = await visit(t, { page: html("") });
  await land("?gclid=1");
  await consent("full");
  assert.deepEqual(site.seen[0]?.body, { n: "consent", s: "full", t: null, q: "?gclid=1" });
  assert.equal(await token(), "tlc_full");
  assert.equal(site.seen.length, 1);
});

test("a form that was added later is filled when the visitor enters or submits it", async (t) => {
  const { site, page, land, filled } = await visit(t, { page: html("<main></main>") });
  /** @param {string} form */
  const add = (form) => page.$eval("main", (main, inner) => void (main.innerHTML = inner), form);
  await land();
  await add(FORM);
  await page.focus("button");
  await filled("tlc_me");
  await add(FORM);
  await page.$eval("form", (form) => /** @type {HTMLFormElement} */ (form).requestSubmit());
  await page.waitForURL("**/order");
  assert.equal(site.forms[0]?.text, "tl_token=tlc_me");
});

test("a script that runs before the field exists fills it when the page has loaded", async (t) => {
  const { land, filled } = await visit(t, { page: html(FORM, TAG.replace(" defer", "")) });
  await land();
  await filled("tlc_me");
});

test("a failing server is not asked again at each focus", async (t) => {
  const { page, land, barrier, token, sent } = await visit(t, { answer: () => ({ status: 500 }) });
  await land();
  assert.equal(await token(), null);
  await page.focus(FIELD);
  await page.focus("button");
  assert.equal(await token(), null);
  await barrier();
  assert.deepEqual(sent, ["GET /tl/me"]);
});

test("a form goes out while the token is still unknown", async (t) => {
  const { site, page, land } = await visit(t, { answer: () => "hang" });
  await land();
  await site.arrived(1);
  await page.click("button");
  await page.waitForURL("**/order");
  assert.equal(site.forms[0]?.text, "tl_token=");
});

test("the script runs once however often it is loaded", async (t) => {
  const { land, filled, barrier, sent, errors } = await visit(t, { page: html(FORM, TAG + TAG) });
  await land(QUERY);
  await filled("tlc_landed");
  await barrier();
  assert.deepEqual(sent, ["POST /tl/e"]);
  assert.deepEqual(errors, []);
});

test("a page's own `tl` is left alone and the landing still counts", async (t) => {
  const page = html(FORM, `<script>var tl = { play() {} };</script>${TAG}`);
  const { page: tab, land, filled, errors } = await visit(t, { page });
  await land(QUERY);
  await filled("tlc_landed");
  assert.equal(await tab.evaluate(() => Object.keys(window.tl ?? {}).join()), "play");
  assert.deepEqual(errors, []);
});

/** @type {[string, import("../support/page_server.mjs").Responder][]} */
const failures = [
  ["answers 500", () => ({ status: 500, json: { t: "tlc_bad" } })],
  ["cuts the connection", () => "cut"],
  ["answers another JSON", () => ({ json: {} })],
  ["answers no object", () => ({ json: null })],
];
for (const [what, answer] of failures) {
  test(`a server that ${what} is no error of the page and blocks no form`, async (t) => {
    const { site, page, land, consent, token, errors } = await visit(t, { answer });
    await land();
    assert.equal(await token(), null);
    await land(QUERY);
    await consent("full");
    assert.equal(await token(), "tlc_url", "the landing's token stays");
    await page.click("button");
    await page.waitForURL("**/order");
    assert.equal(site.forms[0]?.text, "tl_token=tlc_url");
    assert.deepEqual(errors, []);
  });
}

test("a refused connection is no error of the page", async (t) => {
  const { site, page, land, consent, token, errors } = await visit(t, { page: html("") });
  await land();
  await site.stop();
  await consent("full");
  assert.equal(await token(), null);
  await page.evaluate(() => dispatchEvent(new Event("submit")));
  assert.deepEqual(errors, []);
});

test("a stalled answer is given up after ten seconds", { timeout: 20_000 }, async (t) => {
  const init = () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    // Only the landing's ten seconds pass quickly.
    AbortSignal.timeout = (ms) => {
      AbortSignal.timeout = timeout;
      return timeout(ms === 10_000 ? 200 : 60_000);
    };
  };
  const { site, land, consent, token } = await visit(t, {
    init,
    answer: (seen) => (seen.body?.n === "land" ? "hang" : productAnswer(seen)),
  });
  await land(QUERY);
  await consent("full");
  assert.equal(site.seen[1]?.body?.t, "tlc_url");
  assert.equal(await token(), "tlc_full");
});

test("a strict content security policy needs no exception", async (t) => {
  const { page, land, filled, errors } = await visit(t, {
    csp:
      "default-src 'none'; script-src 'self'; connect-src 'self'; " +
      "require-trusted-types-for 'script'",
    files: {
      "/shop.js": `addEventListener("securitypolicyviolation", () => { document.title = "No"; });`,
    },
    page: html(FORM, `<script src="/shop.js"></script>${TAG}`),
  });
  await land(QUERY);
  await filled("tlc_landed");
  assert.equal(await page.title(), "Shop");
  assert.deepEqual(errors, []);
});

test("the browser stores nothing that a script could read", async (t) => {
  const { page, land, consent, filled } = await visit(t);
  await land(QUERY);
  await filled("tlc_landed");
  for (const state of ["session", "full"]) {
    await consent(state);
    const stored = await page.evaluate(async () => [
      document.cookie,
      localStorage.length,
      sessionStorage.length,
      (await indexedDB.databases()).length,
      (await caches.keys()).length,
      window.name,
    ]);
    assert.deepEqual(stored, ["", 0, 0, 0, 0, ""]);
  }
});

test("under Global Privacy Control no click ID leaves the page", async (t) => {
  const { site, land, consent } = await visit(t, {
    page: html(FORM, GRANTED_TAG),
    init: () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }),
  });
  await land(QUERY);
  await consent("full");
  assert.deepEqual(site.seen.map((request) => request.body), [
    { n: "land", t: "tlc_url", s: "full" },
    { n: "consent", s: "full", t: "tlc_landed" },
  ]);
});

test("a prerendered page sends nothing before it is activated", async (t) => {
  const { site, page, land, filled, barrier, sent } = await visit(t, {
    init: () => Object.defineProperty(document, "prerendering", { value: true }),
  });
  await land(QUERY);
  await filled("tlc_url");
  await page.evaluate(() => void window.tl?.consent("full"));
  await barrier();
  assert.deepEqual(sent, []);
  await page.evaluate(() => document.dispatchEvent(new Event("prerenderingchange")));
  await filled("tlc_full");
  assert.deepEqual(
    site.seen.map(({ body }) => [body?.n, body?.q]),
    [["land", QUERY], ["consent", QUERY]],
  );
});

test("the landing query survives a page that cleans its URL afterwards", async (t) => {
  const page = html(FORM, `${TAG}<script src="/clean.js" defer></script>`);
  const files = { "/clean.js": `history.replaceState(null, "", "/")` };
  const { page: tab, site, land, consent } = await visit(t, { page, files });
  await land(QUERY);
  assert.equal(new URL(tab.url()).search, "");
  await consent("full");
  assert.equal(site.seen[1]?.body?.q, QUERY);
});

test("the newest token of the URL counts, and a long query ends between parameters", async (t) => {
  const { site, land, consent } = await visit(t);
  const short = `?tl=tlc_old&a=${"x".repeat(3000)}`;
  await land(`${short}&b=${"y".repeat(3000)}&tl=tlc_new`);
  await consent("full");
  assert.deepEqual(site.seen[0]?.body, { n: "land", t: "tlc_new" });
  assert.equal(site.seen[1]?.body?.q, short);
  assert.ok((site.seen[1]?.text.length ?? 0) < 8192);
});

test("the mount point follows the script's address", async (t) => {
  const { land, filled, sent } = await visit(t, {
    mount: "/shop/partners",
    page: html(FORM, '<script src="shop/partners/tl.js?v=1/2" defer></script>'),
  });
  await land(QUERY);
  await filled("tlc_landed");
  assert.deepEqual(sent, ["POST /shop/partners/e"]);
});

for (const how of ["async", "type=module"]) {
  test(`the script also works as ${how}`, async (t) => {
    const page = html(FORM, TAG.replace("defer", how));
    const { land, filled, errors } = await visit(t, { page });
    await land(QUERY);
    await filled("tlc_landed");
    assert.deepEqual(errors, []);
  });
}
