/** The numbers that have a target, each with the most or the least that it may be. */
import { green, red } from "../tools/console.mjs";

/** @type {Record<string, { most?: number, least?: number, what: string }>} */
export const TARGETS = {
  redirect_cpu_vs_js: { most: 0.9, what: "redirect / the same in JavaScript" },
  gateway_cpu_vs_bare: { most: 1.3, what: "gateway / a Worker that only fetches" },
  cost_per_million_clicks_usd: { most: 3.5, what: "a million clicks, sent one by one" },
  cost_per_million_clicks_gathered_usd: { most: 1.2, what: "a million clicks, 50 a second" },
  fold_events_per_second: { least: 20_000, what: "the pure fold, natively" },
  d1_round_trips_per_100_events: { most: 4, what: "fold and look for deliveries, on D1" },
  fold_growth_1e3_to_1e6_customers: { most: 1.5, what: "a batch beside a million customers" },
};

/** One line per number that has a target. @param {Record<string, any>} result */
export function printTargets(result) {
  console.log("");
  for (const [name, { most, least, what }] of Object.entries(TARGETS)) {
    const value = result[name];
    if (value === undefined) continue;
    const met = value <= (most ?? Infinity) && value >= (least ?? -Infinity);
    const verdict = met ? green("met") : red("not met");
    const of = String(most ?? least).padEnd(6);
    const line = `${name.padEnd(38)}${String(value).padStart(7)}  of ${of}`;
    console.log(`${line}${verdict}  ${what}`);
  }
}
