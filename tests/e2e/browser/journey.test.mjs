/**
 * Three customers on the real product, in a real browser, in a real shop: from the partner's link
 * to the commission, the merchant's webhook and the ad platform.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { PRODUCTS } from "../../../examples/shop/catalogue.mjs";
import { launch } from "../support/browser.mjs";
import { credited, explains } from "../support/credited.mjs";
import { startPublisher } from "../support/publisher.mjs";
import { eventually, startWorld } from "../support/shop.mjs";

const COOKIE = "__Host-tl";
const SHOPS_OWN = ["shop_consent", "shop_session"];
const TOKEN_FIELD = "input[name=tl_token]";
const OPEN_STATE = "pending";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContext} Context */
/** @typedef {Record<string, any>} Row */
/** @typedef {{ name: string, email: string }} Person */
/** @typedef {import("../support/credited.mjs").Bought} Bought */

/** @param {string} text */
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** @type {import("../support/shop.mjs").World} */ let world;
/** @type {Awaited<ReturnType<typeof startPublisher>>} */ let publisher;
/** @type {import("playwright-core").Browser} */ let browser;

before(async () => {
  browser = await launch();
  publisher = await startPublisher();
  world = await startWorld();
});
after(async () => {
  await browser?.close();
  publisher?.stop();
  await world?.stop();
});

/** @param {import("node:test").TestContext} t */
async function visitor(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  /** @type {string[]} */ const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  return { context, page, errors };
}

/** @param {Context} context */
const cookieNames = async (context) =>
  (await context.cookies(world.site)).map((cookie) => cookie.name).sort();

/** @param {Context} context */
const ourCookie = async (context) =>
  (await context.cookies(world.site)).find((cookie) => cookie.name === COOKIE);

/** Clicks a partner's link on the partner's own page.
 * @param {Page} page @param {string} path of the link, with query */
async function clickPartnerLink(page, path) {
  publisher.linkTo(`${world.site}${path}`);
  await page.goto(publisher.url);
  const isLink = /** @param {import("playwright-core").Response} r */ (r) =>
    r.url() === `${world.site}${path}`;
  const landed = page.waitForURL((url) => url.host === new URL(world.site).host
    && url.pathname === "/");
  const [redirect] = await Promise.all([page.waitForResponse(isLink), page.click("a")]);
  await landed;
  assert.equal(redirect.status(), 302);
  return { url: new URL(page.url()), headers: await redirect.allHeaders() };
}

/** Answers the shop's banner and waits for what follows from it.
 * @param {Page} page @param {"Accept" | "Only necessary"} choice */
async function decide(page, choice) {
  const reported = page.waitForResponse((response) => response.url() === `${world.site}/tl/e`
    && JSON.parse(response.request().postData() ?? "{}").n === "consent");
  await page.getByRole("button", { name: choice, exact: true }).click();
  const response = await reported;
  assert.equal(response.status(), 200);
  await page.locator("html[data-consent-saved]").waitFor({ state: "attached" });
  return response;
}

/** Waits until the snippet has put a token into the page's forms. @param {Page} page */
const tokenInForm = (page) => eventually("a token in the form", async () => {
  const value = await page.locator(TOKEN_FIELD).first().inputValue();
  return value.startsWith("tlc_") && value;
});

/** @param {Page} page @param {Person} person */
async function fillPerson(page, person) {
  await page.getByLabel("Name").fill(person.name);
  await page.getByLabel("E-mail").fill(person.email);
}

/** Puts a tea of the page into the cart and buys it; the cart page must know the token too if
 * a cookie is allowed.
 * @param {Page} page @param {string} product @param {Person} person
 * @param {{ cookie: boolean }} expected @returns {Promise<Bought>} */
async function buy(page, product, person, { cookie }) {
  const { name, price } = PRODUCTS.find((one) => one.id === product) ?? assert.fail(product);
  await tokenInForm(page);
  await page.getByRole("button", { name: `Add to cart: ${name}` }).click();
  await page.waitForURL(`${world.site}/cart`);
  if (cookie) await tokenInForm(page);
  await fillPerson(page, person);
  await page.getByRole("button", { name: /^Buy now/ }).click();
  await page.waitForURL(/\/thanks\//);
  return { id: await page.locator("#order-number").innerText(), total: price };
}

/** @param {Bought} order @param {Row} event */
const hookOf = (order, event) => eventually(`webhook of ${order.id}`, () =>
  world.webhook.requests.find((got) => got.verified
    && (got.body.includes(order.id) || got.body.includes(event.id))));

/** @param {Bought} order @param {Row} event */
const purchasesAtMeta = (order, event) => world.meta.events.filter((got) =>
  got.event_name === "Purchase"
    && [order.id, event.id, event.key].some((id) =>
      got.event_id === id || got.custom_data?.order_id === id));

/** @param {Bought} order @param {Row} event @param {Person} person @param {string} fbclid */
async function reachedMeta(order, event, person, fbclid) {
  const got = await eventually(`Meta event of ${order.id}`, () =>
    purchasesAtMeta(order, event)[0]);
  assert.match(got.user_data.fbc, new RegExp(`^fb\\.\\d\\.\\d{13}\\.${fbclid}$`));
  assert.deepEqual([got.user_data.em].flat(), [sha256(person.email.trim().toLowerCase())]);
  assert.equal(got.custom_data.value, order.total / 100);
  assert.equal(got.custom_data.currency.toUpperCase(), "USD");
}

/** @param {Person} person */
function nobodyGotTheMail(person) {
  const received = JSON.stringify([
    world.webhook.requests.map((got) => [got.path, got.headers, got.body]),
    world.meta.requests.map((got) => [got.path, got.headers, got.body]),
  ]).toLowerCase();
  const [local = "", domain = ""] = person.email.trim().toLowerCase().split("@");
  assert.ok(!received.includes(local), "the mail address left the product");
  assert.ok(!received.includes(domain), "the mail's domain left the product");
  assert.deepEqual(world.webhook.requests.filter((got) => !got.verified), []);
}

test("consent first: the cookie comes with the redirect, and all is credited", async (t) => {
  const { context, page, errors } = await visitor(t);
  const person = { name: "Ada Bright", email: "Ada.Bright+Tea@Mail-A.example" };
  await page.goto(`${world.site}/`);
  assert.deepEqual(await cookieNames(context), []);
  await decide(page, "Accept");

  const confirmed = page.waitForResponse((response) => response.url() === `${world.site}/tl/e`
    && JSON.parse(response.request().postData() ?? "{}").n === "land");
  const landing = await clickPartnerLink(page, "/go/anna?fbclid=IwAR1consent-First&gclid=x");
  assert.match(landing.headers["set-cookie"] ?? "", new RegExp(`^${COOKIE}=`, "m"));
  assert.equal(landing.url.searchParams.get("fbclid"), "IwAR1consent-First");
  assert.equal(landing.url.searchParams.get("gclid"), "x");
  const cookie = await ourCookie(context);
  assert.ok(cookie?.httpOnly && cookie.secure);
  assert.equal(cookie.sameSite, "Lax");
  assert.equal(cookie.path, "/");
  assert.equal((await confirmed).status(), 200);

  await page.getByRole("link", { name: "Join the club" }).click();
  await page.waitForURL(`${world.site}/sign-up`);
  await tokenInForm(page);
  await fillPerson(page, person);
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await page.waitForURL(`${world.site}/account`);
  await page.goto(`${world.site}/`);
  const order = await buy(page, "forest-breakfast", person, { cookie: true });

  const { event, decision } = await credited(world, order, "anna");
  explains(world, decision, "anna");
  await eventually("the sign-up's commission", async () =>
    (await world.rows("ledger")).find((row) =>
      row.partner === world.partners.anna?.id && row.amount === 200));
  await eventually("the click", async () =>
    (await world.rows("clicks")).find((row) => row.link === world.partners.anna?.link));
  await hookOf(order, event);
  await reachedMeta(order, event, person, "IwAR1consent-First");
  nobodyGotTheMail(person);
  assert.deepEqual(errors, []);
});

test("consent after landing: nothing is stored before, everything counts after", async (t) => {
  const { context, page, errors } = await visitor(t);
  const person = { name: "Ben Cole", email: "ben.cole@mail-b.example" };
  const landing = await clickPartnerLink(page, "/go/northstar?fbclid=IwAR2granted_Later");
  assert.equal(landing.headers["set-cookie"], undefined);
  assert.deepEqual(await cookieNames(context), []);
  assert.match(landing.url.searchParams.get("tl") ?? "", /^tlc_/);

  const granted = await decide(page, "Accept");
  assert.match((await granted.allHeaders())["set-cookie"] ?? "", new RegExp(`^${COOKIE}=`, "m"));
  const set = await ourCookie(context);
  assert.ok(set?.httpOnly);

  const document = await page.goto(`${world.site}/`);
  const renewed = (await document?.allHeaders())?.["set-cookie"] ?? "";
  assert.match(renewed, new RegExp(`^${COOKIE}=`, "m"));
  assert.notEqual((await ourCookie(context))?.value, set.value);

  const order = await buy(page, "first-flush", person, { cookie: true });
  const { event, decision } = await credited(world, order, "northstar");
  explains(world, decision, "northstar");
  await hookOf(order, event);
  await reachedMeta(order, event, person, "IwAR2granted_Later");
  nobodyGotTheMail(person);
  assert.deepEqual(errors, []);
});

test("consent refused: no cookie, the partner is credited, Meta hears nothing", async (t) => {
  const { context, page, errors } = await visitor(t);
  const person = { name: "Cleo Dunn", email: "cleo.dunn@mail-c.example" };
  await clickPartnerLink(page, "/go/northstar?fbclid=IwAR3refused");
  await decide(page, "Only necessary");
  assert.deepEqual(await cookieNames(context), ["shop_consent"]);

  const order = await buy(page, "sea-mint", person, { cookie: false });
  assert.deepEqual(await cookieNames(context), SHOPS_OWN);
  const { event, decision } = await credited(world, order, "northstar");
  explains(world, decision, "northstar");
  await hookOf(order, event);

  // The webhook has arrived, so the outbox was filled; once nothing of this sale is open any
  // more, nothing can still be on its way to Meta.
  await world.stack.cron();
  const deliveries = await eventually("no open delivery", async () => {
    const own = (await world.rows("deliveries")).filter((row) => row.event === event.id);
    return own.length > 0 && !own.some((row) => row.state === OPEN_STATE) && own;
  });
  assert.ok(deliveries.some((row) => row.destination === world.destinations.webhook));
  const received = world.meta.requests.map((got) => got.body).join("\n");
  for (const trace of [order.id, event.id, "IwAR3refused", sha256(person.email)]) {
    assert.ok(!received.includes(trace), `Meta got ${trace}`);
  }
  nobodyGotTheMail(person);
  assert.deepEqual(errors, []);
});
