// Makes tests/golden/crawler_agents.json from the list of npm crawler-user-agents (MIT) and from
// crawlers_added.txt: what each pattern is called, which class its tags mean and the user agents
// that it was seen with. tools/crawlers.mjs does this and what follows from it.
//   node tools/golden/crawlers.mjs [date of publication] > tests/golden/crawler_agents.json
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

/** What the list does not have: class, name and agent of each line. */
const ADDED = readFileSync(new URL("crawlers_added.txt", import.meta.url), "utf8")
  .split("\n").filter((line) => line && !line.startsWith("#"))
  .map((line) => /^([a-z_]+)\|([^|]+)\|(.+)$/.exec(line)?.slice(1) ?? fail(line));

/**
 * The date of publication as the file has it that is made again.
 * @param {string} source
 */
function lastDate(source) {
  const file = new URL("../../tests/golden/crawler_agents.json", import.meta.url);
  // The shell has emptied the file before this runs when it is the one written to.
  const before = readFileSync(file, "utf8") || "{}";
  const last = JSON.parse(before);
  return last.source === source ? last.published : undefined;
}

/** @param {string} line @returns {never} */
function fail(line) {
  throw new Error(`crawlers_added.txt: not class|name|agent: ${line}`);
}

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
const added = new Map();
for (const [kind, name, agent] of ADDED) {
  const known = added.get(name) ?? { pattern: name, name, class: kind, agents: [] };
  added.set(name, known);
  known.agents.push(agent);
}
patterns.push(...added.values());
const { version } = read("package.json");
const source = `npm crawler-user-agents ${version}, MIT; tools/golden/crawlers_added.txt`;
const head = {
  source,
  published: process.argv[2] ?? lastDate(source),
  made_by: "tools/golden/crawlers.mjs",
  listed: list.length,
  added: [...added.keys()],
  people: Object.fromEntries(PEOPLE),
};
const rows = patterns.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
console.log(`${JSON.stringify(head, null, 2).slice(0, -2)},\n  "patterns": [\n${rows}\n  ]\n}`);
