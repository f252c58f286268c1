// A local stand-in for Meta's Graph API, `POST /v24.0/{pixel}/events`. It accepts what Meta's
// documentation says is accepted, refuses the rest with Graph-shaped errors, remembers what it
// got, and can be told to fail.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { isIP } from "node:net";

const SECOND = 1000;
const MAX_EVENTS = 1000;
const MAX_AGE_S = 7 * 24 * 3600;
const MAX_AHEAD_S = 60;
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_RECORDS = 10_000;
const CURRENCIES = new Set(Intl.supportedValuesOf("currency"));

/**
 * @typedef {{ status?: number, code?: number, subcode?: number, message?: string,
 *   text?: string }} Failure
 * @typedef {{ at: number, path: string, headers: import("node:http").IncomingHttpHeaders,
 *   body: string, status: number, answer: any }} Recorded
 */

/** How each Graph code is to be taken, and the HTTP status it comes with. */
export const GRAPH_CODES = Object.freeze({
  retry: { 1: 500, 2: 503, 341: 400, 368: 400, 5000: 500 },
  throttle: { 4: 400, 17: 400, 80003: 400 },
  reauthorise: { 190: 401 },
  permanent: { 100: 400 },
});

/** @type {Record<number, number>} */
const STATUS_OF = Object.assign({}, ...Object.values(GRAPH_CODES));

/** A refusal by Graph. */
class GraphError extends Error {
  /** @param {string} message @param {Failure} [failure] */
  constructor(message, { code = 100, subcode, status } = {}) {
    super(message);
    this.code = code;
    this.subcode = subcode;
    this.status = status ?? STATUS_OF[code] ?? 400;
  }

  body() {
    return {
      error: {
        message: this.message,
        type: "OAuthException",
        code: this.code,
        ...(this.subcode === undefined ? {} : { error_subcode: this.subcode }),
        fbtrace_id: trace(),
      },
    };
  }
}

const trace = () => `A${randomBytes(16).toString("base64url")}`;

/** @param {number} index @param {string} why @returns {never} */
function refuse(index, why) {
  throw new GraphError(`Invalid parameter: data[${index}] ${why}`);
}

/** @param {unknown} value @returns {value is Record<string, any>} */
const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is string} */
const isText = (value) => typeof value === "string" && value.trim() !== "";

const HASHED = ["em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country"];
/** Meta's own libraries glue a language or version mark to hashes and to fbc and fbp. */
const MARK = "(?:\\.(?:[A-Za-z0-9_-]{2}|[A-Za-z0-9_-]{8}))?";
const SHA256 = new RegExp(`^[0-9a-f]{64}${MARK}$`);
const FBC = new RegExp(`^fb\\.\\d\\.\\d{10,13}\\.[A-Za-z0-9_-]+${MARK}$`);
const FBP = new RegExp(`^fb\\.\\d\\.\\d{10,13}\\.\\d{1,20}${MARK}$`);

/** Since v13 an event that says no more than one of these about the customer is refused. */
const TOO_VAGUE = [
  ["ct", "country", "st", "zp", "ge", "client_user_agent"],
  ["db", "client_user_agent"],
  ["fn", "ge"],
  ["ln", "ge"],
];

/** @param {number} i @param {Record<string, any>} user */
function checkUser(i, user) {
  for (const field of HASHED) {
    const values = user[field] === undefined ? [] : [user[field]].flat();
    for (const value of values) {
      if (typeof value !== "string" || !SHA256.test(value)) {
        refuse(i, `user_data.${field} must be a SHA-256 hash in lower-case hex`);
      }
    }
  }
  const { fbc, fbp } = user;
  if (fbc !== undefined && !FBC.test(String(fbc))) refuse(i, "user_data.fbc is malformed");
  if (fbp !== undefined && !FBP.test(String(fbp))) refuse(i, "user_data.fbp is malformed");
  const address = user.client_ip_address;
  if (address !== undefined && !isIP(String(address))) {
    refuse(i, "user_data.client_ip_address is no address");
  }
  const said = Object.keys(user);
  if (TOO_VAGUE.some((fields) => said.every((field) => fields.includes(field)))) {
    refuse(i, "has not enough customer information");
  }
}

/** @param {number} i @param {Record<string, any>} data */
function checkContents(i, { contents = [], content_type: type = "product" }) {
  if (!["product", "product_group"].includes(type)) refuse(i, "content_type is unknown");
  if (!Array.isArray(contents)) refuse(i, "contents is no list");
  for (const { id, quantity = 1, item_price: price = 0 } of contents) {
    if (!isText(id)) refuse(i, "contents.id is missing");
    if (!Number.isInteger(quantity)) refuse(i, "contents.quantity is no integer");
    if (typeof price !== "number") refuse(i, "contents.item_price is no number");
  }
}

/** @param {number} i @param {Record<string, any>} event */
function checkPurchase(i, event) {
  const { currency, value } = event.custom_data ?? {};
  if (!isText(currency)) refuse(i, "a Purchase needs custom_data.currency");
  if (!CURRENCIES.has(currency.toUpperCase())) refuse(i, "custom_data.currency is unknown");
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    refuse(i, "a Purchase needs custom_data.value, a number");
  }
}

/** @param {unknown} event @param {number} i @param {number} nowS */
function checkEvent(event, i, nowS) {
  if (!isObject(event)) refuse(i, "is not an object");
  if (!isText(event.event_name)) refuse(i, "event_name is missing");
  if (!Number.isInteger(event.event_time)) refuse(i, "event_time is missing or not in seconds");
  if (event.event_time > nowS + MAX_AHEAD_S) refuse(i, "event_time is in the future");
  if (event.event_time < nowS - MAX_AGE_S) {
    throw new GraphError("Event Timestamp Too Old: no event of this request was processed",
      { subcode: 2804003 });
  }
  if (!isText(event.action_source)) refuse(i, "action_source is missing");
  if (!isObject(event.user_data) || Object.keys(event.user_data).length === 0) {
    refuse(i, "user_data is missing");
  }
  if (event.event_id !== undefined && !isText(event.event_id)) refuse(i, "event_id is no text");
  if (event.action_source === "website") {
    if (!isText(event.user_data.client_user_agent)) {
      refuse(i, "a website event needs user_data.client_user_agent");
    }
    if (!isText(event.event_source_url) || !URL.canParse(event.event_source_url)) {
      refuse(i, "a website event needs event_source_url");
    }
  }
  checkUser(i, event.user_data);
  checkContents(i, event.custom_data ?? {});
  if (event.event_name === "Purchase") checkPurchase(i, event);
  else if (event.custom_data?.currency !== undefined) {
    const { currency } = event.custom_data;
    if (!CURRENCIES.has(String(currency).toUpperCase())) {
      refuse(i, "custom_data.currency is unknown");
    }
  }
}

/** The body as Graph reads it: JSON, or a form whose `data` is JSON.
 * @param {string} text @param {string} type @returns {Record<string, any>} */
function parse(text, type) {
  try {
    if (!type.startsWith("application/x-www-form-urlencoded")) {
      const body = JSON.parse(text);
      if (isObject(body)) return body;
      throw new SyntaxError("not an object");
    }
    const form = Object.fromEntries(new URLSearchParams(text));
    return { ...form, data: JSON.parse(form.data ?? "null") };
  } catch {
    throw new GraphError("Invalid parameter: the body is not readable");
  }
}

/** The whole body; null when it is too large. @param {import("node:http").IncomingMessage} req */
async function read(req) {
  let text = "";
  for await (const chunk of req.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) return null;
  }
  return text;
}

/** All of Graph's checks in its order; the events, if it has nothing against them.
 * @param {import("node:http").IncomingMessage} req @param {URL} url @param {string} text
 * @param {{ pixel: string, token: string, version: string }} expected @param {number} nowMs
 * @returns {Record<string, any>[]} */
function check(req, url, text, expected, nowMs) {
  const [, version, id, edge, ...rest] = url.pathname.split("/");
  if (version !== expected.version) {
    throw new GraphError(`You are calling the API version ${version}`, { code: 2635 });
  }
  if (edge !== "events" || rest.length > 0 || req.method !== "POST") {
    throw new GraphError("Unknown path components", { code: 2500 });
  }
  const body = parse(text, req.headers["content-type"] ?? "");
  const bearer = (req.headers.authorization ?? "").replace(/^(Bearer|OAuth) /i, "");
  const given = body.access_token ?? url.searchParams.get("access_token") ?? bearer;
  if (given !== expected.token) {
    throw new GraphError("Invalid OAuth access token.", { code: 190 });
  }
  if (id !== expected.pixel) {
    throw new GraphError(`Unsupported post request. Object with ID '${id}' does not exist`,
      { subcode: 33 });
  }
  if (!Array.isArray(body.data)) throw new GraphError("Invalid parameter: data must be an array");
  if (body.data.length === 0 || body.data.length > MAX_EVENTS) {
    throw new GraphError(`Invalid parameter: data must hold 1 to ${MAX_EVENTS} events`);
  }
  body.data.forEach((event, i) => checkEvent(event, i, Math.floor(nowMs / SECOND)));
  return body.data;
}

/** The failure that was asked for, or what the work comes to.
 * @param {Failure | undefined} failure @param {() => object} work
 * @returns {{ status: number, body: any }} */
function answerOf(failure, work) {
  if (failure?.text !== undefined) return { status: failure.status ?? 502, body: failure.text };
  try {
    if (failure) throw new GraphError(failure.message ?? "An error was asked for.", failure);
    return { status: 200, body: work() };
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return { status: error.status, body: error.body() };
  }
}

/**
 * @param {{ port?: number, pixel?: string, token?: string, version?: string,
 *   now?: () => number }} [settings]
 */
export async function startMetaStandIn(settings = {}) {
  const { port = 0, pixel = "1234567890", token = "stand-in-token", version = "v24.0" } = settings;
  const { now = Date.now } = settings;
  /** @type {Recorded[]} */ const requests = [];
  /** @type {Record<string, any>[]} */ const events = [];
  /** @type {Set<string>} */ const seen = new Set();
  /** @type {Failure[]} */ const failures = [];
  /** @type {Set<string>} */ const poisoned = new Set();

  /** @param {Record<string, any>[]} data */
  function keep(data) {
    for (const event of data) {
      const name = event.event_id === undefined ? null : `${event.event_name}\n${event.event_id}`;
      if (name !== null && seen.has(name)) continue;
      if (name !== null) seen.add(name);
      events.push(event);
    }
  }

  const server = createServer(async (req, res) => {
    const text = await read(req);
    if (text === null) return void req.destroy();
    const url = new URL(req.url ?? "/", "http://stand-in");
    const answer = answerOf(failures.shift(), () => {
      const data = check(req, url, text, { pixel, token, version }, now());
      const spoilt = data.findIndex((event) => poisoned.has(event.event_id));
      if (spoilt >= 0) refuse(spoilt, "is not to this platform's liking");
      keep(data);
      return { events_received: data.length, messages: [], fbtrace_id: trace() };
    });
    requests.push({
      at: now(), path: url.pathname, headers: req.headers, body: text,
      status: answer.status, answer: answer.body,
    });
    if (requests.length > MAX_RECORDS) requests.shift();
    const isText = typeof answer.body === "string";
    res.writeHead(answer.status, { "content-type": isText ? "text/html" : "application/json" });
    res.end(isText ? answer.body : JSON.stringify(answer.body));
  });

  await once(server.listen(port, "127.0.0.1"), "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());

  return {
    url: `http://127.0.0.1:${address.port}`,
    pixel, token, version,
    /** Every request, refused ones too. */ requests,
    /** Accepted events, each pair of name and id once. */ events,

    /** The next `count` requests fail: with a Graph code, or with `text` instead of JSON.
     * @param {number} count @param {Failure} [failure] */
    fail(count, failure = { code: 2 }) {
      for (let i = 0; i < count; i += 1) failures.push(failure);
    },

    /** Any request with this event is refused as a whole. @param {string} eventId */
    poison(eventId) {
      poisoned.add(eventId);
    },

    /** @returns {Promise<void>} */
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** @typedef {Awaited<ReturnType<typeof startMetaStandIn>>} MetaStandIn */
