/**
 * Token and journal, sealed by WebCrypto's AES-GCM: `version(1) key(1) nonce(12)`, ciphertext and
 * tag. The plain bytes are the product's (src/domain/visit/token.rs, journal.rs). A touch stays as its
 * 41 bytes and is taken apart only where its fields are needed.
 */
import { random, readU48, writeU48 } from "./bytes.js";

const TOUCH = 41;
const LONGEST_COOKIE = 2000;
const MOST_TOUCHES = 8;
const MOST_CLICK_IDS = 6;
const AGE_MS = 400 * 86_400_000;
const SKEW_MS = 300_000;
const TO_TEXT = /** @type {const} */ ({ alphabet: "base64url", omitPadding: true });
const FROM_TEXT = /** @type {const} */ ({ alphabet: "base64url" });
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("latin1");
const CONTEXT = {
  token: ENCODER.encode("\x01\x01tlc_"), journal: ENCODER.encode("\x01\x01journal"),
};
/** Used again: making an array costs more than filling it. WebCrypto copies what it is given. */
const PLAIN = new Uint8Array(8192);
const SEALED = new Uint8Array(8192);
SEALED[0] = 1;
SEALED[1] = 1;

/**
 * @typedef {{ code: number, at: number, value: string }} ClickId
 *
 * @typedef {object} Journal
 * @property {number} consent
 * @property {number} issued
 * @property {Uint8Array} visitor
 * @property {Uint8Array[]} touches 41 bytes each
 * @property {ClickId[]} ids
 */

/** @type {any} Uint8Array.prototype.toBase64 and fromBase64 are too new for the types. */
const Bytes = Uint8Array;

/** @type {Record<"token" | "journal" | "mac", CryptoKey> | undefined} */
let keys;

/** Are the keys there? Waiting for nothing costs a turn of the event loop. */
export const hasKeys = () => keys !== undefined;

/** Imports the keys. @param {any} env */
export async function importKeys(env) {
  const raw = (/** @type {string} */ text) => Bytes.fromBase64(text, FROM_TEXT);
  const { subtle } = crypto;
  const aes = (/** @type {string} */ text) =>
    subtle.importKey("raw", raw(text), "AES-GCM", false, ["encrypt", "decrypt"]);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const mac = await subtle.importKey("raw", raw(env.MAC_KEY), hmac, false, ["sign"]);
  keys = { token: await aes(env.TOKEN_KEY), journal: await aes(env.JOURNAL_KEY), mac };
}

/** @returns {Record<"token" | "journal" | "mac", CryptoKey>} */
function known() {
  if (!keys) throw new Error("the keys are not imported");
  return keys;
}

/**
 * @param {"token" | "journal"} what
 * @param {Uint8Array} plain
 * @param {Uint8Array} iv
 * @returns {Promise<string>}
 */
async function seal(what, plain, iv) {
  const how = { name: "AES-GCM", iv, additionalData: CONTEXT[what] };
  const sealed = await crypto.subtle.encrypt(/** @type {any} */ (how), known()[what],
    /** @type {any} */ (plain));
  SEALED.set(iv, 2);
  SEALED.set(new Uint8Array(sealed), 14);
  return /** @type {any} */ (SEALED.subarray(0, 14 + sealed.byteLength)).toBase64(TO_TEXT);
}

/** The token of a touch; under `code` the same for everybody. @param {Uint8Array} touch */
export async function mint(touch) {
  if ((touch[32] & 15) > 0) return seal("token", touch, random(12));
  // Where the consent state comes from is kept to ourselves.
  const nameless = touch.slice();
  nameless[32] = 0;
  const mac = await crypto.subtle.sign("HMAC", known().mac, nameless);
  return seal("token", nameless, new Uint8Array(mac, 0, 12));
}

/** @param {string} value @returns {Promise<Journal | undefined>} */
async function open(value) {
  if (value.length > LONGEST_COOKIE) return undefined;
  try {
    const sealed = Bytes.fromBase64(value, FROM_TEXT);
    if (sealed[0] !== 1 || sealed[1] !== 1) return undefined;
    const iv = sealed.subarray(2, 14);
    const how = { name: "AES-GCM", iv, additionalData: CONTEXT.journal };
    const plain = await crypto.subtle.decrypt(how, known().journal, sealed.subarray(14));
    return read(new Uint8Array(plain));
  } catch {
    return undefined;
  }
}

/** @param {Uint8Array} plain @returns {Journal} */
function read(plain) {
  const touches = [];
  let at = 17;
  for (let left = plain[16]; left > 0; left--) touches.push(plain.subarray(at, (at += TOUCH)));
  const ids = [];
  for (let left = plain[at++]; left > 0; left--) {
    const end = at + 9 + (plain[at + 7] << 8 | plain[at + 8]);
    const value = DECODER.decode(plain.subarray(at + 9, end));
    ids.push({ code: plain[at], at: readU48(plain, at + 1), value });
    at = end;
  }
  if (at !== plain.length || plain[0] > 2) throw new RangeError("not a journal");
  return {
    consent: plain[0], issued: readU48(plain, 2), visitor: plain.subarray(8, 16), touches, ids,
  };
}

/** Of several cookies the newest that opens. @param {string[]} values @param {number} now */
export async function newest(values, now) {
  let found;
  for (const value of values) {
    const journal = await open(value);
    if (!journal || now - journal.issued > AGE_MS || journal.issued - now > SKEW_MS) continue;
    if (!found || journal.issued >= found.issued) found = journal;
  }
  return found;
}

/** @param {Journal} journal */
function write(journal) {
  PLAIN[0] = journal.consent;
  PLAIN[1] = 0;
  writeU48(PLAIN, 2, journal.issued);
  PLAIN.set(journal.visitor, 8);
  PLAIN[16] = journal.touches.length;
  let at = 17;
  for (const touch of journal.touches) {
    PLAIN.set(touch, at);
    at += TOUCH;
  }
  PLAIN[at++] = journal.ids.length;
  for (const { code, at: when, value } of journal.ids) {
    PLAIN[at] = code;
    writeU48(PLAIN, at + 1, when);
    PLAIN[at + 7] = value.length >>> 8;
    PLAIN[at + 8] = value.length;
    ENCODER.encodeInto(value, PLAIN.subarray(at + 9));
    at += 9 + value.length;
  }
  return PLAIN.subarray(0, at);
}

/** Within its bounds: the middle touches leave first, then the oldest click IDs.
 * @param {Journal} journal */
export function sealJournal(journal) {
  const { touches, ids } = journal;
  while (touches.length > MOST_TOUCHES) touches.splice(1, 1);
  while (ids.length > MOST_CLICK_IDS) ids.shift();
  for (;;) {
    const plain = write(journal);
    const whole = Math.ceil(((plain.length + 30) * 4) / 3);
    if (whole <= LONGEST_COOKIE) return seal("journal", plain, random(12));
    if (touches.length > 2) touches.splice(1, 1);
    else ids.shift();
  }
}
