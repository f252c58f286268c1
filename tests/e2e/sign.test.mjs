import assert from "node:assert/strict";
import { createVerify, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { sign } from "../../js/worker/bindings.js";

test("a service account's key signs as RS256, and what is no key gives nothing", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const text = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiLDpCJ9";
  const signature = await sign(pem, text);
  assert.match(String(signature), /^[A-Za-z0-9_-]{342}$/);
  const bytes = Buffer.from(String(signature), "base64url");
  assert.ok(createVerify("sha256").update(text).verify(publicKey, bytes));
  // As it stands in a credentials file whose line ends were escaped and read back.
  assert.equal(await sign(pem.replaceAll("\n", "\r\n"), text), signature);
  const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const other = elliptic.export({ type: "pkcs8", format: "pem" }).toString();
  for (const bad of ["", "x", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----", other]) {
    assert.equal(await sign(bad, text), null, bad);
  }
});
