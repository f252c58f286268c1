/**
 * Brings the list of software's user agents up to date, once a month: npm crawler-user-agents, and
 * npm user-agents beside it, against whose real browsers every rule is held. Without the registry,
 * or where nothing is new, everything stays as it is.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const SOFTWARE = "crawler-user-agents";
const BROWSERS = "user-agents";
const GOLDEN = "tests/golden/crawler_agents.json";
const NPM = process.platform === "win32" ? "npm.cmd" : "npm";

/** @param {string} path */
const json = (path) => JSON.parse(readFileSync(path, "utf8"));

/**
 * What the registry says of a package's newest version; nothing when it cannot be asked.
 * @param {string} name
 */
function newest(name) {
  const patience = ["--fetch-retries=0", "--fetch-timeout=20000"];
  const args = ["view", name, "version", "time", "--json", ...patience];
  const asked = spawnSync(NPM, args, { encoding: "utf8", timeout: 60_000 });
  if (asked.status !== 0) return undefined;
  try {
    const { version, time } = JSON.parse(asked.stdout);
    return { version, date: String(time?.[version] ?? "").slice(0, 10) };
  } catch {
    return undefined;
  }
}

/** @param {string} tool @param {string[]} args @param {Record<string, string>} [env] */
function run(tool, args, env) {
  execFileSync(tool, args, { stdio: "inherit", env: { ...process.env, ...env } });
}

/** @param {string} name @param {string} path @param {string[]} [args] */
function makeGolden(name, path, args = []) {
  writeFileSync(path, execFileSync("node", [`tools/golden/${name}.mjs`, ...args]));
}

const { source, published } = json(GOLDEN);
console.log(`The list in use: ${source}, published ${published}.`);
const [software, browsers] = [newest(SOFTWARE), newest(BROWSERS)];
if (!software?.version || !browsers?.version) {
  console.log("The npm registry does not answer. Everything stays as it is; try again later.");
  process.exit(0);
}
const pinned = json("package.json").devDependencies;
const wanted = [`${SOFTWARE}@${software.version}`, `${BROWSERS}@${browsers.version}`];
if (pinned[SOFTWARE] === software.version && pinned[BROWSERS] === browsers.version) {
  console.log("That is the newest.");
  process.exit(0);
}
run(NPM, ["install", "--save-dev", "--save-exact", "--no-audit", "--no-fund", ...wanted]);
makeGolden("crawlers", GOLDEN, [software.date]);
const readme = readFileSync("README.md", "utf8");
const dated = readme.replace(`${SOFTWARE} of ${published}`, `${SOFTWARE} of ${software.date}`);
writeFileSync("README.md", dated);
makeGolden("browser_agents", "tests/golden/browser_agents.json");
// Packs the table; the second run holds every rule against what is new.
spawnSync("cargo", ["test", "--locked", "--test", "it", "traffic"],
  { stdio: "ignore", env: { ...process.env, UPDATE_GOLDEN: "1" } });
run("cargo", ["test", "--locked", "--test", "it", "traffic"]);
console.log(`Now it is ${wanted.join(" and ")}: look at the diff and commit it.`);
