/** Single-page navigation, with the Navigation API and without, and the clean address bar. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FORM, FULL_TAG, QUERY, html, openBrowser, withData } from "../support/page_visitor.mjs";

/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

const withoutApi = () => Object.defineProperty(window, "navigation", { value: undefined });
const ROUTER = `<script>
  window.states = [];
  window.go = (method, url) => states.push(history[method]({ at: url }, "", url), history.state.at) && undefined;
</script>`;

for (const [how, init] of /** @type {const} */ ([["with", undefined], ["without", withoutApi]])) {
  /** @param {import("node:test").TestContext} t @param {string} [attributes] */
  const visit = async (t, attributes = "") => {
    const visitor = await browser.visit(t, {
      page: html(FORM, ROUTER + withData(FULL_TAG, attributes)),
      ...(init && { init }),
    });
    /** @param {"pushState" | "replaceState"} method @param {string} url */
    const go = (method, url) =>
      visitor.page.evaluate(([name, to]) => /** @type {any} */ (window).go(name, to), [method, url]);
    return { ...visitor, go };
  };

  test(`${how} the API a new token in the URL is a new landing, once`, async (t) => {
    const { page, land, filled, go, consent, token, bodies, errors } = await visit(t);
    await land(QUERY);
    await filled("tlc_landed");
    await go("pushState", "/tea?tl=tlc_url&page=2");
    await go("pushState", "/tea?page=3");
    await token();
    assert.equal(bodies().length, 1, "the router kept the token, then dropped it");
    await go("pushState", "/?gclid=2&tl=tlc_second");
    await go("replaceState", "/?gclid=2&tl=tlc_second#top");
    await filled("tlc_landed");
    await page.goBack();
    await page.goForward();
    await consent("full");
    assert.deepEqual(bodies(), [
      { n: "land", t: "tlc_url" },
      { n: "land", t: "tlc_second" },
      { n: "consent", s: "full", t: "tlc_landed", q: "?gclid=2&tl=tlc_second" },
    ]);
    assert.deepEqual(errors, []);
  });

  test(`${how} the API the landing's query outlives the routes after it`, async (t) => {
    const { land, go, consent, bodies } = await visit(t);
    await land(QUERY);
    await go("replaceState", "/checkout?step=2");
    await consent("session");
    assert.deepEqual(bodies().at(-1), { n: "consent", s: "session", t: "tlc_landed", q: QUERY });
  });

  test(`${how} the API a partner in the URL is a landing, but not the one before`, async (t) => {
    const { site, land, filled, go, token } = await visit(t);
    await land("?tl=tlc_url&via=anna");
    await filled("tlc_landed");
    await go("replaceState", "/?via=anna");
    await go("pushState", "/tea?via=anna&page=2");
    await token();
    assert.equal(site.seen.length, 1);
    await go("pushState", "/tea?via=ben");
    await filled("tlc_via_ben");
    await go("pushState", "/tea?via=ben&page=2");
    await token();
    assert.deepEqual(site.seen.map(({ via }) => via), [null, "ben"]);
  });

  test(`${how} the API a landing after a withdrawal shows nothing of its own`, async (t) => {
    const { page, land, consent, go, filled, bodies } = await visit(t);
    await land(QUERY);
    await consent("code");
    await filled("tlc_code");
    await go("pushState", "/?fbclid=2&tl=tlc_next");
    await filled("tlc_landed");
    assert.deepEqual(bodies().at(-1), { n: "land", t: "tlc_next", s: "code" });
    assert.ok(page);
  });

  test(`${how} the API the router's calls do what they did`, async (t) => {
    const { page, land, filled, go, errors } = await visit(t);
    await land(QUERY);
    await filled("tlc_landed");
    await go("pushState", "/a?x=1");
    await go("replaceState", "/b");
    const states = await page.evaluate(() => /** @type {any} */ (window).states);
    assert.deepEqual(states, [undefined, "/a?x=1", undefined, "/b"]);
    const refused = await page.evaluate(() => {
      try {
        history.pushState(null, "", "https://elsewhere.example/");
        return "";
      } catch (error) {
        return /** @type {Error} */ (error).name;
      }
    });
    assert.equal(refused, "SecurityError");
    assert.equal(new URL(page.url()).pathname, "/b");
    assert.deepEqual(errors, []);
  });

  /** @type {[string, string][]} */
  const addresses = [
    ["?tl=tlc_url", ""],
    ["?tl=tlc_url#a?tl=tlc_b", "#a?tl=tlc_b"],
    ["?tl=tlc_url&x=%20+&y", "?x=%20+&y"],
    ["?x=1&tl=tlc_url", "?x=1"],
    ["?x=1&tl=tlc_url&y=%C3%A9&x=2#end", "?x=1&y=%C3%A9&x=2#end"],
    ["?tl=tlc_old&tl=tlc_url&z", "?z"],
    ["?xtl=tlc_a&tl=other&tl=tlc_url", "?xtl=tlc_a&tl=other"],
  ];
  for (const [before, after] of addresses) {
    test(`${how} the API data-clean makes ${after || "nothing"} of ${before}`, async (t) => {
      const { page, land, filled, go, token, bodies } = await visit(t, "data-clean");
      await land(before);
      await filled("tlc_landed");
      const { search, hash } = new URL(page.url());
      assert.equal(search + hash, after);
      await go("pushState", `/next${before.replace("tlc_url", "tlc_next")}`);
      await token();
      assert.ok(page.url().endsWith(`/next${after}`), page.url());
      const state = await page.evaluate(() => history.state);
      assert.deepEqual(state, { at: `/next${before.replace("tlc_url", "tlc_next")}` });
      assert.deepEqual(bodies().map((body) => body?.t), ["tlc_url", "tlc_next"]);
    });
  }
}

test("without data-clean the address stays as it is", async (t) => {
  const { page, land, filled } = await browser.visit(t, { page: html(FORM, FULL_TAG) });
  await land(QUERY);
  await filled("tlc_landed");
  assert.equal(new URL(page.url()).search, QUERY);
});
