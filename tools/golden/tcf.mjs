// Makes tests/golden/tcf.json: consent strings by the IAB's own library, and what they allow.
// Always the same strings:
//   node tools/golden/tcf.mjs > tests/golden/tcf.json
import {
  GVL, PurposeRestriction, RestrictionType, Segment, TCModel, TCString,
} from "@iabtcf/core";

/** Numbers below one from a seed (mulberry32). @param {number} seed */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = generator(20261122);
/** @param {number} most */
const below = (most) => Math.floor(random() * most);
/** @param {number} part */
const chance = (part) => random() < part;

const PURPOSES = Array.from({ length: 11 }, (_, at) => at + 1);
const FULL = [1, 2, 3, 4, 7];

/** A vendor list on which everybody may do everything, by consent. @param {number} most */
function vendorList(most) {
  const named = (/** @type {number} */ id) =>
    ({ id, name: `n${id}`, description: "", illustrations: [] });
  const purposes = Object.fromEntries(PURPOSES.map((id) => [id, named(id)]));
  const vendors = Object.fromEntries(Array.from({ length: most }, (_, at) => [at + 1, {
    id: at + 1, name: `v${at + 1}`, purposes: PURPOSES, legIntPurposes: [],
    flexiblePurposes: PURPOSES, specialPurposes: [], features: [], specialFeatures: [],
    usesCookies: true, cookieMaxAgeSeconds: 1, cookieRefresh: false, usesNonCookieAccess: false,
    urls: [], dataRetention: { stdRetention: 1, purposes: {}, specialPurposes: {} },
  }]));
  return new GVL(/** @type {any} */ ({
    gvlSpecificationVersion: 3, vendorListVersion: 1 + below(900), tcfPolicyVersion: 4,
    lastUpdated: "2026-11-01T00:00:00Z", purposes, specialPurposes: {}, features: {},
    specialFeatures: { 1: named(1), 2: named(2) }, stacks: {}, dataCategories: {}, vendors,
  }));
}

/** @param {number} most @param {string} shape @returns {number[]} */
function chosenVendors(most, shape) {
  const all = Array.from({ length: most }, (_, at) => at + 1);
  if (shape === "none") return [];
  if (shape === "all") return all;
  if (shape === "few") return [...new Set(Array.from({ length: 4 }, () => 1 + below(most)))];
  if (shape === "runs") return all.filter((id) => Math.floor(id / 97) % 3 === 1);
  return all.filter(() => chance(0.5));
}

const date = new Date(Date.UTC(2026, 10, 22));
/** @param {number} number */
function vector(number) {
  const most = [8, 40, 700, 1500, 5000][number % 5];
  const shape = ["mixed", "few", "all", "runs", "none", "few", "runs"][number % 7];
  const model = new TCModel(vendorList(most));
  model.cmpId = 2 + below(400);
  model.cmpVersion = 2 + below(60);
  model.consentScreen = below(30);
  model.consentLanguage = ["EN", "DE", "FR", "PT"][below(4)];
  model.publisherCountryCode = ["DE", "FR", "US"][below(3)];
  model.created = date;
  model.lastUpdated = date;
  model.isServiceSpecific = chance(0.6);
  model.useNonStandardTexts = chance(0.2);
  model.purposeOneTreatment = chance(0.1);
  if (chance(0.5)) model.specialFeatureOptins.set(1 + below(2));
  const purposes = number % 3 === 0 ? FULL : PURPOSES.filter(() => chance(0.6));
  model.purposeConsents.set(purposes);
  model.purposeLegitimateInterests.set(PURPOSES.filter((id) => id > 1 && chance(0.5)));
  const vendors = chosenVendors(most, shape);
  model.vendorConsents.set(vendors);
  model.vendorLegitimateInterests.set(chosenVendors(most, ["few", "mixed", "none"][number % 3]));
  if (model.isServiceSpecific && chance(0.5)) model.publisherConsents.set([1, 3]);
  // Restricted vendors: who, from which purpose, and whether that takes it away from them.
  const restricted = [];
  if (model.isServiceSpecific && number % 2 === 0) {
    for (let n = 0; n < 3; n += 1) {
      const vendor = 1 + below(most);
      const purpose = 2 + below(9);
      const type = below(2);
      if (restricted.some((one) => one.vendor === vendor && one.purpose === purpose)) continue;
      model.publisherRestrictions.add(vendor, new PurposeRestriction(purpose, type));
      restricted.push({ vendor, purpose, taken: type === RestrictionType.NOT_ALLOWED });
    }
  }
  const segments = [[Segment.CORE], [Segment.CORE, Segment.PUBLISHER_TC],
    [Segment.CORE, Segment.VENDORS_DISCLOSED, Segment.PUBLISHER_TC]][below(3)];
  const text = TCString.encode(model, { segments });
  const back = TCString.decode(text);
  const asked = [...new Set([1, most, most + 1, ...vendors.slice(0, 3), ...vendors.slice(-2),
    ...restricted.map(({ vendor }) => vendor), 1 + below(most), 1 + below(most)])];
  return {
    text,
    segments: text.split(".").length,
    purposes: PURPOSES.filter((id) => back.purposeConsents.has(id)),
    vendors: Object.fromEntries(asked.map((id) => [id, {
      consent: back.vendorConsents.has(id),
      purposes: PURPOSES.filter((purpose) => back.purposeConsents.has(purpose)
        && !restricted.some((one) => one.vendor === id && one.purpose === purpose && one.taken)),
    }])),
  };
}

const vectors = Array.from({ length: 84 }, (_, number) => vector(number));
const source = "npm @iabtcf/core 1.5.6";
const made_by = "tools/golden/tcf.mjs";
const lines = vectors.map((one) => `    ${JSON.stringify(one)}`).join(",\n");
console.log(`{\n  "source": "${source}",\n  "made_by": "${made_by}",`);
console.log(`  "vectors": [\n${lines}\n  ]\n}`);
