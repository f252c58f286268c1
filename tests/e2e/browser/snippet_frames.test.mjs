/** Frames: what the other site is asked for, how often, and that nothing else in the page changes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { productAnswer } from "../support/page_server.mjs";
import { FORM, FULL_TAG, QUERY, html, openBrowser, withData } from "../support/page_visitor.mjs";

/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

const TAG = withData(FULL_TAG, 'data-domains="pay.example"');
const PAY = "https://pay.example/book?day=1#top";
const CARRIED = "https://pay.example/book?day=1&tl=tlc_url#top";
const BUTTON = "<title>There</title><button>There</button>";

/**
 * A visitor whose frames of other sites hold a button; `framed` is what was asked for.
 * @param {import("node:test").TestContext} t @param {string} body
 * @param {Parameters<typeof browser.visit>[1]} [options]
 */
async function visit(t, body, options = {}) {
  const visitor = await browser.visit(t, { page: html(FORM + body, TAG), ...options });
  /** @type {string[]} */
  const framed = [];
  await visitor.context.route(/\/\/([^/]+\.)?example\//, async (route) => {
    framed.push(route.request().url());
    await route.fulfill({ contentType: "text/html", body: BUTTON }).catch(() => {});
  });
  const { page } = visitor;
  /** Waits until the first frame shows a page of this address. @param {string} url */
  const shows = async (url) => {
    const is = () => page.frames().some((frame) => frame.parentFrame() && frame.url() === url);
    while (!is()) await page.waitForEvent("framenavigated");
    await page.locator("iframe").first().contentFrame().locator("button").waitFor();
  };
  return { ...visitor, framed, shows };
}

/** What is left of an address in a request: no fragment. @param {string} url */
const asked = (url) => url.replace(/#.*/, "");

/** @param {any} seen a visitor of no partner */
const nobody = (seen) => (seen.body ? productAnswer(seen) : { json: { t: null, c: "session" } });

test("a frame that the page has is led to its address with the token, and stays what it was",
  async (t) => {
    const { page, land, shows, errors } = await visit(t, `<iframe src="${PAY}"></iframe>
      <script>window.first = document.querySelector("iframe").contentWindow</script>`);
    await land(QUERY);
    const entries = await page.evaluate(() => history.length);
    await shows(CARRIED);
    assert.equal(await page.getAttribute("iframe", "src"), PAY);
    assert.equal(await page.evaluate(() => history.length), entries);
    const same = () => /** @type {any} */ (window).first === window[0];
    assert.equal(await page.evaluate(same), true);
    assert.deepEqual(errors, []);
  });

test("a frame with data-tl-src is asked for once, with the token", async (t) => {
  const { page, land, shows, framed, filled } = await visit(t,
    `<iframe data-tl-src="${PAY}"></iframe>`);
  await land(QUERY);
  await shows(CARRIED);
  await filled("tlc_landed");
  assert.deepEqual(framed, [asked(CARRIED)]);
  assert.equal(await page.getAttribute("iframe", "data-tl-src"), null);
});

test("a frame with data-tl-src waits for the question, and without a token it loads as it is",
  async (t) => {
    const { land, shows, framed, sent } = await visit(t, `<iframe data-tl-src="${PAY}"></iframe>`,
      { answer: nobody });
    await land();
    await shows(PAY);
    assert.deepEqual(framed, [asked(PAY)]);
    assert.deepEqual(sent, ["GET /tl/me"]);
  });

test("a frame with data-tl-src loads when the product is away, and where no domain is named",
  async (t) => {
    const other = "https://other.example/x";
    const { page, land, shows, framed } = await visit(t,
      `<iframe data-tl-src="${PAY}"></iframe><iframe data-tl-src="${other}"></iframe>`,
      { answer: () => "cut" });
    await land();
    await shows(PAY);
    await page.waitForFunction((src) => document.querySelectorAll("iframe")[1]?.src === src, other);
    assert.deepEqual([...framed].sort(), [other, asked(PAY)]);
  });

test("a returning visitor's frame takes the token that the server knows", async (t) => {
  const { land, shows, sent } = await visit(t, `<iframe src="${PAY}"></iframe>`);
  await land();
  await shows("https://pay.example/book?day=1&tl=tlc_me#top");
  assert.deepEqual(sent, ["GET /tl/me"]);
});

/** @type {[string, (main: Element, src: string) => void][]} */
const additions = [
  ["as HTML", (main, src) => void (main.innerHTML = `<iframe src="${src}"></iframe>`)],
  ["and gets its address then", (main, src) => {
    const frame = document.createElement("iframe");
    main.append(frame);
    frame.src = src;
  }],
];
for (const [how, add] of additions) {
  test(`a frame that is added later ${how} is led to its address with the token`, async (t) => {
    const { page, land, shows, framed, filled } = await visit(t, "<main></main>");
    await land(QUERY);
    await filled("tlc_landed");
    await page.$eval("main", add, PAY);
    const carried = CARRIED.replace("tlc_url", "tlc_landed");
    await shows(carried);
    // Chromium may have begun with the first address. Its answer is never shown.
    assert.deepEqual(framed.filter((url) => url !== asked(PAY)), [asked(carried)]);
    assert.ok(framed.length <= 2);
    assert.equal(page.frames().length, 2);
  });
}

test("a lazy frame is still lazy, and is asked for with the token alone", async (t) => {
  const { page, land, shows, framed, filled, barrier } = await visit(t,
    `<p style="height: 9000px"></p><iframe loading="lazy" src="${PAY}"></iframe>`);
  await land(QUERY);
  await filled("tlc_landed");
  await barrier();
  assert.deepEqual(framed, []);
  await page.locator("iframe").scrollIntoViewIfNeeded();
  await shows(CARRIED);
  assert.deepEqual(framed, [asked(CARRIED)]);
});

test("frames of this host, of other domains and with a token of their own are left alone",
  async (t) => {
    const own = "https://pay.example/?tl=tlc_own";
    const { page, land, framed, filled, barrier, errors } = await visit(t, `
      <iframe src="${own}"></iframe><iframe src="https://other.example/"></iframe>
      <iframe src="/next"></iframe><iframe srcdoc="x"></iframe><iframe></iframe>
      <iframe src="https://["></iframe>`, { pages: { "/next": html("Next", "") } });
    await land(QUERY);
    await filled("tlc_landed");
    await barrier();
    assert.deepEqual([...framed].sort(), ["https://other.example/", own]);
    assert.equal(await page.locator("iframe").count(), 6);
    assert.deepEqual(errors, []);
  });

test("a frame that the visitor is in is not loaded again", async (t) => {
  /** @type {(value?: unknown) => void} */
  let release = () => {};
  const wait = new Promise((resolve) => (release = resolve));
  const { page, land, shows, framed, token } = await visit(t, `<iframe src="${PAY}"></iframe>`, {
    answer: async (seen) => {
      await wait;
      return /** @type {any} */ (productAnswer(seen));
    },
  });
  await land();
  await shows(PAY);
  await page.frameLocator("iframe").locator("button").click();
  release();
  assert.equal(await token(), "tlc_me");
  assert.deepEqual(framed, [asked(PAY)]);
});

test("a decision loads no frame again, and after a withdrawal none takes the old token",
  async (t) => {
    const { page, land, shows, framed, consent, filled } = await visit(t,
      `<iframe data-tl-src="${PAY}"></iframe><main></main>`);
    await land(QUERY);
    await shows(CARRIED);
    await consent("full");
    await filled("tlc_full");
    await page.evaluate((src) => {
      void window.tl?.consent("code");
      document.querySelector("main")?.insertAdjacentHTML("beforeend",
        `<iframe data-tl-src="${src}"></iframe>`);
    }, PAY);
    await filled("tlc_code");
    await page.waitForFunction(() => document.querySelectorAll("iframe")[1]?.src);
    const second = CARRIED.replace("tlc_url", "tlc_code");
    assert.equal(await page.getAttribute("main iframe", "src"), second);
    await page.frameLocator("main iframe").locator("button").waitFor();
    assert.deepEqual(framed, [asked(CARRIED), asked(second)]);
  });
