// The stand-in must be as strict as Google's documentation, or tests against it prove nothing.
import assert from "node:assert/strict";
import { createHash, createSign } from "node:crypto";
import { after, before, test } from "node:test";
import { startGoogleAdsStandIn } from "./support/google_ads_stand_in.mjs";

const NOW = 1_790_000_000_000;
const DAY = 86_400_000;
const HASH = createHash("sha256").update("adacanary@gmail.com").digest("hex");

/** @type {Awaited<ReturnType<typeof startGoogleAdsStandIn>>} */
let google;
let token = "";
before(async () => {
  google = await startGoogleAdsStandIn({ now: () => NOW });
  token = (await (await buy({})).json()).access_token;
});
after(() => google.close());

const encode = (/** @type {object} */ value) =>
  Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {object} changes @param {string} [key] */
function buy(changes, key = google.credentials.private_key) {
  const claims = encode({ iss: "a@b.example", scope: "https://www.googleapis.com/auth/datamanager",
    aud: `${google.url}/token`, iat: NOW / 1000, exp: NOW / 1000 + 3600, ...changes });
  const unsigned = `${encode({ alg: "RS256", typ: "JWT" })}.${claims}`;
  const signature = createSign("RSA-SHA256").update(unsigned).sign(key, "base64url");
  const body = new URLSearchParams({ assertion: `${unsigned}.${signature}`,
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer" });
  return fetch(`${google.url}/token`, { method: "POST", body });
}

/** @param {object} [changes] */
const event = (changes = {}) => ({
  destinationReferences: ["sale"], transactionId: "o1", eventSource: "WEB",
  eventTimestamp: new Date(NOW - DAY).toISOString(), currency: "USD", conversionValue: 1.5,
  adIdentifiers: { gclid: "Cj0" }, userData: { userIdentifiers: [{ emailAddress: HASH }] },
  consent: { adUserData: "CONSENT_GRANTED", adPersonalization: "CONSENT_DENIED" }, ...changes,
});

/** @param {object} [changes] */
const destination = (changes = {}) => ({ reference: "sale", productDestinationId: "777",
  operatingAccount: { accountType: "GOOGLE_ADS", accountId: google.customer }, ...changes });

/** @param {object} changes @param {string} [bearer] */
async function ingest(changes, bearer = token) {
  const body = { destinations: [destination()], encoding: "HEX", events: [event()], ...changes };
  const answer = await fetch(`${google.url}/v1/events:ingest`, { method: "POST",
    headers: { authorization: `Bearer ${bearer}` }, body: JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() };
}

/** @param {string} id */
async function ask(id) {
  const url = `${google.url}/v1/requestStatus:retrieve?requestId=${encodeURIComponent(id)}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, json: await answer.json() };
}

/** @param {any} json */
const reasonOf = (json) => json.error.details[1].fieldViolations[0].reason;

test("sells tokens for assertions that are signed, new and for it", async () => {
  const other = await startGoogleAdsStandIn();
  await other.close();
  assert.equal((await buy({}, other.credentials.private_key)).status, 400);
  for (const changes of [{ aud: "https://oauth2.googleapis.com/token" }, { scope: "other" },
    { exp: NOW / 1000 - 1 }, { exp: NOW / 1000 + 7200 }, { iat: NOW / 1000 + 120 }]) {
    assert.equal((await buy(changes)).status, 400, JSON.stringify(changes));
  }
  assert.equal((await ingest({}, "made-up")).status, 401);
});

test("accepts, processes later, and corrects what it knows", async () => {
  google.takeTime(1);
  const { status, json } = await ingest({});
  assert.equal(status, 200);
  const waiting = await ask(json.requestId);
  assert.equal(waiting.json.requestStatusPerDestination[0].requestStatus, "PROCESSING");
  const done = await ask(json.requestId);
  assert.equal(done.json.requestStatusPerDestination[0].requestStatus, "SUCCESS");
  google.takeTime(0);
  await ingest({ events: [event({ conversionValue: 1, adIdentifiers: { gclid: "other" } })] });
  assert.equal(google.conversions.size, 1);
  const known = google.conversions.get("sale\no1");
  assert.deepEqual([known?.conversionValue, known?.adIdentifiers.gclid], [1, "Cj0"]);
  const tried = await ingest({ validateOnly: true, events: [event({ transactionId: "test" })] });
  assert.equal((await ask(tried.json.requestId)).status, 400);
  assert.equal(google.conversions.size, 1);
  assert.equal(reasonOf((await ask("unknown")).json), "INVALID_REQUEST_ID");
});

test("one bad record fails the whole request", async () => {
  /** @type {[object, string][]} */
  const bad = [
    [{ userData: { userIdentifiers: [{ emailAddress: "a@b.example" }] } }, "INVALID_SHA256_FORMAT"],
    [{ userData: { userIdentifiers: [{ emailAddress: HASH, phoneNumber: HASH }] } },
      "INVALID_FORMAT"],
    [{ userData: undefined, adIdentifiers: undefined }, "NO_IDENTIFIERS_PROVIDED"],
    [{ eventTimestamp: new Date(NOW - 91 * DAY).toISOString() }, "EVENT_TIME_INVALID"],
    [{ eventTimestamp: NOW / 1000 }, "INVALID_FORMAT"],
    [{ eventTimestamp: "2026-11-22 08:00:00+00:00" }, "INVALID_FORMAT"],
    [{ consent: { adUserData: "GRANTED" } }, "INVALID_ENUM_VALUE"],
    [{ eventSource: "website" }, "INVALID_ENUM_VALUE"],
    [{ conversionValue: "1.5" }, "INVALID_NUMBER_FORMAT"],
    [{ currency: "usd" }, "INVALID_CURRENCY_CODE"],
    [{ destinationReferences: ["lead"] }, "INVALID_DESTINATION"],
    [{ ipAddress: "203.0.113.7" }, "INVALID_FORMAT"],
  ];
  const before_ = google.conversions.size;
  for (const [changes, reason] of bad) {
    const events = [event({ transactionId: "good" }), event(changes)];
    const { status, json } = await ingest({ events });
    assert.equal(status, 400, reason);
    assert.equal(reasonOf(json), reason, JSON.stringify(changes));
    assert.match(json.error.details[1].fieldViolations[0].field, /events\[1\]/);
  }
  assert.equal(google.conversions.size, before_);
});

test("refuses accounts, actions and shapes that are not its own", async () => {
  const other = { accountType: "GOOGLE_ADS", accountId: "1" };
  assert.equal((await ingest({ destinations: [destination({ operatingAccount: other })] })).status,
    403);
  for (const [changes, reason] of /** @type {[object, string][]} */ ([
    [{ destinations: [destination({ productDestinationId: "1" })] },
      "INVALID_CONVERSION_ACTION_ID"],
    [{ destinations: [] }, "REQUIRED_FIELD_MISSING"],
    [{ encoding: undefined }, "REQUIRED_FIELD_MISSING"],
    [{ events: Array.from({ length: 2001 }, () => event()) }, "TOO_MANY_EVENTS"],
    [{ pixel: "x" }, "INVALID_FORMAT"],
  ])) {
    assert.equal(reasonOf((await ingest(changes)).json), reason);
  }
});

test("misbehaves as it is told, then recovers", async () => {
  google.failToProcess("TOO_RECENT_CLICK");
  const { json } = await ingest({ events: [event({ transactionId: "late" })] });
  const [status] = (await ask(json.requestId)).json.requestStatusPerDestination;
  assert.equal(status.requestStatus, "FAILED");
  assert.equal(status.errorInfo.errorCounts[0].reason, "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK");
  assert.ok(!google.conversions.has("sale\nlate"));
  google.fail(1, { status: 503, body: { error: { code: 503, status: "UNAVAILABLE" } } });
  assert.equal((await ingest({})).status, 503);
  assert.equal((await ingest({ events: [event({ transactionId: "late" })] })).status, 200);
  assert.ok(google.conversions.has("sale\nlate"));
});
