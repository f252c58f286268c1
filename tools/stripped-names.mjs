/** Refreshes the names of parameters that link cleaners take away from addresses. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, Stop, runTool } from "./console.mjs";

const HELP = `
Usage: node tools/stripped-names.mjs [--adguard FILE|URL] [--clearurls FILE|URL]
                                     [--clearurls-version TEXT] [--out FILE]

Writes src/domain/visit/link/stripped.json from AdGuard's URL Tracking filter and ClearURLs' rules:
of their rules for every site, the names that a program could choose for its token's parameter.
Without options it asks the lists' own addresses. A list that cannot be had leaves the file as it
is.
ClearURLs' rules do not say which version they are: without a text it is the day on which they came.
`;

const ADGUARD = "https://filters.adtidy.org/extension/chromium/filters/17.txt";
const CLEARURLS = "https://rules2.clearurls.xyz/data.minify.json";
const OUT = path.join(ROOT, "src/domain/visit/link/stripped.json");
/** What a token's parameter may be called; see src/domain/visit/link/token_param.rs. */
const CHOICE = /^[a-z][a-z0-9_]{0,15}$/;
/** Fewer are no list, but an error page or half of one. */
const FEWEST = 20;

/** @typedef {{ names: Set<string>, patterns: Set<string> }} Found */

/** A list's text. @param {string} from a file or an address */
async function read(from) {
  if (!/^https?:/.test(from)) {
    return readFile(from, "utf8").catch(() => {
      throw new Stop(`${from} cannot be read`);
    });
  }
  const response = await fetch(from).catch(() => undefined);
  if (!response?.ok) {
    throw new Stop(`${from} does not answer. Nothing was changed; name a file of yours instead.`);
  }
  return response.text();
}

/**
 * Does the rule hold on every site? Its pattern names no host, and it is not for some domains only.
 * @param {string} pattern @param {string[]} options
 */
function isGeneral(pattern, options) {
  const only = options.some((option) => /^(domain|from)=[^~]/.test(option));
  return !only && /^($|[?&^/]|\w+=)/.test(pattern);
}

/**
 * AdGuard compares a pattern with `name=value`: what is left of it is about the name.
 * @param {string} regex
 */
function ofName(regex) {
  const [about = ""] = regex.split("=");
  const begins = about.startsWith("^") ? about.slice(1) : `.*${about}`;
  return begins.endsWith("$") ? begins.slice(0, -1) : `${begins}${regex.includes("=") ? "" : ".*"}`;
}

/**
 * The rules for every site of AdGuard's filter.
 * @param {string} text @returns {Found}
 */
export function adguard(text) {
  const names = new Set();
  const patterns = new Set();
  for (const line of text.split(/\r?\n/)) {
    const found = /^(?!!|@@)(.*?)\$((?:[^$]*,)?removeparam(?:=.*)?)$/.exec(line);
    if (!found) continue;
    const [, pattern = "", all = ""] = found;
    // A comma in a pattern is written `\,`.
    const options = all.split(/(?<!\\),/);
    const value = options.find((option) => option.startsWith("removeparam="))?.slice(12);
    if (!value || value.startsWith("~") || !isGeneral(pattern, options)) continue;
    const regex = /^\/(.*)\/i?$/.exec(value)?.[1];
    if (regex) patterns.add(ofName(regex.replaceAll("\\,", ",")));
    else names.add(value);
  }
  return { names, patterns };
}

/**
 * The rules for every site of ClearURLs, referral marketing with them. They ignore case.
 * @param {string} text @returns {Found}
 */
export function clearurls(text) {
  const names = new Set();
  const patterns = new Set();
  /** @type {{ providers: Record<string, { urlPattern: string, rules?: string[],
   *   referralMarketing?: string[] }> }} */
  const { providers } = JSON.parse(text);
  for (const { urlPattern, rules = [], referralMarketing = [] } of Object.values(providers)) {
    if (urlPattern !== ".*") continue;
    for (const rule of [...rules, ...referralMarketing]) {
      const name = rule.replace(/^\(\?:%3F\)\?/, "").toLowerCase();
      if (/^\w+$/.test(name)) names.add(name);
      else patterns.add(name);
    }
  }
  return { names, patterns };
}

/** @param {string} text @param {string} from */
function parsed(text, from) {
  try {
    return clearurls(text);
  } catch {
    throw new Stop(`${from} holds no rules of ClearURLs. Nothing was changed.`);
  }
}

/** Can a pattern be about a name that somebody may choose? @param {string} pattern */
const concerns = (pattern) => !/^_|^[A-Z]/.test(pattern);

/** @param {string[]} args */
function options(args) {
  /** @type {Record<string, string>} */
  const given = { adguard: ADGUARD, clearurls: CLEARURLS, "clearurls-version": "", out: OUT };
  for (let at = 0; at < args.length; at += 2) {
    const [name = "", value] = [args[at]?.replace(/^--/, ""), args[at + 1]];
    if (!(name in given) || value === undefined) throw new Stop(HELP.trim());
    given[name] = value;
  }
  return given;
}

async function main() {
  const given = options(process.argv.slice(2));
  const addresses = [given.adguard ?? "", given.clearurls ?? ""];
  const [filter = "", rules = ""] = await Promise.all(addresses.map(read));
  const lists = [adguard(filter), parsed(rules, given.clearurls ?? "")];
  for (const [place, { names }] of lists.entries()) {
    const from = place === 0 ? given.adguard : given.clearurls;
    const few = `${from} holds ${names.size} names: that is not the list`;
    if (names.size < FEWEST) throw new Stop(few);
  }
  const own = /** @param {string} name */ (name) =>
    RegExp(`^! ${name}: (.*?)\r?$`, "m").exec(filter);
  const names = lists.flatMap((list) => [...list.names]).filter((name) => CHOICE.test(name));
  const patterns = lists.flatMap((list) => [...list.patterns]).filter(concerns);
  const sorted = /** @param {string[]} all */ (all) => [...new Set(all)].sort();
  const data = {
    made_by: "node tools/stripped-names.mjs",
    holds: "of the rules for every site: names that a token's parameter could have, and patterns",
    sources: [
      { name: "AdGuard URL Tracking filter", address: ADGUARD, licence: "GPL-3.0",
        version: own("Version")?.[1] ?? null, date: own("TimeUpdated")?.[1]?.slice(0, 10) ?? null },
      { name: "ClearURLs rules", address: CLEARURLS, licence: "LGPL-3.0",
        version: given["clearurls-version"] || null,
        date: given["clearurls-version"] ? null : new Date().toISOString().slice(0, 10) },
    ],
    names: sorted(names),
    patterns: sorted(patterns),
  };
  await writeFile(given.out ?? OUT, `${JSON.stringify(data, null, 1)}\n`);
  console.log(`${data.names.length} names, ${data.patterns.length} patterns`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runTool(HELP, main);
