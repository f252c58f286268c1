/**
 * Before anything is measured: does the JavaScript Worker do what the product does? Both hear the
 * same visitors; Location, cookie, token, click and page are opened with each one's keys and
 * compared field by field. Nonces are compared by where they recur, times by their order.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha";
import { createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { deepStrictEqual } from "node:assert/strict";
import { Stop } from "../tools/console.mjs";
import { EARLIER, cookieOf, locationOf, request } from "./visitor.mjs";

/**
 * Opens what was sealed: `journal` or `token`.
 * @typedef {(what: "journal" | "token", text: string) => Buffer} Opener
 */

const CONTEXT = { journal: "journal", token: "tlc_" };

/** @param {string} rootSecret @returns {Opener} */
export function productOpener(rootSecret) {
  const root = Buffer.from(rootSecret.split(":")[1], "base64url");
  return (what, text) => {
    const key = hkdfSync("sha256", root, Buffer.alloc(0), `throughline/v1/${what}`, 32);
    const sealed = Buffer.from(text, "base64url");
    // A journal is bound to its program: the benches have one, with the number 1.
    const owner = what === "journal" ? Buffer.from("0000000000000001", "hex") : Buffer.alloc(0);
    const aad = Buffer.concat([sealed.subarray(0, 2), Buffer.from(CONTEXT[what]), owner]);
    const cipher = xchacha20poly1305(new Uint8Array(key), sealed.subarray(2, 26), aad);
    return Buffer.from(cipher.decrypt(sealed.subarray(26)));
  };
}

/** The keys of the JavaScript Worker, and how to open what it seals. */
export function twinKeys() {
  const keys = { journal: randomBytes(32), token: randomBytes(32), mac: randomBytes(32) };
  const text = (/** @type {Buffer} */ key) => key.toString("base64url");
  /** @type {Opener} */
  const open = (what, value) => {
    const sealed = Buffer.from(value, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", keys[what], sealed.subarray(2, 14));
    decipher.setAAD(Buffer.concat([sealed.subarray(0, 2), Buffer.from(CONTEXT[what])]));
    decipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(14, -16)), decipher.final()]);
  };
  const vars = {
    TOKEN_KEY: text(keys.token), JOURNAL_KEY: text(keys.journal), MAC_KEY: text(keys.mac),
  };
  return { vars, open };
}

/** @param {Buffer} bytes */
function touch(bytes) {
  return {
    at: bytes.readUIntBE(0, 6), ids: bytes.toString("hex", 6, 30), variant: bytes[30],
    class: bytes[31], permission: bytes[32], nonce: bytes.toString("hex", 33, 41),
  };
}

/** @param {Buffer} bytes */
function journal(bytes) {
  const count = bytes[16];
  const touches = Array.from({ length: count }, (_, n) => touch(bytes.subarray(17 + 41 * n)));
  let at = 18 + 41 * count;
  const ids = Array.from({ length: bytes[at - 1] }, () => {
    const end = at + 9 + bytes.readUInt16BE(at + 7);
    const code = bytes[at];
    const when = bytes.readUIntBE(at + 1, 6);
    const value = bytes.toString("latin1", at + 9, end);
    at = end;
    return { code, at: when, value };
  });
  deepStrictEqual(at, bytes.length);
  return { consent: bytes[0], flags: bytes[1], at: bytes.readUIntBE(2, 6), touches, ids };
}

/**
 * What may differ becomes what may not: nonces and keys their order of appearance, times the
 * number of different ones before them; under a day's time they stay.
 * @param {unknown} all
 */
function normal(all) {
  /** @type {string[]} */
  const names = [];
  /** @type {number[]} */
  const times = [];
  const place = (/** @type {any[]} */ known, /** @type {unknown} */ value) => {
    if (!known.includes(value)) known.push(value);
    return known.indexOf(value);
  };
  return JSON.parse(JSON.stringify(all, (name, value) => {
    if (name === "nonce" || name === "key") return `name ${place(names, value)}`;
    if (name === "at" && value % 86_400_000 !== 0) return `time ${place(times, value)}`;
    return value;
  }));
}

/** @param {{ head: string, body: string }} answer @param {any} click @param {Opener} open */
function understood({ head, body }, click, open) {
  const location = locationOf(head) ?? "";
  const token = /[?&]tl=tlc_([\w-]+)/.exec(location)?.[1];
  const cookie = cookieOf(head)?.slice("__Host-tl=".length);
  const changing = /^(?:date|content-length)/i;
  const headers = head.split("\r\n").slice(1).filter((line) => !changing.test(line));
  const plain = (/** @type {string} */ text) =>
    text.replace(token ?? "no token", "TOKEN").replace(cookie ?? "no cookie", "JOURNAL");
  return normal({
    status: head.slice(9, 12), headers: headers.map(plain).sort(), body: plain(body),
    token: token && touch(open("token", token)),
    journal: cookie && journal(open("journal", cookie)), click,
  });
}

/**
 * Requests that show whether the work is the same, in the order in which a visitor makes them.
 * @type {{ name: string, keeps?: boolean, path?: string, country?: string,
 *   headers?: Record<string, string> }[]} `keeps`: the visitor sends the last cookie along
 */
const CONVERSATION = [
  { name: "a first click" },
  { name: "the same click again", keeps: true },
  ...EARLIER.map((path) => ({ name: "another partner", path, keeps: true })),
  { name: "back to the first", keeps: true },
  { name: "a query of many", keeps: true,
    path: "/go/a?ref=x&b=1+2&b=%20&gclid=A-_%2B&GCLID=B&&wbraid=&q=%C3%BC&msclkid=m" },
  { name: "pinned and escaped names", keeps: true, path: "/go/anna?r%65f=x&ref=y&z=&tl=forged" },
  { name: "Global Privacy Control", keeps: true, headers: { "sec-gpc": "1" } },
  { name: "no consent", country: "DE" },
  { name: "an unknown country", country: "XX" },
  { name: "no gesture", headers: { "sec-fetch-user": "" } },
  { name: "an older browser", headers: {
    "sec-fetch-dest": "", "sec-fetch-mode": "", "sec-fetch-site": "", "sec-fetch-user": "" } },
  { name: "loaded ahead", headers: { "sec-purpose": "prefetch" } },
  { name: "an image", headers: { "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors" } },
  { name: "a crawler", headers: { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)" } },
];

/**
 * @typedef {object} Side
 * @property {number} port
 * @property {Opener} open
 * @property {(clicks: number) => Promise<any[]>} clicks waits for them and gives them in order
 */

/**
 * Ends the bench when the two differ.
 * @param {Side[]} sides
 * @param {(port: number, text: string) => Promise<{ head: string, body: string }>} ask
 */
export async function mustBeEqual(sides, ask) {
  const heard = [];
  for (const side of sides) heard.push(await conversation(side, ask));
  const [ours, theirs] = heard;
  for (const [place, { name }] of CONVERSATION.entries()) {
    try {
      deepStrictEqual(theirs[place], ours[place]);
    } catch (error) {
      const how = error instanceof Error ? error.message : String(error);
      throw new Stop(`the JavaScript Worker differs from the product: ${name}\n${how}`);
    }
  }
}

/** @param {Side} side @param {(port: number, text: string) => Promise<any>} ask */
async function conversation({ port, open, clicks }, ask) {
  const answers = [];
  let cookie;
  for (const { keeps, ...visit } of CONVERSATION) {
    // Two visits within a millisecond have one time, and times are compared by their order.
    await setTimeout(2);
    const answer = await ask(port, request({ ...visit, cookie: keeps ? cookie : undefined }));
    cookie = cookieOf(answer.head) ?? cookie;
    answers.push(answer);
  }
  const found = await clicks(CONVERSATION.length);
  return answers.map((answer, place) => understood(answer, found[place], open));
}
