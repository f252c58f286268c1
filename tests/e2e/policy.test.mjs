import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nonceFor, scriptSources } from "../../js/worker/policy.js";

const SCRIPT = new URL("https://shop.example/tl/tl.js");

/** What our tag needs under these policies: a nonce, "" for none, undefined for "never".
 * @param {string | null} policy @param {string[]} [given] */
const needs = (policy, given = []) => nonceFor(scriptSources(policy), given, SCRIPT);

describe("a page's policy", () => {
  test("without a word about scripts asks for nothing", () => {
    for (const policy of [null, "", ";", "img-src 'none'", "frame-ancestors 'self'; report-uri /r"]) {
      assert.equal(needs(policy), "", String(policy));
    }
    assert.equal(needs(null, ["abc"]), "abc", "somebody in front of us may set the policy");
    assert.equal(needs(null, ['"><script>', "a b"]), "", "what is no nonce is not taken");
  });

  test("with a nonce gives it to our tag", () => {
    for (const policy of [
      "script-src 'nonce-r4nd0m+/='", "SCRIPT-SRC 'Nonce-r4nd0m+/='",
      "default-src 'none'; script-src 'strict-dynamic' 'nonce-r4nd0m+/=' https: 'unsafe-inline'",
      "script-src 'none'; script-src-elem 'nonce-r4nd0m+/='",
      "default-src 'self' 'nonce-r4nd0m+/='",
      "script-src 'nonce-r4nd0m+/=', default-src 'self'",
      "object-src 'none';\tscript-src\n'self' 'nonce-r4nd0m+/='",
    ]) assert.equal(needs(policy), "r4nd0m+/=", policy);
    assert.equal(needs("script-src 'nonce-a' 'nonce-b', script-src 'nonce-b'"), "b");
  });

  test("that names our host by itself asks for nothing", () => {
    for (const source of ["'self'", "*", "https:", "shop.example", "https://shop.example",
      "*.example", "shop.example:443", "http://shop.example", "shop.example/tl/",
      "https://shop.example/tl/tl.js", "shop.example:*", "SHOP.example"]) {
      assert.equal(needs(`script-src ${source} 'unsafe-eval'`), "", source);
    }
  });

  test("that refuses our script is a refusal", () => {
    for (const policy of [
      "script-src 'none'", "script-src", "default-src 'none'", "script-src 'sha256-AAAA'",
      "script-src 'strict-dynamic' 'self' 'sha256-AAAA'", "script-src other.example",
      "script-src *.shop.example", "script-src wss:", "script-src shop.example:8443",
      "script-src shop.example/js/", "script-src 'unsafe-inline'", "script-src 'self' ; sandbox",
      "script-src-elem 'none'; script-src 'self'", "script-src 'none'; script-src 'self'",
      "script-src 'nonce-a', script-src 'nonce-b'", "script-src 'self', script-src 'none'",
      "script-src 'nonce-'", `script-src 'self' ${"x".repeat(70_000)}`,
    ]) assert.equal(needs(policy), undefined, policy.slice(0, 80));
    assert.equal(needs("script-src 'nonce-a'", ["b"]), "a", "the policy's own comes first");
  });
});
