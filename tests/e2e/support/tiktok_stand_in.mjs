// A local stand-in for TikTok's Events API 2.0, `POST /open_api/v1.3/event/track/`. It answers 200
// to nearly everything, with the truth in `code`. Rules: TikTok's help pages on standard events and
// deduplication, and the codes that rudder-transformer knows.
import { Refusal, isCurrency, isObject, isSha256, isText, startPlatform } from "./platform.mjs";

const MAX_EVENTS = 1000;
const MAX_AGE_S = 7 * 24 * 3600;
const HASHED = ["email", "phone", "external_id"];
const USER = new Set([...HASHED, "ttclid", "ttp", "user_agent", "ip", "locale"]);

/** @param {number} code @param {string} message @returns {never} */
function refuse(code, message) {
  throw new Refusal(200, { code, message, request_id: "2026112508000001", data: {} });
}

/** @param {number} i @param {Record<string, any>} user */
function checkUser(i, user) {
  for (const [name, value] of Object.entries(user)) {
    if (!USER.has(name)) refuse(40002, `Batch.${i}.user.${name}: Unknown field`);
    if (HASHED.includes(name)) {
      for (const one of [value].flat()) {
        if (!isSha256(one)) refuse(40002, `Batch.${i}.user.${name}: Not a valid SHA-256`);
      }
    } else if (!isText(value)) {
      refuse(40002, `Batch.${i}.user.${name}: Not a valid string`);
    }
  }
  if (!isText(user.user_agent)) refuse(40002, `Batch.${i}.user.user_agent: Missing data`);
}

/** @param {number} i @param {Record<string, any>} event @param {number} nowS */
function checkEvent(i, event, nowS) {
  if (!isObject(event)) refuse(40002, `Batch.${i}: Not an object`);
  if (!isText(event.event)) refuse(40002, `Batch.${i}.event: Missing data`);
  if (!Number.isInteger(event.event_time)) refuse(40002, `Batch.${i}.event_time: Not an integer`);
  if (event.event_time < nowS - MAX_AGE_S || event.event_time > nowS + 600) {
    refuse(40002, `Batch.${i}.event_time: Out of range`);
  }
  if (event.event_id !== undefined && !isText(event.event_id)) {
    refuse(40002, `Batch.${i}.event_id: Not a valid string`);
  }
  if (!URL.canParse(String(event.page?.url))) refuse(40002, `Batch.${i}.page.url: Missing data`);
  if (!isObject(event.user)) refuse(40002, `Batch.${i}.user: Missing data`);
  checkUser(i, event.user);
  const { limited_data_use: limited, properties = {} } = event;
  if (limited !== undefined && typeof limited !== "boolean") {
    refuse(40002, `Batch.${i}.limited_data_use: Not a boolean`);
  }
  const { value, currency, contents = [], order_id: order } = properties;
  if (value !== undefined && typeof value !== "number") {
    refuse(40002, `Batch.${i}.properties.value: Not a valid number`);
  }
  if (currency !== undefined && !isCurrency(currency)) {
    refuse(40002, `Batch.${i}.properties.currency: Not a valid choice`);
  }
  if (order !== undefined && typeof order !== "string") {
    refuse(40002, `Batch.${i}.properties.order_id: Not a valid string`);
  }
  for (const { content_id: id, content_category: kind = "", quantity = 1, price = 0 } of contents) {
    if (typeof id !== "string" || typeof kind !== "string") {
      refuse(40002, `Batch.${i}.properties.contents.0.content_id: Not a valid string`);
    }
    if (!Number.isInteger(quantity) || typeof price !== "number") {
      refuse(40002, `Batch.${i}.properties.contents.0: Not a valid number`);
    }
  }
  if (!["product", "product_group"].includes(properties.content_type ?? "product")) {
    refuse(40002, `Batch.${i}.properties.content_type: Not a valid choice`);
  }
  if (event.event === "Purchase" && (value === undefined || currency === undefined)) {
    refuse(40002, `Batch.${i}.properties: value and currency are required`);
  }
}

/** @param {{ pixel?: string, token?: string, now?: () => number }} [settings] */
export async function startTikTokStandIn(settings = {}) {
  const { pixel = "C1A2B3C4D5", token = "tiktok-token-of-the-test", now = Date.now } = settings;
  /** @type {Record<string, any>[]} */ const events = [];
  /** @type {Set<string>} */ const seen = new Set();

  const platform = await startPlatform(({ method, url, headers, json }) => {
    if (method !== "POST" || url.pathname !== "/open_api/v1.3/event/track/") {
      throw new Refusal(404, "<h1>Not found</h1>");
    }
    if (headers["access-token"] !== token) refuse(40105, "Access token is incorrect");
    if (!isObject(json)) refuse(40002, "The body is not JSON");
    if (json.event_source !== "web") refuse(40002, "event_source: Not a valid choice");
    if (json.event_source_id !== pixel) refuse(40001, "No permission to operate the pixel");
    const { data } = json;
    if (!Array.isArray(data) || data.length === 0 || data.length > MAX_EVENTS) {
      refuse(40002, `data: must hold 1 to ${MAX_EVENTS} events`);
    }
    data.forEach((event, i) => checkEvent(i, event, Math.floor(now() / 1000)));
    for (const event of data) {
      const key = `${event.event}\n${event.event_id}`;
      if (event.event_id !== undefined && seen.has(key)) continue;
      seen.add(key);
      events.push(event);
    }
    return { status: 200, body: { code: 0, message: "OK", request_id: "20261125", data: {} } };
  });
  return { ...platform, pixel, token, /** Accepted, each name and id once. */ events };
}
