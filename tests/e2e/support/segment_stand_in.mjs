// A local stand-in for Segment's HTTP API, `POST /v1/batch`. As the real one it takes nearly
// everything with `{"success": true}`; what Segment would drop afterwards is kept apart
// (`dropped`). Rules: "HTTP API source", "Spec: Track" and "Consent in Segment Connections".
import { Refusal, isObject, isText, startPlatform } from "./platform.mjs";

const MAX_BYTES = 500 * 1024;
const MAX_EVENT_BYTES = 32 * 1024;
const MAX_EVENTS = 2500;
const NUMBERS = ["total", "revenue", "value", "tax", "shipping", "discount"];
const ORDERS = ["Order Completed", "Order Refunded", "Order Updated"];

/** Why Segment would not count it, or null. @param {Record<string, any>} event */
function fault(event) {
  if (event.type !== "track") return "type";
  if (!isText(event.event)) return "event";
  if (!isText(event.userId) && !isText(event.anonymousId)) return "identifier";
  if (event.messageId !== undefined && !isText(event.messageId)) return "messageId";
  if (event.timestamp !== undefined && Number.isNaN(Date.parse(event.timestamp))) {
    return "timestamp";
  }
  const { properties = {}, context = {} } = event;
  if (!isObject(properties) || !isObject(context)) return "shape";
  if (NUMBERS.some((name) => !["undefined", "number"].includes(typeof properties[name]))) {
    return "number";
  }
  const { revenue, total, tax = 0, shipping = 0 } = properties;
  if (revenue !== undefined && Math.abs(total - tax - shipping - revenue) > 0.001) return "revenue";
  if (ORDERS.includes(event.event) && !isText(properties.order_id)) return "order_id";
  for (const product of properties.products ?? []) {
    // The destinations behind Segment (GA4, Facebook) want this one.
    if (!isText(product.product_id)) return "product";
    if (product.category !== undefined && !isText(product.category)) return "product";
    if (["quantity", "price"].some((name) =>
      !["undefined", "number"].includes(typeof product[name]))) return "product";
  }
  const preferences = Object.values(context.consent?.categoryPreferences ?? {});
  if (preferences.some((one) => typeof one !== "boolean")) return "consent";
  return null;
}

/** @param {{ key?: string }} [settings] */
export async function startSegmentStandIn({ key = "segment-write-key-of-the-test" } = {}) {
  /** @type {Record<string, any>[]} */ const events = [];
  /** @type {string[]} */ const dropped = [];
  /** @type {Set<string>} */ const seen = new Set();

  const platform = await startPlatform(({ method, url, headers, text, json }) => {
    if (method !== "POST" || url.pathname !== "/v1/batch") {
      throw new Refusal(404, "<h1>Not found</h1>");
    }
    const basic = `Basic ${Buffer.from(`${key}:`).toString("base64")}`;
    if (headers.authorization !== basic) throw new Refusal(401, { success: false });
    const bad = (/** @type {string} */ message) => new Refusal(400, { success: false, message });
    if (!String(headers["content-type"]).startsWith("application/json")) throw bad("content type");
    if (Buffer.byteLength(text) > MAX_BYTES) throw bad("exceeds 500KB");
    if (!isObject(json) || !Array.isArray(json.batch)) throw bad("malformed JSON");
    if (json.batch.length > MAX_EVENTS) throw bad("too many");
    for (const event of json.batch) {
      if (Buffer.byteLength(JSON.stringify(event)) > MAX_EVENT_BYTES) throw bad("exceeds 32KB");
    }
    for (const event of json.batch) {
      const why = fault(event);
      if (why) dropped.push(why);
      else if (!seen.has(event.messageId)) events.push(event);
      if (event.messageId !== undefined) seen.add(event.messageId);
    }
    return { status: 200, body: { success: true } };
  });
  return {
    ...platform, key,
    /** What would be shown, each message id once. */ events,
    /** Why something would not be. */ dropped,
  };
}
