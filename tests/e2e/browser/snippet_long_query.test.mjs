/** A stranger's query costs the page time in proportion to its length, however it is made. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FORM, FULL_TAG, html, openBrowser } from "../support/page_visitor.mjs";

/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

for (const part of ["&", "?", "&tl=", "&tl=tlc_&", "&via=", "&via=&"]) {
  test(`${part} over and over is read in linear time`, async (t) => {
    const { page, land, filled, errors } = await browser.visit(t, { page: html(FORM, FULL_TAG) });
    await land("?tl=tlc_url");
    await filled("tlc_landed");
    // The script reads each new address before `replaceState` returns. The best of a few: what
    // else the machine does only adds to it.
    const took = (/** @type {number} */ bytes) => page.evaluate(([text, length]) => {
      const query = `?x=1${text.repeat(length / text.length)}`;
      let best = Infinity;
      for (let round = 0; round < 5; round += 1) {
        const start = performance.now();
        history.replaceState(null, "", `${query}&round=${round}`);
        best = Math.min(best, performance.now() - start);
      }
      return best;
    }, /** @type {const} */ ([part, bytes]));
    const [once, twice] = [await took(16_000), await took(32_000)];
    assert.ok(once < 50, `16,000 bytes took ${once} ms`);
    assert.ok(twice < 3 * Math.max(once, 2), `${once} ms, twice the length ${twice} ms`);
    assert.deepEqual(errors, []);
  });
}
