// The Worker's port of libphonenumber answers as Google's own does: on the table that the native
// tests use, and on Google's example numbers of every country as people write them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { e164, isCountry } from "../../js/worker/phones.js";

const { PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil } =
  createRequire(import.meta.url)("google-libphonenumber");
const google = PhoneNumberUtil.getInstance();
const file = new URL("../golden/phones.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8"));

/** Countries whose numbers changed between the tables of the two packages: Benin's got two digits
 * more, Zimbabwe's other areas. */
const CHANGED = new Set(["BJ", "ZW"]);

test("numbers are those of the table that Google made", () => {
  assert.ok(golden.cases.length > 60);
  for (const { text, country, e164: number } of golden.cases) {
    assert.equal(e164(text, country ?? undefined) ?? null, number, `${text} in ${country}`);
  }
});

/** What Google's library says under the rule of `Phones::e164`.
 * @param {string} text @param {string} [country] */
function asked(text, country) {
  const read = (/** @type {string | undefined} */ region) => {
    try {
      return google.parse(text, region);
    } catch {
      return null;
    }
  };
  const whole = read(undefined);
  const number = whole ?? (country ? read(country) : null);
  if (!number) return undefined;
  const { IS_POSSIBLE } = PhoneNumberUtil.ValidationResult;
  const sound = whole
    ? google.isPossibleNumberWithReason(number) === IS_POSSIBLE : google.isValidNumber(number);
  return sound ? google.format(number, PhoneNumberFormat.E164) : undefined;
}

test("numbers of every country are read as Google reads them", () => {
  const { NATIONAL, INTERNATIONAL, E164 } = PhoneNumberFormat;
  let compared = 0;
  for (const country of google.getSupportedRegions()) {
    assert.ok(isCountry(country), country);
    for (const type of [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE]) {
      const example = google.getExampleNumberForType(country, type);
      if (!example || CHANGED.has(country)) continue;
      const [national, whole, bare] = [NATIONAL, INTERNATIONAL, E164]
        .map((format) => google.format(example, format));
      const wide = whole.replace(/\d/g, (/** @type {string} */ digit) =>
        String.fromCharCode(0xff10 + Number(digit)));
      /** @type {[string, string?][]} */
      const written = [[whole], [bare], [wide], [`${whole} ext. 12`], [`tel:${bare}`], [national],
        [national, country], [bare.slice(1)], [bare.slice(1), country],
        [`00${bare.slice(1)}`, "DE"],
        [whole.replace(" ", " (0) ")], [`(${whole.replace(" ", ") ")}`], [national, "US"]];
      for (const [text, region] of written) {
        assert.equal(e164(text, region), asked(text, region), `${text} in ${region}`);
        compared += 1;
      }
    }
  }
  assert.ok(compared > 5000, `${compared}`);
});

test("a country is two letters of ISO 3166", () => {
  for (const code of ["DE", "GB", "US", "JP"]) assert.ok(isCountry(code), code);
  for (const code of ["UK", "EU", "de", "XX", ""]) assert.ok(!isCountry(code), code);
});
