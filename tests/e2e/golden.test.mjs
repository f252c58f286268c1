/**
 * The sealed formats read by other libraries than the product's own: what tests/golden holds opens
 * with @noble/ciphers and @noble/hashes and decodes, byte by byte, to the fields beside it; and so
 * does what the Worker seals, whose ciphers run on WebAssembly's SIMD.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha";
import { hkdf } from "@noble/hashes/hkdf";
import { hmac } from "@noble/hashes/hmac";
import { sha256 } from "@noble/hashes/sha2";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { startReady } from "./support/world.mjs";

const CLASSES = [
  "", "human", "prefetch", "head", "stuffed", "crawler", "provisional", "preview", "scanner",
  "ai_agent", "library", "duplicate", "flood",
];
const RUNGS = ["code", "session", "full"];
const EVIDENCE = [
  "default", "country", "gpc", "decision", "site_cookie", "tcf", "consent_mode",
];
/** @param {number} byte */
const classAndMarks = (byte) => ({ class: CLASSES[byte & 15], holdout: (byte & 0x20) !== 0 });
/** @param {number} byte */
const permission = (byte) => ({ consent: RUNGS[byte & 15], evidence: EVIDENCE[byte >> 4] });
const SCOPES = ["", "admin", "track", "read"];
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** @param {string} name @returns {any} */
function golden(name) {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), "utf8"));
}

/** The id and one derived key of a root secret. @param {string} secret @param {string} purpose */
function keyOf(secret, purpose) {
  const [id, text] = secret.split(":");
  const root = Buffer.from(text ?? "", "base64url");
  return { id: Number(id), key: hkdf(sha256, root, undefined, `throughline/v1/${purpose}`, 32) };
}

/**
 * HMAC over parts, each with its length in front.
 * @param {Uint8Array} key @param {Uint8Array[]} parts
 */
function mac(key, ...parts) {
  const lengths = parts.map((part) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(part.length));
    return Buffer.concat([length, part]);
  });
  return Buffer.from(hmac(sha256, key, Buffer.concat(lengths)));
}

/**
 * @param {string} text @param {string} secret @param {string} purpose
 * @param {string | Buffer} context @param {number} [version]
 */
function open(text, secret, purpose, context, version = 1) {
  const sealed = Buffer.from(text, "base64url");
  assert.equal(sealed.toString("base64url"), text, "canonical base64url without padding");
  const { id, key } = keyOf(secret, purpose);
  assert.deepEqual([sealed[0], sealed[1]], [version, id]);
  const nonce = sealed.subarray(2, 26);
  const aad = Buffer.concat([sealed.subarray(0, 2), Buffer.from(context)]);
  const plain = Buffer.from(xchacha20poly1305(key, nonce, aad).decrypt(sealed.subarray(26)));
  return { plain, nonce };
}

/** Sixty bits as twelve letters. @param {string} prefix @param {bigint} number */
function idText(prefix, number) {
  let text = "";
  for (let left = number, n = 0; n < 12; n += 1, left >>= 5n) {
    text = ALPHABET[Number(left & 31n)] + text;
  }
  return prefix + text;
}

/** What the seal of a program's journals is bound to. @param {string} program */
function ownerOf(program) {
  const number = [...program.slice(3)].reduce((n, c) => n * 32n + BigInt(ALPHABET.indexOf(c)), 0n);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(number);
  return Buffer.concat([Buffer.from("journal"), bytes]);
}

/** Takes fields off the front of bytes. @param {Buffer} bytes */
function reader(bytes) {
  let at = 0;
  return {
    u8: () => bytes.readUInt8(at++),
    u16: () => bytes.readUInt16BE((at += 2) - 2),
    u48: () => bytes.readUIntBE((at += 6) - 6, 6),
    u64: () => bytes.readBigUInt64BE((at += 8) - 8),
    text: (/** @type {number} */ length) => bytes.toString("utf8", at, (at += length)),
    end: () => assert.equal(at, bytes.length, "nothing follows"),
  };
}

/** @param {bigint} number */
const hex = (number) => number.toString(16).padStart(16, "0");

/** @param {ReturnType<typeof reader>} from */
function touch(from) {
  const fields = {
    at: from.u48(),
    program: idText("pg_", from.u64()),
    link: idText("ln_", from.u64()),
    partner: idText("pn_", from.u64()),
    variant: from.u8(),
    ...classAndMarks(from.u8()),
    ...permission(from.u8()),
  };
  const nonce = from.u64();
  return { ...fields, nonce: nonce === 0n ? null : hex(nonce) };
}

/** @param {Buffer} plain */
function journal(plain) {
  const from = reader(plain);
  const fields = {
    consent: RUNGS[from.u8()],
    renew: (from.u8() & 1) === 1,
    issued_at: from.u48(),
    visitor: hex(from.u64()),
    touches: Array.from({ length: from.u8() }, () => touch(from)),
    click_ids: Array.from({ length: from.u8() }, () => ({
      code: from.u8(),
      at: from.u48(),
      value: from.text(from.u16()),
    })),
  };
  from.end();
  return fields;
}

test("click tokens", () => {
  const { root_secret: secret, vectors } = golden("token");
  assert.ok(vectors.length >= 4);
  for (const vector of vectors) {
    assert.match(vector.token, /^tlc_[A-Za-z0-9_-]{1,116}$/);
    const { plain, nonce } = open(vector.token.slice(4), secret, "token", "tlc_");
    const from = reader(plain);
    assert.deepEqual(touch(from), vector.touch);
    from.end();
    if (vector.touch.nonce === null) {
      assert.equal(vector.touch.at % 86_400_000, 0, "an anonymous token names a day");
      const { key } = keyOf(secret, "anonymous-nonce");
      assert.deepEqual(nonce, mac(key, Buffer.from("tlc_"), plain).subarray(0, 24));
    } else {
      assert.equal(nonce.toString("hex"), vector.entropy);
    }
  }
});

test("journals", () => {
  const { root_secret: secret, vectors } = golden("journal");
  const first = golden("journal_v1").vectors;
  assert.ok(vectors.length >= 3 && first.length >= 3);
  for (const vector of [...vectors, ...first]) {
    assert.ok(vector.cookie.length <= 2_000);
    const { plain, nonce } = vector.program
      ? open(vector.cookie, secret, "journal", ownerOf(vector.program), 2)
      : open(vector.cookie, secret, "journal", "journal");
    assert.equal(nonce.toString("hex"), vector.entropy);
    assert.deepEqual(journal(plain), vector.journal);
  }
});

test("API keys", () => {
  const { root_secret: secret, vectors } = golden("api_key");
  assert.ok(vectors.length >= 3);
  for (const vector of vectors) {
    assert.match(vector.key, /^tlk_[A-Za-z0-9_-]+$/);
    const bytes = Buffer.from(vector.key.slice(4), "base64url");
    const { id, key } = keyOf(secret, "api-key");
    assert.deepEqual([bytes.length, bytes[0]], [34, id]);
    const body = bytes.subarray(1, 18);
    assert.deepEqual(bytes.subarray(18), mac(key, body).subarray(0, 16));
    const from = reader(body);
    assert.equal(idText("ak_", from.u64()), vector.id);
    const program = from.u64();
    assert.equal(program === 0n ? null : idText("pg_", program), vector.program);
    assert.equal(SCOPES[from.u8()], vector.scope);
    from.end();
  }
});

test("what the Worker seals, of many lengths", async () => {
  const world = await startReady();
  try {
    const secret = world.stack.rootSecret;
    let cookie;
    for (let length = 1; length <= 130; length += 1) {
      const [name, link] = length % 2 ? ["anna", world.program.anna] : ["boris", world.program.boris];
      const value = `${"Ab_-9".repeat(26)}`.slice(0, length);
      const made = await world.click(`/go/${name}?fbclid=${value}`, { cookie });
      const token = touch(reader(open(made.token.slice(4), secret, "token", "tlc_").plain));
      assert.equal(token.link, link.link);
      cookie = made.cookie?.pair;
      const sealed = String(cookie).slice("__Host-tl=".length);
      const owner = ownerOf(world.program.id);
      const kept = journal(open(sealed, secret, "journal", owner, 2).plain);
      assert.deepEqual(kept.touches.at(-1), token);
      assert.equal(kept.touches.length, Math.min(length, 8), "it opens what it sealed");
      assert.equal(kept.click_ids.at(-1)?.value, value);
    }
  } finally {
    await world.stop();
  }
});
