/**
 * A page that Chromium really prerenders, by speculation rules. Playwright turns prerendering off,
 * so this one test drives the browser with Puppeteer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import puppeteer from "puppeteer-core";
import { bundleScript } from "../../../tools/snippet.mjs";
import { chromePath } from "../support/browser.mjs";
import { startPageServer } from "../support/page_server.mjs";
import { FORM, TAG, html } from "../support/page_visitor.mjs";

const NEXT = "/next?via=anna&tl=tlc_next";
const RULES = { prerender: [{ urls: [NEXT], eagerness: "immediate" }] };

/** The page tells by itself: Puppeteer loses sight of a page that takes the place of another. */
const RAN = `
  const early = document.prerendering;
  fetch("/ran");
  document.addEventListener("tl", () => setTimeout(() =>
    fetch("/filled?" + [early, document.querySelector("input").value])));
`;

test("a prerendered landing is reported when the visitor sees it, not before", async (t) => {
  const tag = `${TAG}<script src="/ran.js" defer></script>`;
  const site = await startPageServer({
    snippet: await bundleScript("core"),
    pages: {
      "/": html(`<script type="speculationrules">${JSON.stringify(RULES)}</script>
        <a href="${NEXT}">Next</a>`, ""),
      "/next": html(FORM, tag),
    },
    files: { "/ran.js": RAN },
  });
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await puppeteer.launch({ executablePath: chromePath(), headless: true, args });
  t.after(async () => {
    await browser.close();
    await site.stop();
  });
  const page = await browser.newPage();
  await page.goto(site.url);
  await site.reached("/ran");
  assert.deepEqual(site.seen, []);
  await Promise.all([site.arrived(1), page.click("a")]);
  assert.deepEqual(site.seen.map(({ body }) => body), [{ n: "land", t: "tlc_next" }]);
  await site.reached("/filled?true,tlc_landed");
});
