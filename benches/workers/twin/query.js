/** The query of a click: click IDs, the partner's tags, and what travels on to the target. */

/** Codes of the click identifiers by lower-case parameter name; those of the product. */
const CLICK_IDS = new Map(
  ("gclid gbraid wbraid dclid gclsrc srsltid fbclid igshid msclkid ttclid twclid li_fat_id " +
    "rdt_cid sccid epik qclid oppref yclid ysclid tblci obclid dicbo ob_click_id vmcid ndclid " +
    "irclickid cjevent awc sscid ransiteid tduid admitad_uid vc_lpp maf gci erid _kx mc_cid " +
    "wickedid rb_clickid ko_click_id s_kwcid ef_id cx_click bsft_clkid")
    .split(" ").map((name, place) => [name, place + 1]),
);
/** The names as the platforms write them. */
const NAMES = [...CLICK_IDS.keys()];
NAMES[13] = "ScCid";
NAMES[29] = "ranSiteID";
CLICK_IDS.set("igsh", 8).set("irclid", 26);

/** @param {number} code */
export const nameOf = (code) => NAMES[code - 1];

const LONGEST_VALUE = 512;
const MOST_SEGMENTS = 256;
const LONGEST_LOCATION = 8192;
/** What cannot stand in the query of a serialised URL. */
const ILLEGAL = /[^\x21-\x7e]|["#<>']/;
/** What a partner notes for itself; it is kept and does not travel. */
const TAG = /^sub(?:[1-9]|10)$/;

/** The click identifiers of a query, the last value of each. @param {string[]} segments */
export function clickIds(segments) {
  /** @type {[number, string][]} */
  const found = [];
  for (const segment of segments) {
    const equals = segment.indexOf("=");
    if (equals < 1 || equals === segment.length - 1) continue;
    const code = CLICK_IDS.get(segment.slice(0, equals).toLowerCase());
    const value = segment.slice(equals + 1);
    if (code === undefined || value.length > LONGEST_VALUE || ILLEGAL.test(value)) continue;
    const known = found.find((each) => each[0] === code);
    if (known) known[1] = value;
    else if (found.length < 6) found.push([code, value]);
  }
  return found;
}

/** @param {string} name */
function plain(name) {
  if (!name.includes("%") && !name.includes("+")) return name;
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}

/**
 * Where a click leads: pinned parameters win, order, duplicates and bytes stay, the token is last.
 * @param {{ target: string, pinned: string[] }} link
 * @param {string[]} segments of the incoming query
 * @param {string} token none: empty
 */
export function location({ target, pinned }, segments, token) {
  const hash = target.indexOf("#");
  let out = hash < 0 ? target : target.slice(0, hash);
  const rest = hash < 0 ? "" : target.slice(hash);
  let joint = out.includes("?") ? (/[?&]$/.test(out) ? "" : "&") : "?";
  let left = LONGEST_LOCATION - out.length - rest.length - token.length - 8;
  for (let at = 0; at < segments.length && at < MOST_SEGMENTS; at++) {
    const segment = segments[at];
    if (segment === "" || segment.length + 1 > left || ILLEGAL.test(segment)) continue;
    const equals = segment.indexOf("=");
    const name = plain(equals < 0 ? segment : segment.slice(0, equals));
    if (name === "tl" || TAG.test(name) || pinned.includes(name)) continue;
    left -= segment.length + 1;
    out += joint + segment;
    joint = "&";
  }
  return token ? `${out}${joint}tl=tlc_${token}${rest}` : out + rest;
}
