// Makes tests/golden/standard_webhooks.json with the reference library. In a directory where
// `npm install standardwebhooks@1.1.1` has run:
//   node <project>/tools/golden/standard_webhooks.mjs > standard_webhooks.json
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const { Webhook } = require("standardwebhooks");

/** A secret whose bytes count up from `first`. @param {number} length @param {number} first */
const secret = (length, first) =>
  "whsec_" +
  Buffer.from(Uint8Array.from({ length }, (_, i) => (first + i) % 256)).toString("base64");

/** @type {[string, string, number, string][]} secret, id, unix seconds, body */
const inputs = [
  ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
    '{"test": 2432232314}'],
  [secret(24, 0), "dl_1", 0, ""],
  [secret(25, 1), "dl_2", 1, "{}"],
  [secret(32, 200), "dl_0123456789abcdef", 1764000000, '{"type":"sale.credited","amount":1999}'],
  [secret(63, 50), "dl_3", 1764000001, '{"name":"Zoë — 東京 🛒\\u2028"}'],
  [secret(64, 128), "dl_4", 4102444800, " \n\t body that is not JSON \u0000\r\n"],
  [secret(48, 9), "id.with.dots", 1764000002, "x".repeat(1000)],
];

const vectors = inputs.map(([key, id, timestamp, body]) => ({
  secret: key,
  id,
  timestamp,
  body,
  signature: new Webhook(key).sign(id, new Date(timestamp * 1000), body),
}));
const source = "npm standardwebhooks 1.1.1";
const made_by = "tools/golden/standard_webhooks.mjs";
console.log(JSON.stringify({ source, made_by, vectors }, null, 2));
