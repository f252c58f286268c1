/** The numbers that have a target, each with the most it may be (architecture, "Numbers"). */
import { green, red } from "../tools/console.mjs";

/** @type {Record<string, { most: number, what: string }>} */
export const TARGETS = {
  redirect_cpu_vs_js: { most: 0.85, what: "redirect / the same in JavaScript" },
  redirect_cpu_vs_hello: { most: 1.6, what: 'redirect / a Worker that answers "hi"' },
  gateway_cpu_vs_bare: { most: 1.3, what: "gateway / a Worker that only fetches" },
  cost_per_million_clicks_usd: { most: 3.5, what: "a million clicks, sent one by one" },
  cost_per_million_clicks_gathered_usd: { most: 1.2, what: "a million clicks, 50 a second" },
};

/** One line per number that has a target. @param {Record<string, any>} result */
export function printTargets(result) {
  console.log("");
  for (const [name, { most, what }] of Object.entries(TARGETS)) {
    const value = result[name];
    if (value === undefined) continue;
    const verdict = value <= most ? green("met") : red("not met");
    const line = `${name.padEnd(38)}${String(value).padStart(7)}  of ${String(most).padEnd(5)}`;
    console.log(`${line}${verdict}  ${what}`);
  }
}
