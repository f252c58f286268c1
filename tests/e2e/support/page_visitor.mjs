/** A visitor of a shop's page in a real browser, and everything that their page sends. */
import { launch } from "./browser.mjs";
import { startPageServer } from "./page_server.mjs";
import { bundleScript } from "../../../tools/snippet.mjs";

export const TAG = '<script src="/tl/tl.js" defer></script>';
export const FULL_TAG = '<script src="/tl/full.js" defer></script>';
export const FORM =
  '<form method="post" action="/order"><input name="tl_token"><button>Buy</button></form>';
export const QUERY = "?utm_source=anna&fbclid=IwAR1&tl=tlc_url";
export const FIELD = "input[name=tl_token]";

/** @param {string} body @param {string} [tag] */
export const html = (body, tag = TAG) => `<!doctype html><title>Shop</title>${tag}${body}`;

/** @param {string} tag @param {string} attributes */
export const withData = (tag, attributes) => tag.replace(" defer", ` defer ${attributes}`);

/**
 * @typedef {Partial<Parameters<typeof startPageServer>[0]> & { page?: string,
 *   init?: () => void }} VisitOptions `page` is the site's only page unless `pages` has more;
 *   `init` runs in each page before its own scripts
 */

/**
 * A browser with visitors. SNIPPET=full serves the full script in the core's place.
 * @param {import("playwright-core").LaunchOptions} [options]
 */
export async function openBrowser(options) {
  const browser = await launch(options);
  const full = await bundleScript("full");
  const snippet = process.env.SNIPPET === "full" ? full : await bundleScript("core");

  /**
   * A visitor (a fresh browser context) at a site. `sent` is every request that the page made to
   * the product, as `METHOD path`; `errors` every uncaught error and rejection of the page.
   * @param {import("node:test").TestContext} t
   * @param {VisitOptions} [options]
   */
  async function visit(t, { page: body = html(FORM), init, pages, ...options } = {}) {
    const site = await startPageServer({ snippet, full, pages: { "/": body, ...pages }, ...options });
    const context = await browser.newContext();
    context.setDefaultTimeout(10_000);
    t.after(async () => {
      await context.close();
      await site.stop();
    });
    if (init) await context.addInitScript(init);
    const page = await context.newPage();
    /** @type {string[]} */
    const errors = [];
    /** @type {string[]} */
    const sent = [];
    context.on("weberror", (error) => errors.push(String(error.error())));
    context.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (/\/(e|me)$/.test(pathname)) sent.push(`${request.method()} ${pathname}`);
    });
    return {
      site,
      context,
      page,
      errors,
      sent,
      /** @param {string} [query] */
      land: (query = "") => page.goto(`${site.url}/${query}`),
      /** @param {unknown} decision */
      consent: (decision) =>
        page.evaluate((said) => window.tl?.consent(/** @type {any} */ (said)), decision),
      token: () => page.evaluate(() => window.tl?.token()),
      /** Waits until the field holds the value. @param {string} value @param {string} [field] */
      filled: (value, field = FIELD) =>
        page.waitForFunction(
          ([selector, wanted]) => {
            const input = /** @type {HTMLInputElement | null} */ (document.querySelector(selector));
            return input?.value === wanted;
          },
          /** @type {[string, string]} */ ([field, value]),
        ),
      /** After this everything that the page had begun to send is in `sent`. */
      barrier: () => page.evaluate(async () => void (await fetch("/barrier"))),
      /** The bodies that the product has received, in order. */
      bodies: () => site.seen.map(({ body }) => body),
    };
  }

  return { visit, close: () => browser.close() };
}
