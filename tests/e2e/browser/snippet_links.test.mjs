/**
 * Links, forms and Stripe's elements: what the next site receives, what it must not, and that the
 * page is as it was before and after.
 */
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

const DOMAINS = 'data-domains="sister.example, pay.example sister.localhost"';
const TAG = withData(FULL_TAG, `${DOMAINS} data-stripe="buy.shop.example"`);
const STRIPE = "https://buy.stripe.com/abc";
const BUTTON = "stripe-buy-button";
const REFERENCE = "client-reference-id";

/**
 * A visitor whose navigations to other sites end in an empty page; `went` is where they led.
 * @param {import("node:test").TestContext} t @param {string} body
 * @param {Parameters<typeof browser.visit>[1] & { tag?: string }} [options]
 */
async function visit(t, body, { tag = TAG, ...options } = {}) {
  const visitor = await browser.visit(t, { page: html(body, tag), ...options });
  /** @type {string[]} */
  const went = [];
  await visitor.context.route(/\/\/([^/]+\.)?(example|stripe\.com)\//, async (route) => {
    went.push(route.request().url());
    await route.fulfill({ contentType: "text/html", body: "<title>There</title>" });
  });
  /** @param {string} value @param {string} [selector] */
  const hasReference = (value, selector = BUTTON) =>
    visitor.page.waitForFunction(
      ([name, element, wanted]) =>
        (document.querySelector(element ?? "")?.getAttribute(name ?? "") ?? "") === wanted,
      [REFERENCE, selector, value],
    );
  return { ...visitor, went, hasReference };
}

/** @type {[string, string][]} from the link to what is asked of the other site */
const links = [
  ["https://sister.example/", "https://sister.example/?tl=tlc_landed"],
  ["https://www.sister.example/a?b=%20+c&D=1#part?x=1",
    "https://www.sister.example/a?b=%20+c&D=1&tl=tlc_landed"],
  ["//pay.example/x#/route?y", "PAGE://pay.example/x?tl=tlc_landed"],
  ["https://sister.example/?tl=tlc_own", "https://sister.example/?tl=tlc_own"],
  ["https://notsister.example/", "https://notsister.example/"],
  ["https://sister.example.other.example/", "https://sister.example.other.example/"],
  ["https://example/", "https://example/"],
  [`${STRIPE}?prefilled_email=a%40b`, `${STRIPE}?prefilled_email=a%40b&client_reference_id=tlc_landed`],
  [`${STRIPE}?client_reference_id=own`, `${STRIPE}?client_reference_id=own`],
  ["https://buy.shop.example/x", "https://buy.shop.example/x?client_reference_id=tlc_landed"],
  ["https://js.stripe.com/x", "https://js.stripe.com/x"],
];
for (const [href, asked] of links) {
  test(`the link ${href} asks for ${asked}, and is as before`, async (t) => {
    const { page, land, filled, went, errors } = await visit(t,
      `${FORM}<a target="_blank" href="${href}"><b>There</b></a>`);
    await land(QUERY);
    await filled("tlc_landed");
    const [opened] = await Promise.all([page.context().waitForEvent("page"), page.click("b")]);
    await opened.waitForLoadState();
    assert.deepEqual(went, [asked.replace("PAGE:", "http:")]);
    const hash = new URL(href, "http://x/").hash;
    assert.equal(new URL(opened.url()).hash, hash);
    assert.equal(await page.getAttribute("a", "href"), href);
    assert.deepEqual(errors, []);
  });
}

test("a link to this very host is not decorated, whatever is listed", async (t) => {
  const tag = withData(FULL_TAG, 'data-domains="localhost"');
  const { page, site, land, filled } = await visit(t, `${FORM}<a href="/next">Next</a>`, {
    tag, pages: { "/next": html("Next", "") },
  });
  await land(QUERY);
  await filled("tlc_landed");
  await page.click("a");
  await page.waitForURL(`${site.url}/next`);
});

test("the middle button, the keyboard and a link in a shadow tree count as well", async (t) => {
  const host = `<div></div><script>
    document.querySelector("div").attachShadow({ mode: "open" })
      .innerHTML = '<a href="https://sister.example/shadow"><i>There</i></a>';
  </script>`;
  const { page, site, land, filled, went } = await visit(t,
    `${FORM}<a id="a" href="https://sister.example/">There</a>${host}`);
  await land(QUERY);
  await filled("tlc_landed");
  // Playwright comes too late to answer for a tab of the middle button: a host of our own does.
  await page.evaluate((port) => {
    const link = document.body.appendChild(document.createElement("a"));
    link.href = `http://www.sister.localhost:${port}/middle`;
    link.textContent = "Middle";
  }, site.port);
  await page.click("text=Middle", { button: "middle" });
  await site.reached("/middle?tl=tlc_landed");
  await page.click("i");
  await page.waitForURL("https://sister.example/**");
  await page.goBack();
  await filled("tlc_landed");
  await page.press("#a", "Enter");
  await page.waitForURL("https://sister.example/?**");
  assert.deepEqual(went, [
    "https://sister.example/shadow?tl=tlc_landed",
    "https://sister.example/?tl=tlc_landed",
  ]);
});

test("after a withdrawal a link takes the anonymous token, before its answer none", async (t) => {
  /** @type {(value?: unknown) => void} */
  let release = () => {};
  const wait = new Promise((resolve) => (release = resolve));
  const { page, land, filled, consent, went, site } = await visit(t,
    `${FORM}<a target="_blank" href="https://sister.example/">There</a>`, {
      answer: async (seen) => {
        if (seen.body?.s === "code") await wait;
        return /** @type {any} */ (productAnswer(seen));
      },
    });
  const click = async () => {
    const [opened] = await Promise.all([page.context().waitForEvent("page"), page.click("a")]);
    await opened.waitForLoadState();
  };
  await land(QUERY);
  await consent("full");
  await click();
  await page.evaluate(() => void window.tl?.consent("code"));
  await site.arrived(3);
  await click();
  release();
  await filled("tlc_code");
  await click();
  assert.deepEqual(went, [
    "https://sister.example/?tl=tlc_full",
    "https://sister.example/",
    "https://sister.example/?tl=tlc_code",
  ]);
});

test("without a landing the token is asked for when the visitor comes near a link", async (t) => {
  const { page, site, land, barrier, sent, went } = await visit(t,
    `<p>Far</p><a href="https://other.example/">Other</a>
      <a id="a" href="https://sister.example/">There</a>`);
  await land();
  await page.hover("p");
  await page.hover("a");
  await barrier();
  assert.deepEqual(sent, []);
  await page.hover("#a");
  await site.arrived(1);
  await page.evaluate(() => window.tl?.token());
  await page.click("#a");
  await page.waitForURL("https://sister.example/**");
  assert.deepEqual(went, ["https://sister.example/?tl=tlc_me"]);
  assert.deepEqual(sent, ["GET /tl/me"]);
});

/** @type {[string, string, string][]} */
const forms = [
  ["get", '<input name="q" value="a b">', "https://sister.example/s?q=a+b&tl=tlc_landed"],
  ["get", '<input name="tl" value="own">', "https://sister.example/s?tl=own"],
  ["post", '<input name="q" value="a">', "https://sister.example/s"],
];
for (const [method, inputs, asked] of forms) {
  test(`a form with ${method} and ${inputs} asks for ${asked}`, async (t) => {
    const form = `<form id="f" method="${method}" action="https://sister.example/s">${inputs}`;
    const { page, land, filled, went } = await visit(t, `${FORM}${form}<button>Go</button></form>`);
    await land(QUERY);
    await filled("tlc_landed");
    const before = await page.innerHTML("#f");
    const posts = page.waitForRequest("https://sister.example/**");
    await page.click("#f button");
    assert.equal((await posts).postData()?.includes("tl") ?? false, false);
    await page.waitForURL("https://sister.example/**");
    assert.deepEqual(went, [asked]);
    await page.goBack();
    assert.equal(await page.innerHTML("#f"), before);
  });
}

test("forms to other domains, and by a button to another address, carry nothing", async (t) => {
  const { page, land, filled, went } = await visit(t, `${FORM}
    <form id="f" action="https://other.example/s"><button>Go</button></form>
    <form id="g" action="https://sister.example/s">
      <button formaction="https://other.example/b">Go</button></form>`);
  for (const form of ["#f", "#g"]) {
    await land(QUERY);
    await filled("tlc_landed");
    await page.click(`${form} button`);
    await page.waitForURL("https://other.example/**");
  }
  assert.deepEqual(went, ["https://other.example/s?", "https://other.example/b?"]);
});

for (const element of ["stripe-buy-button", "stripe-pricing-table"]) {
  test(`${element} gets the token, also one that is added later`, async (t) => {
    const { page, land, hasReference, consent, errors } = await visit(t, `<${element}></${element}>`);
    await land(QUERY);
    await hasReference("tlc_landed", element);
    await page.evaluate((name) => {
      const main = document.body.appendChild(document.createElement("main"));
      main.innerHTML = `<p><${name}></${name}></p>`;
    }, element);
    await hasReference("tlc_landed", `main ${element}`);
    await consent("full");
    await hasReference("tlc_full", `main ${element}`);
    await consent("code");
    await hasReference("tlc_code", element);
    assert.deepEqual(errors, []);
  });
}

test("a reference that the page has set stays", async (t) => {
  const { page, land, filled, consent } = await visit(t,
    `${FORM}<${BUTTON} ${REFERENCE}="order_17"></${BUTTON}>`);
  await land(QUERY);
  await filled("tlc_landed");
  await consent("code");
  assert.equal(await page.getAttribute(BUTTON, REFERENCE), "order_17");
});

test("a withdrawal takes the reference away at once, and for good if the server fails", async (t) => {
  const { page, land, consent, hasReference } = await visit(t, `<${BUTTON}></${BUTTON}>`, {
    answer: (seen) => (seen.body?.s === "code" ? { status: 503 } : productAnswer(seen)),
  });
  await land(QUERY);
  await consent("full");
  await hasReference("tlc_full");
  const after = await page.evaluate(([element, name]) => {
    window.tl?.consent("code");
    return document.querySelector(element ?? "")?.getAttribute(name ?? "");
  }, [BUTTON, REFERENCE]);
  assert.equal(after, null);
  await page.evaluate(() => window.tl?.token());
  await hasReference("");
});

test("without a landing, Stripe's element is reason to ask for the token", async (t) => {
  const { land, hasReference, sent } = await visit(t, `<${BUTTON}></${BUTTON}>`);
  await land();
  await hasReference("tlc_me");
  assert.deepEqual(sent, ["GET /tl/me"]);
});

test("a field that is added later is filled without a touch", async (t) => {
  const { page, land, filled } = await visit(t, "<main></main>");
  await land();
  await page.$eval("main", (main, form) => void (main.innerHTML = form), FORM);
  await filled("tlc_me");
});

test("an SVG link, an anchor without address and odd targets are no error", async (t) => {
  const { page, land, filled, errors } = await visit(t, `${FORM}<a id="a">None</a>
    <a id="b" href="mailto:a@sister.example">Mail</a>
    <svg width="50" height="20"><a href="#top"><text y="15">SVG</text></a></svg>
    <form id="f"><input name="action"><input name="method"></form>`);
  await land(QUERY);
  await filled("tlc_landed");
  for (const selector of ["#a", "text", "#f input"]) await page.click(selector);
  await page.evaluate(() => {
    document.getElementById("b")?.dispatchEvent(new MouseEvent("auxclick", { bubbles: true }));
    document.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    dispatchEvent(new MouseEvent("click"));
    new FormData(/** @type {HTMLFormElement} */ (document.getElementById("f")));
  });
  assert.equal(await page.getAttribute("#b", "href"), "mailto:a@sister.example");
  assert.deepEqual(errors, []);
});
