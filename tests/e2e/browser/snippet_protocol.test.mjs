/**
 * How the snippet learns of a landing and of a decision, and what the page sees of the answer:
 * other parameters, the gateway's header, partner names, foreign words for consent, early calls.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { productAnswer } from "../support/page_server.mjs";
import {
  FIELD, FORM, FULL_TAG, QUERY, TAG, html, openBrowser, withData,
} from "../support/page_visitor.mjs";

/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

/** @type {typeof browser.visit} */
const visit = (t, options) => browser.visit(t, options);

/** An answer that the test gives when it wants to. */
function held() {
  /** @type {(value?: unknown) => void} */
  let release = () => {};
  const wait = new Promise((resolve) => (release = resolve));
  return { wait, release: () => release() };
}

const TIMING = { "/": { "server-timing": 'db;dur=5, tl;desc="tlc_header", x;desc="tlc_no"' } };

test("the token's parameter has the name that the tag says", async (t) => {
  const page = html(FORM, withData(TAG, 'data-param="click"'));
  const { land, filled, bodies } = await visit(t, { page });
  await land("?tl=tlc_other&click=tlc_url&xclick=tlc_no");
  await filled("tlc_landed");
  assert.deepEqual(bodies(), [{ n: "land", t: "tlc_url" }]);
});

test("without a token in the URL the one that came with the page counts", async (t) => {
  const { land, filled, bodies } = await visit(t, { headers: TIMING });
  await land("?via=anna");
  await filled("tlc_landed");
  assert.deepEqual(bodies(), [{ n: "land", t: "tlc_header" }]);
  await land("?tl=tlc_url");
  await filled("tlc_landed");
  assert.deepEqual(bodies()[1], { n: "land", t: "tlc_url" });
});

/** @type {[string, string, string | null][]} */
const partners = [
  ["?via=Anna", "", "Anna"],
  ["?x=1&ref=B%C3%A9a%20%26%20Co&y=2", "", "Béa & Co"],
  ["?ref=second&via=first", "", "first"],
  ["?via=&ref=second", "", "second"],
  ["?via=anna&fpr=ben", 'data-via="fpr, via"', "ben"],
  ["?via=anna", 'data-via="fpr"', null],
  ["?via=anna", 'data-via=""', null],
];
for (const [query, attributes, via] of partners) {
  test(`${query} with ${attributes || "the default names"} lands as ${via}`, async (t) => {
    const { site, land, barrier, bodies } = await visit(t, {
      page: html("", withData(TAG, attributes)),
    });
    await land(query);
    await barrier();
    assert.deepEqual(site.seen.map((report) => report.via), via === null ? [] : [via]);
    if (via !== null) assert.deepEqual(bodies(), [{ n: "land" }]);
  });
}

test("a partner's landing gives its token to the fields; an unknown one gives none", async (t) => {
  const answer = /** @type {typeof productAnswer} */ ((seen) =>
    seen.body ? productAnswer(seen) : { json: { t: null, c: "code" } });
  const { page, land, filled, token } = await visit(t, { answer });
  await land("?via=anna");
  await filled("tlc_via_anna");
  await land("?via=nobody");
  assert.equal(await token(), null);
  assert.equal(await page.inputValue(FIELD), "");
});

/** @type {[unknown, string][]} */
const words = [
  ["CFaaaaaa.YAAAAAAAAAAA", "full"],
  ["G110", "full"],
  [{ ad_storage: "granted", analytics_storage: "denied" }, "full"],
  ["CDaaaaaa.YAAAAAAAAAAA", "code"],
  ["G100", "code"],
  [{ ad_storage: "denied" }, "code"],
];
for (const [said, rung] of words) {
  test(`${JSON.stringify(said)} goes out as it is, click IDs only if granted`, async (t) => {
    const { land, filled, consent, token, bodies } = await visit(t);
    await land(QUERY);
    await filled("tlc_landed");
    await consent(said);
    assert.equal(await token(), `tlc_${rung}`);
    const reports = [{ n: "consent", s: said, t: "tlc_landed" }];
    const ids = { n: "consent", s: "full", t: "tlc_full", q: QUERY };
    assert.deepEqual(bodies().slice(1), rung === "full" ? [...reports, ids] : reports);
  });
}

test("foreign words send no click IDs under Global Privacy Control, nor where none are", async (t) => {
  const { page, land, consent, token, bodies } = await visit(t);
  await land();
  await consent("G110");
  assert.equal(await token(), "tlc_full");
  assert.equal(bodies().filter((body) => body?.n === "consent").length, 1);
  await page.addInitScript(() =>
    Object.defineProperty(navigator, "globalPrivacyControl", { value: true }));
  await land(QUERY);
  await consent("G110");
  await token();
  assert.deepEqual(bodies().filter((body) => body?.q), []);
});

test("a withdrawal hides the token at once, whatever is still under way", async (t) => {
  const landing = held();
  const withdrawal = held();
  const { site, page, land, filled } = await visit(t, {
    answer: async (seen) => {
      await (seen.body?.n === "land" ? landing : withdrawal).wait;
      return /** @type {any} */ (productAnswer(seen));
    },
  });
  await land(QUERY);
  await filled("tlc_url");
  await site.arrived(1);
  const values = await page.evaluate((selector) => {
    const value = () => /** @type {HTMLInputElement} */ (document.querySelector(selector)).value;
    const before = value();
    window.tl?.consent("code");
    return [before, value()];
  }, FIELD);
  assert.deepEqual(values, ["tlc_url", ""]);
  landing.release();
  await site.arrived(2);
  assert.equal(await page.inputValue(FIELD), "", "the landing's late answer shows nothing");
  withdrawal.release();
  await filled("tlc_code");
});

test("words that the server has yet to read hide the token until it has", async (t) => {
  const decision = held();
  const { site, page, land, filled } = await visit(t, {
    answer: async (seen) => {
      if (seen.body?.n === "consent") await decision.wait;
      return /** @type {any} */ (productAnswer(seen));
    },
  });
  await land(QUERY);
  await filled("tlc_landed");
  await page.evaluate(() => void window.tl?.consent({ ad_storage: "denied" }));
  await filled("");
  await site.arrived(2);
  decision.release();
  await filled("tlc_code");
});

test("a page rendered with a refusal shows no token of the URL", async (t) => {
  const page = html(FORM, withData(TAG, 'data-consent="code"'));
  const { page: tab, site, land, token } = await visit(t, { page, answer: () => ({ status: 503 }) });
  await land(QUERY);
  await site.arrived(1);
  assert.equal(await token(), null);
  assert.equal(await tab.inputValue(FIELD), "");
});

test("partner and offer reach the page, with an event when they are new", async (t) => {
  const early = `<script>
    window.news = [];
    document.addEventListener("tl", () => news.push([tl.partner, tl.offer]));
  </script>`;
  const { page, land, filled, consent } = await visit(t, {
    page: html(FORM, early + TAG),
    answer: (seen) => {
      const answer = /** @type {any} */ (productAnswer(seen));
      return seen.body?.s === "code" ? { json: { t: null, c: "code" } } : answer;
    },
  });
  await land(QUERY);
  await filled("tlc_landed");
  await consent("full");
  await consent("code");
  const news = await page.evaluate(() => [/** @type {any} */ (window).news, window.tl?.partner]);
  // JSON has no undefined: the withdrawal took both away.
  assert.deepEqual(news, [[["Anna", { percent: 10 }], [undefined, undefined]], undefined]);
});

for (const tag of [TAG, FULL_TAG]) {
  test(`calls from before ${tag} are done, and later ones at once`, async (t) => {
    const early = `<script>
      window.tlq = window.tlq || [];
      tlq.push(["consent", "session"], ["nothing"], null, 7, ["partner"]);
    </script>`;
    const { page, land, filled, errors, bodies } = await visit(t, {
      page: html(FORM, early + tag),
    });
    await land(QUERY);
    await filled("tlc_session");
    await page.evaluate(() => void /** @type {any} */ (window).tlq.push(["consent", "full"], []));
    await filled("tlc_full");
    assert.deepEqual(bodies(), [
      { n: "land", t: "tlc_url", s: "session", q: QUERY },
      { n: "consent", s: "session", t: "tlc_landed", q: QUERY },
      { n: "consent", s: "full", t: "tlc_session", q: QUERY },
    ]);
    assert.deepEqual(errors, []);
  });
}

const OWN = "<script>var tl = { play() {} };</script>";
for (const [first, second] of [[TAG, FULL_TAG], [FULL_TAG, TAG], [FULL_TAG, FULL_TAG]]) {
  for (const own of ["", OWN]) {
    test(`${own} ${first} and ${second} run once`, async (t) => {
      const { page, land, filled, barrier, sent, errors } = await visit(t, {
        page: html(FORM, own + first + second),
      });
      await land(QUERY);
      await filled("tlc_landed");
      await page.evaluate(() => /** @type {any} */ (window).tlq.push(["consent", "full"]));
      await filled("tlc_full");
      await barrier();
      assert.deepEqual(sent, ["POST /tl/e", "POST /tl/e"]);
      assert.deepEqual(errors, []);
    });
  }
}
