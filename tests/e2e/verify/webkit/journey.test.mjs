/** The shop's customers in WebKit: the browser of half of them. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { By, until } from "selenium-webdriver";
import { PRODUCTS } from "../../../../examples/shop/catalogue.mjs";
import { credited, explains } from "../../support/credited.mjs";
import { startPublisher } from "../../support/publisher.mjs";
import { eventually, startWorld } from "../../support/shop.mjs";
import { startTlsFront } from "../../support/tls_front.mjs";
import { startWebKit } from "../../support/webkit.mjs";

/** @typedef {import("selenium-webdriver").WebDriver} Driver */
/** @typedef {{ name: string, email: string }} Person */

const COOKIE = "__Host-tl";
const WAIT_MS = 15_000;
const DAY_S = 86_400;
const FIELD = By.css("input[name=tl_token]");

/** @type {import("../../support/shop.mjs").World} */ let world;
/** @type {Awaited<ReturnType<typeof startPublisher>>} */ let publisher;
/** @type {Awaited<ReturnType<typeof startTlsFront>>} */ let front;
/** @type {Awaited<ReturnType<typeof startWebKit>>} */ let webkit;
/** @type {Driver | undefined} */ let driver;

before(async () => {
  front = await startTlsFront("shop.localhost");
  publisher = await startPublisher();
  world = await startWorld({ front });
  webkit = await startWebKit();
});
// One session at a time is all that its driver knows.
afterEach(async () => {
  await driver?.quit();
  driver = undefined;
  await webkit.setClock(0);
});
after(async () => {
  await webkit?.stop();
  await world?.stop();
  publisher?.stop();
  front?.stop();
});

async function visitor() {
  driver = await webkit.session();
  return driver;
}

/** @param {Driver} page @param {string} path */
const arrives = (page, path) => page.wait(async () => {
  const at = new URL(await page.getCurrentUrl());
  return at.origin === world.site && at.pathname === path;
}, WAIT_MS, path);

/** Clicks what may lie below the fold: WebKit's driver scrolls to nothing by itself.
 * @param {Driver} page @param {By} by */
async function press(page, by) {
  const found = await page.wait(until.elementLocated(by), WAIT_MS);
  const scroll = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
  await page.executeScript(scroll, found);
  await found.click();
}

/** Clicks a partner's link on the partner's own page. @param {Driver} page @param {string} path */
async function clickPartnerLink(page, path) {
  publisher.linkTo(`${world.site}${path}`);
  await page.get(publisher.url);
  await press(page, By.css("a"));
  await arrives(page, "/");
  return new URL(await page.getCurrentUrl());
}

/** Answers the shop's banner. @param {Driver} page @param {"Accept" | "Only necessary"} choice */
async function decide(page, choice) {
  await press(page, By.xpath(`//button[normalize-space()='${choice}']`));
  await page.wait(until.elementLocated(By.css("html[data-consent-saved]")), WAIT_MS);
}

/** Waits until the snippet has put a token into the page's forms. @param {Driver} page */
const tokenInForm = (page) => eventually("a token in the form", async () => {
  const value = String(await page.findElement(FIELD).getAttribute("value"));
  return value.startsWith("tlc_") && value;
});

/** @param {Driver} page */
const ourCookie = async (page) =>
  (await page.manage().getCookies()).find(({ name }) => name === COOKIE);

/** @param {Driver} page @param {Person} person */
async function fillPerson(page, person) {
  for (const [id, text] of Object.entries(person)) {
    await page.findElement(By.id(id)).sendKeys(text);
  }
}

/** @param {Driver} page @param {string} product @param {Person} person */
async function buy(page, product, person) {
  const { name, price } = PRODUCTS.find((one) => one.id === product) ?? assert.fail(product);
  await tokenInForm(page);
  await press(page, By.css(`button[aria-label="Add to cart: ${name}"]`));
  await arrives(page, "/cart");
  await fillPerson(page, person);
  await press(page, By.xpath("//button[starts-with(normalize-space(), 'Buy now')]"));
  const number = await page.wait(until.elementLocated(By.id("order-number")), WAIT_MS);
  return { id: await number.getText(), total: price };
}

test("consent first: the cookie comes with the redirect, and all is credited", async () => {
  const page = await visitor();
  const person = { name: "Ada Bright", email: "ada@mail-a.example" };
  await page.get(`${world.site}/`);
  await decide(page, "Accept");
  const landed = await clickPartnerLink(page, "/go/anna?fbclid=IwAR1webkit&gclid=x");
  assert.equal(landed.searchParams.get("fbclid"), "IwAR1webkit");
  const cookie = await ourCookie(page);
  assert.ok(cookie?.httpOnly && cookie.secure, JSON.stringify(cookie));
  assert.equal(cookie.path, "/");

  await press(page, By.linkText("Join the club"));
  await arrives(page, "/sign-up");
  await tokenInForm(page);
  await fillPerson(page, person);
  await press(page, By.xpath("//button[normalize-space()='Join']"));
  await arrives(page, "/account");
  await page.get(`${world.site}/`);
  const order = await buy(page, "forest-breakfast", person);
  const { decision } = await credited(world, order, "anna");
  explains(world, decision, "anna");
  await eventually("the sign-up's commission", async () =>
    (await world.rows("ledger")).find((row) => row.amount === 200));
});

test("consent later: nothing is stored before, everything counts after", async () => {
  const page = await visitor();
  const person = { name: "Ben Cole", email: "ben@mail-b.example" };
  const landed = await clickPartnerLink(page, "/go/northstar?fbclid=IwAR2webkit");
  assert.equal(await ourCookie(page), undefined);
  assert.match(landed.searchParams.get("tl") ?? "", /^tlc_/);
  await decide(page, "Accept");
  const set = await eventually("the cookie", () => ourCookie(page));
  await page.get(`${world.site}/`);
  const renewed = await ourCookie(page);
  assert.notEqual(renewed?.value, set.value, "the next document renews what a script was told");
  const order = await buy(page, "first-flush", person);
  const { decision } = await credited(world, order, "northstar");
  explains(world, decision, "northstar");
});

test("consent refused: no cookie, and the partner is credited", async () => {
  const page = await visitor();
  await clickPartnerLink(page, "/go/northstar?fbclid=IwAR3webkit");
  await decide(page, "Only necessary");
  assert.equal(await ourCookie(page), undefined);
  const order = await buy(page, "sea-mint", { name: "Cleo Dunn", email: "cleo@mail-c.example" });
  assert.equal(await ourCookie(page), undefined);
  const { decision } = await credited(world, order, "northstar");
  explains(world, decision, "northstar");
});

test("a return days later: the cookie is still there, and the partner is credited", async () => {
  const page = await visitor();
  await page.get(`${world.site}/`);
  await decide(page, "Accept");
  await clickPartnerLink(page, "/go/anna");
  // Safari ends after seven days what a script stored; WebKitGTK as it is here does not.
  const before_ = Date.now() / 1_000;
  const { expiry } = await ourCookie(page) ?? assert.fail("no cookie");
  assert.ok(Number(expiry) > before_ + 300 * DAY_S, "set by the server, it lasts a year");
  await webkit.setClock(8);
  await page.get(`${world.site}/`);
  const later = Number(await page.executeScript("return Date.now()")) / 1_000;
  assert.ok(later > before_ + 7.9 * DAY_S, "the browser's clock was moved");
  assert.ok(await ourCookie(page), "the cookie has outlived the week");
  const order = await buy(page, "sea-mint", { name: "Dana Eve", email: "dana@mail-d.example" });
  const { decision } = await credited(world, order, "anna");
  explains(world, decision, "anna");
});
