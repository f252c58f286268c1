// Kettle & Pine: a small shop that works with partners through Throughline.
//
//   PORT=4000 THROUGHLINE_URL=http://127.0.0.1:8787 THROUGHLINE_KEY=tlk_… node server.mjs
//
// All that a shop has to do for it: one script tag and one hidden field (layout.mjs, pages.mjs),
// one call when the visitor decides about cookies (public/shop.js), and a call from the server
// for each sign-up, sale and refund (tracking.mjs).
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { BadRequest, consentCookie, readForm, requestOf, sendPage } from "./request.mjs";
import { productOf } from "./catalogue.mjs";
import * as pages from "./pages.mjs";
import { staffRoutes } from "./staff.mjs";
import { MAX_QUANTITY, cartLines, createStore, totalOf } from "./store.mjs";
import { createTracking } from "./tracking.mjs";

/** @typedef {import("./request.mjs").Req} Req */
/** @typedef {import("./pages.mjs").PersonForm} PersonForm */

/** @param {string} name @param {string} type @returns {{ type: string, body: Buffer }} */
const asset = (name, type) =>
  ({ type, body: readFileSync(new URL(`./public/${name}`, import.meta.url)) });

/** @type {Record<string, { type: string, body: Buffer }>} */
const ASSETS = {
  "/shop.css": asset("shop.css", "text/css; charset=utf-8"),
  "/shop.js": asset("shop.js", "text/javascript; charset=utf-8"),
  "/icon.svg": asset("icon.svg", "image/svg+xml"),
};

/** @param {URLSearchParams} form @returns {PersonForm} */
function personOf(form) {
  const name = (form.get("name") ?? "").trim().slice(0, 100);
  const email = (form.get("email") ?? "").trim().slice(0, 200);
  if (!name) return { name, email, error: "Please tell us your name." };
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) {
    return { name, email, error: "Please check the e-mail address." };
  }
  return { name, email };
}

/** The newest token that a form brought stays with the visitor's cart: a later page may no longer
 * know it when the visitor allows no cookie.
 * @param {import("./store.mjs").Session} session @param {URLSearchParams} form */
function keepToken(session, form) {
  const token = (form.get("tl_token") ?? "").trim();
  if (/^[\w-]{1,200}$/.test(token)) session.token = token;
  return session.token;
}

/** @typedef {Record<string, (req: Req) => void | Promise<void>>} Routes */

/** @param {import("./store.mjs").Store} store @param {Req} req @returns {PersonForm} */
function knownPerson(store, req) {
  const customer = store.customerOf(req.session()?.customer ?? "");
  return { name: customer?.name ?? "", email: customer?.email ?? "" };
}

/** @param {Req} req @param {PersonForm} person */
function showCart(req, person) {
  const lines = cartLines(req.session());
  req.page("Cart", pages.cartPage(lines, totalOf(lines), person), person.error ? 422 : 200);
}

/** @param {import("./store.mjs").Store} store @returns {Routes} */
const browsing = (store) => ({
  "GET /": (req) => req.page("Tea for slow mornings", pages.landing()),
  "GET /cart": (req) => showCart(req, knownPerson(store, req)),
  "GET /sign-up": (req) => req.page("Join the club", pages.signUpPage(knownPerson(store, req))),

  "GET /account": (req) => {
    const customer = store.customerOf(req.session()?.customer ?? "");
    if (!customer) return req.redirect("/sign-up");
    req.page("Your account", pages.accountPage(customer, store.ordersOf(customer.id)));
  },

  "POST /consent": async (req) => {
    const choice = (await readForm(req.raw)).get("choice");
    if (choice !== "full" && choice !== "code") throw new BadRequest("unknown choice");
    req.setCookie(consentCookie(choice));
    req.empty();
  },

  "POST /cart": async (req) => {
    const form = await readForm(req.raw);
    const product = productOf(form.get("product") ?? "");
    const quantity = Number(form.get("quantity") ?? "1");
    if (!product || !Number.isInteger(quantity) || quantity < 1 || quantity > MAX_QUANTITY) {
      throw new BadRequest("unknown product or quantity");
    }
    const session = req.openSession();
    keepToken(session, form);
    store.addToCart(session, product.id, quantity);
    req.redirect("/cart");
  },

  "POST /cart/empty": (req) => {
    const session = req.session();
    if (session) session.cart = [];
    req.redirect("/cart");
  },
});

/** What Throughline is told about.
 * @param {import("./store.mjs").Store} store @param {import("./tracking.mjs").Tracking} tracking
 * @returns {Routes} */
const converting = (store, tracking) => ({
  "POST /sign-up": async (req) => {
    const form = await readForm(req.raw);
    const person = personOf(form);
    if (person.error) return req.page("Join the club", pages.signUpPage(person), 422);
    const session = req.openSession();
    const token = keepToken(session, form);
    const { customer, isNewMember } = store.customer(person.name, person.email, true);
    session.customer = customer.id;
    // Without a token no partner had a part in it, and there is nothing to tell.
    if (isNewMember && token) tracking.lead(customer, token, req.context());
    req.redirect("/account");
  },

  "POST /checkout": async (req) => {
    const form = await readForm(req.raw);
    const session = req.session();
    if (!session || session.cart.length === 0) {
      // The button was pressed twice: the order exists already.
      return req.redirect(session?.lastOrder ? `/thanks/${session.lastOrder}` : "/cart");
    }
    const person = personOf(form);
    if (person.error) return showCart(req, person);
    const token = keepToken(session, form);
    const { customer } = store.customer(person.name, person.email, false);
    session.customer = customer.id;
    const order = store.order(session, customer);
    order.report = tracking.sale(order, customer, token, req.context());
    req.redirect(`/thanks/${order.id}`);
  },
});

/** Pages whose address holds an id. @param {Req} req @param {import("./store.mjs").Store} store */
function pageById(req, store) {
  const [, kind, id] = /^\/(products|thanks)\/([\w-]+)$/.exec(req.path) ?? [];
  if (kind === "products") {
    const product = productOf(id ?? "");
    if (product) return req.page(product.name, pages.productPage(product));
  }
  if (kind === "thanks") {
    const order = store.orderOf(id ?? "");
    if (order && order.customer === req.session()?.customer) {
      return req.page("Thank you", pages.thanksPage(order));
    }
  }
  req.page("Not found", pages.messagePage("Not here", "This page does not exist."), 404);
}

/**
 * @param {{ throughlineUrl: string, throughlineKey: string, log?: (line: string) => void,
 *   delays?: number[] }} settings
 */
export function createShop({ throughlineUrl, throughlineKey, log = console.error, delays }) {
  const store = createStore();
  const tracking = createTracking({ url: throughlineUrl, key: throughlineKey, log, delays });
  const routes = { ...browsing(store), ...converting(store, tracking) };
  const staff = staffRoutes(store, tracking);

  /** @param {Req} req */
  async function answer(req) {
    const file = req.raw.method === "POST" ? undefined : ASSETS[req.path];
    if (file) return req.file(file);
    if (req.raw.method === "POST" && req.isForeign()) throw new BadRequest("foreign form");
    if (req.path.startsWith("/staff/")) return staff(req);
    const method = req.raw.method === "HEAD" ? "GET" : req.raw.method;
    const route = routes[`${method} ${req.path}`];
    if (route) return route(req);
    if (method === "GET") return pageById(req, store);
    req.page("Not found", pages.messagePage("Not here", "This page does not exist."), 404);
  }

  const server = createServer(async (raw, res) => {
    const req = requestOf(raw, res, store);
    try {
      await answer(req);
    } catch (error) {
      const known = error instanceof BadRequest;
      if (!known) log(`${raw.method} ${req.path}: ${error}`);
      if (res.headersSent) return void res.end();
      const text = known ? "We could not read that form." : "Something broke on our side.";
      sendPage(req, res, "Sorry", pages.messagePage("Sorry", text), known ? 400 : 500);
    }
  });
  server.on("close", () => tracking.close());
  return server;
}

function main() {
  const { PORT = "4000", THROUGHLINE_URL, THROUGHLINE_KEY } = process.env;
  if (!THROUGHLINE_URL || !THROUGHLINE_KEY) {
    console.error("The shop needs THROUGHLINE_URL and THROUGHLINE_KEY (a key of scope `track`).");
    process.exit(2);
  }
  const server = createShop({ throughlineUrl: THROUGHLINE_URL, throughlineKey: THROUGHLINE_KEY });
  server.on("error", (error) => {
    console.error(`The shop cannot listen on port ${PORT}: ${error.message}`);
    process.exit(1);
  });
  server.listen(Number(PORT), "127.0.0.1", () => console.log(`shop: listening on ${PORT}`));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      server.close(() => process.exit(0));
      server.closeAllConnections();
    });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
