// A local stand-in for Google's Data Manager API and its token server: `POST /token`,
// `POST /v1/events:ingest`, `GET /v1/requestStatus:retrieve`. A request of which one record does
// not read is refused as a whole; what was accepted is processed later and asked about. Rules: PyPI
// google-ads-datamanager 0.9.4 and the pages of developers.google.com/data-manager.
import { createVerify, generateKeyPairSync } from "node:crypto";
import { Refusal, isCurrency, isObject, isSha256, isText, startPlatform } from "./platform.mjs";

const MAX_EVENTS = 2000;
const MAX_DESTINATIONS = 10;
const MAX_IDENTIFIERS = 10;
const MAX_AGE_MS = 90 * 24 * 3600 * 1000;
const SCOPE = "https://www.googleapis.com/auth/datamanager";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const CONSENT = new Set(["CONSENT_GRANTED", "CONSENT_DENIED"]);
const SOURCES = new Set(["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"]);
/** @type {Record<number, string>} */
const WORDS = { 400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED",
  404: "NOT_FOUND" };

/** @param {number} status @param {string} reason @param {string} [field] */
function refusal(status, reason, field = "") {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    domain: "datamanager.googleapis.com", reason: WORDS[status] ?? reason };
  const violation = { "@type": "type.googleapis.com/google.rpc.BadRequest",
    fieldViolations: [{ field, description: `There was a problem with ${field}.`, reason }] };
  return new Refusal(status, { error: { code: status, status: WORDS[status] ?? reason,
    message: "There was a problem with the request.", details: [info, violation] } });
}

/** @param {string} reason @param {string} field @returns {never} */
function refuse(reason, field) {
  throw refusal(400, reason, field);
}

/** Only these members, or the JSON does not read: the API does not ignore what it does not know.
 * @param {unknown} value @param {string[]} names @param {string} at
 * @returns {Record<string, any>} */
function only(value, names, at) {
  if (!isObject(value)) refuse("INVALID_FORMAT", at);
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) refuse("INVALID_FORMAT", `${at}.${name}`);
  }
  return value;
}

/** @param {unknown} value @param {string} at */
function checkTime(value, at) {
  if (typeof value !== "string" || !RFC3339.test(value)) refuse("INVALID_FORMAT", at);
  return Date.parse(value);
}

/** @param {Record<string, any>} event @param {string} at */
function checkIdentifiers(event, at) {
  const ids = only(event.adIdentifiers ?? {}, ["gclid", "gbraid", "wbraid"], `${at}.adIdentifiers`);
  for (const [name, id] of Object.entries(ids)) {
    if (!isText(id)) refuse("INVALID_FORMAT", `${at}.adIdentifiers.${name}`);
  }
  const user = only(event.userData ?? {}, ["userIdentifiers"], `${at}.userData`);
  const { userIdentifiers = [] } = user;
  if (userIdentifiers.length > MAX_IDENTIFIERS) refuse("TOO_MANY_USER_IDENTIFIERS", at);
  for (const one of userIdentifiers) {
    only(one, ["emailAddress", "phoneNumber"], `${at}.userData.userIdentifiers`);
    const values = Object.values(one);
    if (values.length !== 1) refuse("INVALID_FORMAT", `${at}.userData.userIdentifiers`);
    if (!isSha256(values[0])) refuse("INVALID_SHA256_FORMAT", `${at}.userData.userIdentifiers`);
  }
  if (Object.keys(ids).length + userIdentifiers.length === 0) {
    refuse("NO_IDENTIFIERS_PROVIDED", at);
  }
}

/** @param {unknown} value @param {number} i @param {string[]} references @param {number} now */
function checkEvent(value, i, references, now) {
  const at = `events.events[${i}]`;
  const event = only(value, ["destinationReferences", "transactionId", "eventTimestamp",
    "lastUpdatedTimestamp", "userData", "consent", "adIdentifiers", "currency",
    "conversionValue", "eventSource"], at);
  for (const name of event.destinationReferences ?? []) {
    if (!references.includes(name)) refuse("INVALID_DESTINATION", at);
  }
  const time = checkTime(event.eventTimestamp, `${at}.eventTimestamp`);
  if (now - time > MAX_AGE_MS || time > now + 60_000) refuse("EVENT_TIME_INVALID", at);
  if (event.lastUpdatedTimestamp !== undefined) checkTime(event.lastUpdatedTimestamp, at);
  if (event.transactionId !== undefined && !isText(event.transactionId)) {
    refuse("INVALID_FORMAT", `${at}.transactionId`);
  }
  if (event.eventSource !== undefined && !SOURCES.has(event.eventSource)) {
    refuse("INVALID_ENUM_VALUE", `${at}.eventSource`);
  }
  for (const word of Object.values(event.consent ?? {})) {
    if (!CONSENT.has(word)) refuse("INVALID_ENUM_VALUE", `${at}.consent`);
  }
  const { conversionValue: worth, currency } = event;
  if (worth !== undefined && typeof worth !== "number") refuse("INVALID_NUMBER_FORMAT", at);
  if (worth !== undefined && !isCurrency(currency)) refuse("INVALID_CURRENCY_CODE", at);
  checkIdentifiers(event, at);
}

/** A token for a signed assertion. @param {string} text @param {string} publicKey
 * @param {string} audience @param {number} now */
function checkAssertion(text, publicKey, audience, now) {
  const form = new URLSearchParams(text);
  const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const sound = createVerify("RSA-SHA256").update(`${header}.${claims}`)
    .verify(publicKey, signature, "base64url");
  const bad = () => new Refusal(400, { error: "invalid_grant" });
  if (form.get("grant_type") !== GRANT || !sound) throw bad();
  const said = JSON.parse(Buffer.from(claims, "base64url").toString());
  const nowS = now / 1000;
  if (said.scope !== SCOPE || said.aud !== audience || said.iat > nowS + 60 || said.exp < nowS
    || said.exp > said.iat + 3600) throw bad();
}

/** @param {any} json @param {string} customer @param {string[]} actions @param {number} now */
function checkIngest(json, customer, actions, now) {
  const body = only(json, ["destinations", "encoding", "events", "validateOnly"], "");
  if (body.encoding !== "HEX") refuse("REQUIRED_FIELD_MISSING", "encoding");
  const { destinations = [], events = [] } = body;
  if (destinations.length === 0) refuse("REQUIRED_FIELD_MISSING", "destinations");
  if (destinations.length > MAX_DESTINATIONS) refuse("TOO_MANY_DESTINATIONS", "destinations");
  for (const one of destinations) {
    only(one, ["reference", "operatingAccount", "loginAccount", "productDestinationId"],
      "destinations");
    if (one.operatingAccount?.accountType !== "GOOGLE_ADS") refuse("INVALID_DESTINATION", "");
    if (one.operatingAccount.accountId !== customer) {
      throw refusal(403, "PERMISSION_DENIED", "destinations");
    }
    if (!actions.includes(one.productDestinationId)) {
      refuse("INVALID_CONVERSION_ACTION_ID", "destinations");
    }
  }
  if (events.length === 0) refuse("REQUIRED_FIELD_MISSING", "events");
  if (events.length > MAX_EVENTS) refuse("TOO_MANY_EVENTS", "events");
  const references = destinations.map((/** @type {any} */ one) => one.reference);
  events.forEach((/** @type {any} */ one, /** @type {number} */ i) =>
    checkEvent(one, i, references, now));
  return body;
}

/** @param {{ customer?: string, actions?: string[], now?: () => number }} [settings] */
export async function startGoogleAdsStandIn(settings = {}) {
  const { customer = "1234567890", actions = ["777", "888"], now = Date.now } = settings;
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" } });
  /** @type {Map<string, { statuses: object[], asked: number }>} */ const tickets = new Map();
  /** @type {Map<string, Record<string, any>>} */ const conversions = new Map();
  /** @type {Set<string>} */ const tokens = new Set();
  /** @type {string[]} */ const outcomes = [];
  let slow = 0;

  /** @param {any} body */
  function process(body) {
    const reason = outcomes.shift();
    for (const event of reason ? [] : body.events) {
      const action = event.destinationReferences?.[0] ?? "";
      const key = `${action}\n${event.transactionId}`;
      const known = conversions.get(key);
      // The same transaction again corrects value and currency, and nothing else.
      const { conversionValue, currency } = event;
      conversions.set(key, known ? { ...known, conversionValue, currency } : event);
    }
    const errorInfo = { errorCounts: [
      { recordCount: "1", reason: `PROCESSING_ERROR_REASON_${reason}` }] };
    return body.destinations.map((/** @type {object} */ destination) => reason
      ? { destination, requestStatus: "FAILED", errorInfo }
      : { destination, requestStatus: "SUCCESS" });
  }

  const platform = await startPlatform(({ method, url, headers, text, json }) => {
    const call = `${method} ${url.pathname}`;
    if (call === "POST /token") {
      checkAssertion(text, publicKey, `${platform.url}/token`, now());
      const token = `ya29.stand-in-${tokens.size + 1}`;
      tokens.add(token);
      return { status: 200, body: { access_token: token, expires_in: 3599, token_type: "Bearer" } };
    }
    if (!tokens.has(String(headers.authorization).replace("Bearer ", ""))) {
      throw refusal(401, "UNAUTHENTICATED");
    }
    if (call === "GET /v1/requestStatus:retrieve") {
      const found = tickets.get(url.searchParams.get("requestId") ?? "");
      if (!found) return refuse("INVALID_REQUEST_ID", "requestId");
      found.asked += 1;
      const waiting = found.asked <= slow;
      return { status: 200, body: { requestStatusPerDestination: waiting
        ? [{ requestStatus: "PROCESSING" }] : found.statuses } };
    }
    if (call !== "POST /v1/events:ingest") throw new Refusal(404, "<h1>Not found</h1>");
    const body = checkIngest(json, customer, actions, now());
    const id = `request/${tickets.size + 1}`;
    if (body.validateOnly !== true) tickets.set(id, { statuses: process(body), asked: 0 });
    return { status: 200, body: { requestId: id } };
  });
  return {
    ...platform, customer, actions,
    /** The service account's file. */
    credentials: { type: "service_account", client_email: "stand-in@project.example",
      private_key: privateKey, token_uri: "https://nowhere.example/token" },
    /** Conversions by action and transaction id. */ conversions,
    /** Requests that were accepted, and how often each was asked about. */ tickets,

    /** Processing of the next requests comes to these reasons. @param {string[]} reasons */
    failToProcess: (...reasons) => void outcomes.push(...reasons),

    /** From now on a request is processed only after that many questions. @param {number} times */
    takeTime(times) {
      slow = times;
    },
  };
}
