// The Worker's copy of the Public Suffix List answers as the list's own test vectors say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { registrable } from "../../js/worker/suffixes.js";

const file = new URL("../golden/public_suffix.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8"));

for (const part of ["listed", "ours"]) {
  test(`registrable domains, ${part}`, () => {
    assert.ok(golden[part].length > 15);
    for (const [host, domain] of golden[part]) {
      assert.equal(registrable(host) ?? null, domain, host);
    }
  });
}
