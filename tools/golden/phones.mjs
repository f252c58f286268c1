// Makes tests/golden/phones.json by asking Google's own libphonenumber, in JavaScript. In a
// directory where `npm install google-libphonenumber@3.2.47` has run:
//   node <project>/tools/golden/phones.mjs > phones.json
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const { PhoneNumberFormat, PhoneNumberUtil } = require("google-libphonenumber");
const google = PhoneNumberUtil.getInstance();

/** @type {[string, string?][]} */
const CASES = [
  ["+49 (0) 151 23456789"], ["+49 151 23456789"], ["(+49) 151 23456789"], ["+49-151-23456789"],
  ["+49 0151 23456789"], ["+49(0)30/123456"], ["+49.30/123456"],
  ["0151 23456789"], ["0151 23456789", "DE"], ["0151 23456789", "US"], ["0151/23456789", "DE"],
  ["151 23456789"], ["4915123456789"], ["4915123456789", "FR"],
  ["tel:+49-151-23456789"], ["Tel.: +49 151 23456789"],
  ["tel:0151-23456789;phone-context=+49"], ["tel:0151-23456789", "DE"],
  ["+49 151 23456789 ext. 12"], ["+49 151 23456789;ext=12"], ["+1 650 555 1212 x5"],
  ["+1 (650) 555-1212 #5"], ["1-650-555-1212 x5"], ["1-650-555-1212 x5", "US"],
  ["+1 (650) 555-1212"], ["+16505551212"], ["16505551212"], ["1 650 555 1212"],
  ["(0) 650 555 1212"], ["(650) 555-1212"], ["(650) 555-1212", "US"], ["6591234567"],
  ["6591234567", "US"], ["+1 202 555 0100"], ["+12025550100"],
  ["0044 20 7946 0958"], ["+44 20 7946 0958"], ["0044 20 7946 0958", "DE"],
  ["0044 20 7946 0958", "US"], ["011 44 20 7946 0958", "US"], ["+44 (0)20 7946 0958"],
  ["020 7946 0958", "GB"], ["001-650-555-1212"], ["+1-650-555-1212"],
  ["+39 06 1234 5678"], ["06 1234 5678", "IT"], ["+7 8 912 345 67 89"], ["8 912 345-67-89", "RU"],
  ["011 15-1234-5678", "AR"], ["+54 9 11 1234-5678"], ["+225 07 12 34 56 78"],
  ["+358 40 123 4567"], ["+800 1234 5678"], ["\u0660\u0661\u0660 1234 5678", "EG"],
  ["+49 151 23456789 / +49 30 123456"], ["12 +49 151 23456789"],
  ["110", "DE"], ["911", "US"], ["234 5678", "US"], ["00"], ["+"], ["000"], ["+0"], [""], ["tel"],
  ["\u6771\u4eac"], ["+1"], ["+999 123456"], ["1234567890123456"], ["0123456"], ["0123456", "US"],
];

/** What `Phones::e164` in src/app/ports.rs promises.
 * @param {string} text @param {string} [country] */
function e164(text, country) {
  const read = (/** @type {string | undefined} */ region) => {
    try {
      return google.parse(text, region);
    } catch {
      return null;
    }
  };
  const whole = read(undefined);
  const number = whole ?? (country ? read(country) : null);
  if (!number) return null;
  const { IS_POSSIBLE } = PhoneNumberUtil.ValidationResult;
  const sound = whole
    ? google.isPossibleNumberWithReason(number) === IS_POSSIBLE : google.isValidNumber(number);
  return sound ? google.format(number, PhoneNumberFormat.E164) : null;
}

const cases = CASES.map(([text, country]) =>
  ({ text, country: country ?? null, e164: e164(text, country) }));
const source = "npm google-libphonenumber 3.2.47";
console.log(JSON.stringify({ source, made_by: "tools/golden/phones.mjs", cases }, null, 2));
