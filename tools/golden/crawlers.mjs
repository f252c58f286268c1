// Makes tests/golden/crawler_agents.json from the list of npm crawler-user-agents (MIT): what each
// pattern is called, which class its tags mean and the user agents that it was seen with.
//   node tools/golden/crawlers.mjs > tests/golden/crawler_agents.json
//   UPDATE_GOLDEN=1 cargo test --test it traffic
//     (packs src/domain/visit/traffic/crawlers.rs from it)
import { readFileSync } from "node:fs";

const dir = new URL("../../node_modules/crawler-user-agents/", import.meta.url);
const read = (/** @type {string} */ name) => JSON.parse(readFileSync(new URL(name, dir), "utf8"));
/** @type {{ pattern: string, tags?: string[], instances?: string[] }[]} */
const list = read("crawler-user-agents.json");

/** Patterns that people's browsers match, or that say nothing about who is there. */
const PEOPLE = new Map([
  ["AP3A\\.240617\\.008", "a build of Android 15, here in Instagram's own browser"],
  ["MetaIAB Facebook", "Facebook's own browser"],
  ["Code\\/1\\.", "a person in the built-in browser of an editor"],
  ["Trae\\/", "a person in the built-in browser of an editor"],
  ["Fluid", "a person's browser for one site"],
]);

/** What the list does not have: pattern, class, agent. @type {[string, string, string][]} */
const ADDED = [
  ["thirdLandingPageFeInfra", "preview",
    "Mozilla/5.0 (Linux; Android 13; 2201117TY; wv) AppleWebKit/537.36 (KHTML, like Gecko) " +
      "Version/4.0 Chrome/120.0.6099.193 Mobile Safari/537.36 thirdLandingPageFeInfra"],
  ["Cardyb", "preview", "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)"],
  ["Nessus SOAP", "scanner",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0; Nessus SOAP)"],
  ["Expanse, a Palo Alto", "scanner",
    "Expanse, a Palo Alto Networks company, searches across the global IPv4 space"],
];

/** Tags by weight: the first that a pattern has gives the class. @type {[string, string][]} */
const CLASSES = [
  ["ai-crawler", "ai_agent"],
  ["social-preview", "preview"],
  ["scanner", "scanner"],
  ["monitoring", "library"],
  ["http-library", "library"],
  ["browser-automation", "library"],
];

/** Tags tell a product's purpose; what fetches for a person who asked it to is told by name. */
const AGENTS = /^(chatgpt|claude|perplexity|manus|mistralai|duckassist|oai-)/i;

/** @param {{ pattern: string, tags?: string[] }} entry */
function classOf({ pattern, tags = [] }) {
  if (AGENTS.test(pattern)) return "ai_agent";
  return CLASSES.find(([tag]) => tags.includes(tag))?.[1] ?? "crawler";
}

/**
 * The longest literal text of a pattern, in lower case and from a letter or digit on; empty when
 * it has none worth a name. Case variants like `[wW]get` count as literal.
 * @param {string} pattern
 */
function nameOf(pattern) {
  const parts = pattern
    .replace(/\[(\w)(\w)\]/g, (all, a, b) => (a.toLowerCase() === b.toLowerCase() ? a : all))
    .replace(/\((?!\?)[^()]*\)/g, "\u0000")
    .replace(/\[[^\]]*\]/g, "\u0000")
    .replace(/(\\.|[^\\])[*?]/g, "\u0000")
    .replace(/\\[wdsb]|[\^$.+|()]/g, (all, at, text) => (text[at - 1] === "\\" ? all : "\u0000"))
    .replace(/\\(.)/g, "$1")
    .split("\u0000")
    .map((part) => part.toLowerCase().replace(/^[^a-z0-9]+/, "").trimEnd());
  const longest = parts.reduce((best, part) => (part.length > best.length ? part : best), "");
  const printable = longest.length >= 3 && /^[\x20-\x7e]*$/.test(longest);
  return printable ? longest.replace(/["\\|].*/, "") : "";
}

const patterns = list
  .filter((entry) => !PEOPLE.has(entry.pattern))
  .map((entry) => ({
    pattern: entry.pattern,
    name: nameOf(entry.pattern),
    class: classOf(entry),
    agents: (entry.instances ?? []).filter((agent) => new RegExp(entry.pattern).test(agent)),
  }));
for (const [pattern, kind, agent] of ADDED) {
  patterns.push({ pattern, name: nameOf(pattern), class: kind, agents: [agent] });
}
const { version } = read("package.json");
const head = {
  source: `npm crawler-user-agents ${version}, MIT`,
  made_by: "tools/golden/crawlers.mjs",
  listed: list.length,
  added: ADDED.map(([pattern]) => pattern),
  people: Object.fromEntries(PEOPLE),
};
const rows = patterns.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
console.log(`${JSON.stringify(head, null, 2).slice(0, -2)},\n  "patterns": [\n${rows}\n  ]\n}`);
