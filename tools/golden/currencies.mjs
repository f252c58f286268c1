// Makes tests/golden/currencies.json from the official XML of ISO 4217 list one (`table.xml` in
// PyPI iso4217 1.16.20260101, public domain), without the codes that have no minor unit:
//   node tools/golden/currencies.mjs table.xml > tests/golden/currencies.json
import { readFileSync } from "node:fs";

const xml = readFileSync(process.argv[2] ?? "table.xml", "utf8");
const published = /Pblshd="([\d-]+)"/.exec(xml)?.[1];
/** @type {Map<string, number>} */
const found = new Map();
for (const [, entry] of xml.matchAll(/<CcyNtry>([^]*?)<\/CcyNtry>/g)) {
  const code = /<Ccy>([A-Z]{3})<\/Ccy>/.exec(entry ?? "")?.[1];
  const digits = /<CcyMnrUnts>(\d)<\/CcyMnrUnts>/.exec(entry ?? "")?.[1];
  if (code && digits) found.set(code, Number(digits));
}
const exponents = Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
const source = `ISO 4217 list one, published ${published}, from PyPI iso4217 1.16.20260101`;
const made_by = "tools/golden/currencies.mjs";
console.log(JSON.stringify({ source, made_by, exponents }, null, 2));
