// Makes tests/golden/public_suffix.json from the test vectors of the Public Suffix List (public
// domain), `tests/tests.txt` in crate publicsuffix 2.3.0, and from some hosts of our own:
//   node tools/golden/public_suffix.mjs tests.txt > tests/golden/public_suffix.json
import { readFileSync } from "node:fs";

const text = readFileSync(process.argv[2] ?? "tests.txt", "utf8");
/** @type {[string, string | null][]} */
const listed = [];
for (const line of text.split("\n")) {
  const [host, domain] = line.trim().split(/\s+/);
  if (!host || !domain || host.startsWith("//") || host === "null") continue;
  // A leading dot is no host anywhere here, and every host is in lower case already.
  if (host.startsWith(".")) continue;
  listed.push([host.toLowerCase(), domain === "null" ? null : domain]);
}
/** @type {[string, string | null][]} */
const ours = [
  ["shop.example", "shop.example"], ["go.shop.example", "shop.example"],
  ["shop.myshopify.com", "shop.myshopify.com"], ["myshopify.com", null],
  ["a.shop.workers.dev", "shop.workers.dev"], ["workers.dev", null], ["pages.dev", null],
  ["me.github.io", "me.github.io"], ["github.io", null], ["co.uk", null],
  ["shop.localhost", null], ["go.shop.localhost", null], ["localhost", null],
  ["notlocalhost.example", "notlocalhost.example"],
  ["127.0.0.1", null], ["10.1.2.3", null], ["::1", null],
];
const lines = (/** @type {[string, string | null][]} */ list) =>
  list.map((pair) => `    ${JSON.stringify(pair)}`).join(",\n");
console.log(`{
  "source": "tests/tests.txt of the Public Suffix List, in crate publicsuffix 2.3.0",
  "made_by": "tools/golden/public_suffix.mjs",
  "listed": [\n${lines(listed)}\n  ],
  "ours": [\n${lines(ours)}\n  ]
}`);
