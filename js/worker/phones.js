/** A port of Google's libphonenumber, for `src/edge/phones.rs`. */
import { isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/core";
import metadata from "libphonenumber-js/max/metadata";

/** @typedef {import("libphonenumber-js").CountryCode} CountryCode */

/**
 * The E.164 form of the number that a text holds (see `Phones::e164`).
 *
 * @param {string} text
 * @param {string | undefined} country
 * @returns {string | undefined}
 */
export function e164(text, country) {
  const whole = parsePhoneNumberFromString(text, metadata);
  if (whole) return whole.isPossible() ? whole.number : undefined;
  if (!country) return undefined;
  const code = /** @type {CountryCode} */ (country);
  const national = parsePhoneNumberFromString(text, code, metadata);
  // A number that is not in use may be one of another country.
  return national?.isValid() ? national.number : undefined;
}

/** @param {string} code @returns {boolean} */
export function isCountry(code) {
  return isSupportedCountry(/** @type {CountryCode} */ (code), metadata);
}
