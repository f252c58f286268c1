// Makes tests/golden/meta_hashing.json by running Meta's parameter builder, whose values we
// compare with and whose code is no part of this project. In a directory where
// `npm install capi-param-builder-nodejs@1.3.2` has run:
//   node <project>/tools/golden/meta_hashing.mjs > meta_hashing.json
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const { ParamBuilder } = require("capi-param-builder-nodejs");

const hash = "ABCDEF0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789";
/** @type {Record<string, string[]>} */
const inputs = {
  email: [
    " John_Smith@Gmail.com ", "a.b+c@example.co.uk", "\t\u00a0UPPER@EXAMPLE.COM\u3000\n",
    "o'neil@example.com", "x@sub-domain.example", "x!#$%&'*+/=?^`{|}~-y@example.com",
    "1@1.de", "jo hn@example.com", "no-at.example.com", "two@@example.com", "a@example",
    "a@.example.com", "a@example-.com", ".a@example.com", "a.@example.com", "é@example.com",
    "a@exämple.com", "東京", "\ufeffa@example.com", "\u0085a@example.com", "a@example.com.",
    hash, ` ${hash.toLowerCase()} `,
  ],
  phone: [
    "+1 (650) 555-1212", "0044 20 7946 0958", "16505551212", "001-650-555-1212", "+49.30/123456",
    "(0) 650 555 1212", "00", "", "+", "tel", "\u00a01 650 555 1212", hash,
  ],
  external_id: [
    "Customer-42", " cus_AbC 123 ", "user@example.com", "a\tb\u00a0c\u3000d", "ÄÖÜ", "ΟΔΟΣ", "İ",
    "東京", "0", "   ", "", "\ufeffx", "x\u0085y", hash,
  ],
};

const builder = new ParamBuilder();
/** The builder glues a mark of its own to the hash; the hash is what stands before the dot.
 * @param {string} input @param {string} kind */
const hashed = (input, kind) =>
  builder.getNormalizedAndHashedPII(input, kind)?.split(".")[0] ?? null;
const cases = Object.fromEntries(
  Object.entries(inputs).map(([kind, list]) => [
    kind,
    list.map((input) => ({ input, sha256: hashed(input, kind) })),
  ]),
);
const source = "npm capi-param-builder-nodejs 1.3.2";
const made_by = "tools/golden/meta_hashing.mjs";
console.log(JSON.stringify({ source, made_by, ...cases }, null, 2));
