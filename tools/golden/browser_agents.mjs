// Makes tests/golden/browser_agents.json: user agents of real people, which no rule may take for
// software. Most come from npm user-agents (BSD-2-Clause), which samples the agents that a busy
// site sees: the heaviest six of each build, told apart without their numbers. The others are
// browsers inside apps, phones and browsers that bot lists are known to get wrong, by hand from
// browser_agents.txt.
//   node tools/golden/browser_agents.mjs > tests/golden/browser_agents.json
import { readFileSync } from "node:fs";

const dir = new URL("../../node_modules/user-agents/", import.meta.url);
const read = (/** @type {string} */ name) => JSON.parse(readFileSync(new URL(name, dir), "utf8"));

const picked = readFileSync(new URL("browser_agents.txt", import.meta.url), "utf8");
const hand = picked.split("\n").filter((line) => line && !line.startsWith("#"));

/** @type {Map<string, string[]>} */
const builds = new Map();
/** @type {{ userAgent: string, weight: number }[]} */
const sample = read("dist/user-agents.json");
/** Phones that developer tools pretend to be, with random versions: nobody browses with them. */
const EMULATED = /SM-G900P|Nexus 5 Build|Pixel 2 Build|iPhone OS 11_0 .*Chrome/;
for (const { userAgent } of sample.sort((a, b) => b.weight - a.weight)) {
  if (EMULATED.test(userAgent)) continue;
  const numbers = userAgent.replace(/[\d._]+/g, "0");
  const build = numbers.replace(/\((Linux; Android|Windows)[^)]*\)/, "$1");
  const known = builds.get(build) ?? builds.set(build, []).get(build) ?? [];
  if (known.length < 6 && !known.includes(userAgent)) known.push(userAgent);
}
const { version } = read("package.json");
const source = `npm user-agents ${version}, BSD-2-Clause, and agents picked by hand`;
const agents = [...new Set([...[...builds.values()].flat(), ...hand])];
const made_by = "tools/golden/browser_agents.mjs";
console.log(JSON.stringify({ source, made_by, agents }, null, 2));
