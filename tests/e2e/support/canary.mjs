// A person whom nobody else is called, and every form in which a text could hold a trace of them.
import { createHash } from "node:crypto";

export const MAIL = "Canary.Qzx7+tag@Shop-Qzx7.example";
export const PHONE = "+44 20 7946 0958";
export const NAME = "Qzendra Xylophant";
export const IP = "198.51.100.237";

/** @param {string} algorithm @param {string} text */
const digest = (algorithm, text) => createHash(algorithm).update(text).digest();

/** The unkeyed hash that platforms take, in hex. @param {string} text */
export const sha256 = (text) => digest("sha256", text).toString("hex");

/** Base64 of a text wherever it begins in a longer one: without the characters that its
 * neighbours have a part in. @param {Buffer} bytes */
function base64s(bytes) {
  return [0, 1, 2].flatMap((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]);
    const sure = whole.toString("base64").replace(/=+$/, "").slice(Math.ceil(shift * 8 / 6), -1);
    return [sure, sure.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** Unkeyed hashes of what names the person, in every normal form that a platform uses. */
export function hashes() {
  const mail = MAIL.toLowerCase();
  const [name, host] = mail.split("@");
  const texts = [MAIL, mail, `${name.replaceAll(".", "")}@${host}`, mail.replace(/\+.*@/, "@"),
    PHONE, "442079460958", "+442079460958", NAME, NAME.toLowerCase(), IP];
  return texts.flatMap((text) => ["md5", "sha1", "sha256"].flatMap((how) => {
    const bytes = digest(how, text);
    return [bytes.toString("hex"), bytes.toString("hex").toUpperCase(), bytes.toString("latin1"),
      bytes.toString("base64").replace(/=+$/, ""), bytes.toString("base64url")];
  }));
}

/** The person in clear, as texts are written down. */
export function spellings() {
  const texts = [MAIL, MAIL.toLowerCase(), MAIL.split("@")[0].toLowerCase(), PHONE, "442079460958",
    "2079460958", NAME, NAME.toLowerCase(), IP];
  return texts.flatMap((text) => {
    const bytes = Buffer.from(text);
    const encoded = encodeURIComponent(text);
    const small = encoded.replace(/%../g, (hex) => hex.toLowerCase());
    return [text, encoded, small, encodeURIComponent(encoded), encoded.replaceAll("%20", "+"),
      bytes.toString("hex"), bytes.toString("utf16le"), ...base64s(bytes)];
  });
}

const TRACES = [...new Set([...spellings(), ...hashes()])];

/** The first trace of the person in a text, but those that may be there.
 * @param {string} text @param {string[]} [allowed] */
export const traceIn = (text, allowed = []) =>
  TRACES.find((trace) => !allowed.includes(trace) && text.includes(trace));
