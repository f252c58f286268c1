// A local stand-in for Google Analytics 4's Measurement Protocol. The real one answers 204 to
// everything; this one too, but keeps apart what Analytics would have counted (`events`) and what
// it would silently have dropped, with the reason (`dropped`). `/debug/mp/collect` says the reason.
// Rules: "Measurement Protocol reference" and "events" of developers.google.com/analytics.
import { Refusal, isCurrency, isObject, isText, startPlatform } from "./platform.mjs";

const MAX_BYTES = 130_000;
const MAX_EVENTS = 25;
const MAX_PARAMS = 25;
const MAX_AGE_MS = 72 * 3600 * 1000;
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,39}$/;
const RESERVED = new Set(["error", "first_open", "first_visit", "in_app_purchase", "session_start",
  "user_engagement", "app_remove", "app_update", "os_update"]);
/** Any id of the page's choice, but not the cookie around it. */
const CLIENT = /^(?!GA\d\.)[!-~]{1,100}$/;
const CONSENT = new Set(["GRANTED", "DENIED"]);
const MONEY = new Set(["purchase", "refund"]);

/** @param {string} code @param {string} where @returns {never} */
function drop(code, where) {
  throw new Refusal(200, { validationMessages: [
    { fieldPath: where, description: "not valid", validationCode: code }] });
}

/** @param {Record<string, any>} params @param {string} name */
function checkParams(params, name) {
  const entries = Object.entries(params);
  if (entries.length > MAX_PARAMS) drop("EXCEEDED_MAX_ENTITIES", "events.params");
  for (const [key, value] of entries) {
    if (key.length > 40) drop("NAME_INVALID", `events.params.${key}`);
    if (typeof value === "string" && value.length > 100) {
      drop("VALUE_OUT_OF_BOUNDS", `events.params.${key}`);
    }
  }
  if (params.session_id !== undefined && !/^\d+$/.test(String(params.session_id))) {
    drop("VALUE_INVALID", "events.params.session_id");
  }
  if (params.value !== undefined) {
    if (typeof params.value !== "number") drop("VALUE_INVALID", "events.params.value");
    if (!isCurrency(params.currency)) drop("VALUE_REQUIRED", "events.params.currency");
  }
  if (!MONEY.has(name)) return;
  for (const part of ["tax", "shipping"]) {
    if (!["undefined", "number"].includes(typeof params[part])) {
      drop("VALUE_INVALID", `events.params.${part}`);
    }
  }
  if (params.value === undefined) drop("VALUE_REQUIRED", "events.params.value");
  if (!isText(params.transaction_id)) drop("VALUE_REQUIRED", "events.params.transaction_id");
  if (name === "purchase" && !Array.isArray(params.items)) {
    drop("VALUE_REQUIRED", "events.params.items");
  }
  for (const item of params.items ?? []) {
    if (!isText(item.item_id) && !isText(item.item_name)) {
      drop("VALUE_REQUIRED", "events.params.items.item_id");
    }
    const { quantity = 1, price = 0 } = item;
    if (!Number.isInteger(quantity) || quantity < 1 || typeof price !== "number") {
      drop("VALUE_INVALID", "events.params.items");
    }
  }
}

/** @param {Record<string, any>} body @param {string} text @param {number} now */
function check(body, text, now) {
  if (!isObject(body)) drop("VALUE_INVALID", "");
  if (Buffer.byteLength(text) > MAX_BYTES) drop("EXCEEDED_MAX_ENTITIES", "");
  if (!CLIENT.test(String(body.client_id ?? ""))) drop("VALUE_REQUIRED", "client_id");
  const micros = body.timestamp_micros;
  if (micros !== undefined) {
    if (!Number.isSafeInteger(micros)) drop("VALUE_INVALID", "timestamp_micros");
    const age = now - micros / 1000;
    if (age > MAX_AGE_MS || age < -60_000) drop("VALUE_OUT_OF_BOUNDS", "timestamp_micros");
  }
  for (const [name, word] of Object.entries(body.consent ?? {})) {
    if (!["ad_user_data", "ad_personalization"].includes(name) || !CONSENT.has(word)) {
      drop("VALUE_INVALID", `consent.${name}`);
    }
  }
  if (!Array.isArray(body.events) || body.events.length === 0 || body.events.length > MAX_EVENTS) {
    drop("EXCEEDED_MAX_ENTITIES", "events");
  }
  for (const event of body.events) {
    if (!NAME.test(String(event?.name))) drop("NAME_INVALID", "events.name");
    if (RESERVED.has(event.name) || /^(ga|google|firebase)_/.test(event.name)) {
      drop("NAME_RESERVED", "events.name");
    }
    checkParams(event.params ?? {}, event.name);
  }
}

/** @param {{ id?: string, secret?: string, now?: () => number }} [settings] */
export async function startGa4StandIn(settings = {}) {
  const { id = "G-1A2BCD345E", secret = "ga4-api-secret-of-the-test", now = Date.now } = settings;
  /** @type {Record<string, any>[]} */ const events = [];
  /** @type {string[]} */ const dropped = [];
  /** @type {Set<string>} */ const orders = new Set();

  const platform = await startPlatform(({ method, url, text, json }) => {
    const debug = url.pathname === "/debug/mp/collect";
    if (method !== "POST" || (!debug && url.pathname !== "/mp/collect")) {
      throw new Refusal(404, "<h1>Not found</h1>");
    }
    try {
      // The validation server does not look at the secret.
      if (!debug && url.searchParams.get("api_secret") !== secret) drop("SECRET_INVALID", "");
      if (url.searchParams.get("measurement_id") !== id) drop("VALUE_INVALID", "measurement_id");
      check(json, text, now());
    } catch (error) {
      if (!(error instanceof Refusal) || debug) throw error;
      dropped.push(error.message);
      return { status: 204 };
    }
    if (debug) return { status: 200, body: { validationMessages: [] } };
    for (const event of json.events) {
      const order = event.name === "purchase" && event.params.transaction_id;
      if (order && orders.has(order)) continue;
      if (order) orders.add(order);
      events.push({ ...event, client_id: json.client_id, consent: json.consent });
    }
    return { status: 204 };
  });
  return {
    ...platform, id, secret,
    /** What would be counted; a purchase once for each transaction id. */ events,
    /** Why something would not be counted. */ dropped,
  };
}
