/** `make deploy`: puts the product on a Cloudflare account. Every step can be repeated. */
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { createSteps, ROOT, Stop, bold, dim, must, run, runTool, yellow } from "./console.mjs";
import { checkSettings, writeDeployConfig } from "./deploy-config.mjs";
import { askForKey } from "./first-key.mjs";
import { filesIn, readSecret, secretsIn } from "./keyring.mjs";

const HELP = `
Usage: node tools/deploy.mjs [--dry-run]

Creates what is missing on the Cloudflare account that wrangler is logged in to (a D1 database,
a KV namespace, three queues), applies the migrations, sets the secrets, deploys the Worker and
prints the first API key. Run it again at any time: what is there is kept.

  --dry-run   say each step, touch no account, and have wrangler bundle the Worker as it would

Environment:
  ADMIN_HOST       host of the API and dashboard; the workers.dev address unless told
  SITE_ORIGIN      origin of the site behind the landing gateway; none unless told
  ROUTES           comma-separated hosts (custom domains) or patterns, for instance
                   "admin.example.com,example.com/go/*"; "zone=pattern" names the zone. With
                   routes the workers.dev address is turned off, and the site is asked for their
                   hosts alone; ADMIN_HOST must be one of them
  OUTBOUND_ALLOW   private names that destinations may have all the same; none unless told
  D1_JURISDICTION  eu or fedramp; counts only when the database is created
  CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID   as wrangler uses them

Its own files (ids, the two secrets) are in .local/deploy, which is not tracked. Back the secrets
up: without the root secret no token, cookie or API key that was handed out can be read again, and
without the pseudonym secret no customer is known again. node tools/secrets.mjs rotates the one.
`;

const DATABASE = "throughline";
const NAMESPACE = "throughline-snapshots";
const QUEUES = ["throughline-clicks", "throughline-work", "throughline-dead"];
const LOCAL = path.join(ROOT, ".local/deploy");
const STATE = path.join(LOCAL, "state.json");
const DRY = path.join(ROOT, "target/deploy-dry-run");
const ENV = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", CI: "1" };
const FOURTEEN_DAYS = String(14 * 86_400);
const ONE_DAY = String(86_400);

const WRANGLER = path.join(ROOT, "node_modules/wrangler/bin/wrangler.js");
/** @param {string[]} args */
const wrangler = (...args) => must(process.execPath, [WRANGLER, ...args], { env: ENV });
/** @param {string[]} args */
const tryWrangler = (...args) => run(process.execPath, [WRANGLER, ...args], { env: ENV });

function settingsFromEnv() {
  const { ADMIN_HOST, SITE_ORIGIN, ROUTES, OUTBOUND_ALLOW, D1_JURISDICTION } = process.env;
  const routes = (ROUTES ?? "").split(",").map((route) => route.trim()).filter(Boolean);
  const settings = {
    adminHost: ADMIN_HOST, siteOrigin: SITE_ORIGIN, outboundAllow: OUTBOUND_ALLOW, routes,
  };
  checkSettings(settings);
  return { ...settings, jurisdiction: D1_JURISDICTION };
}

/** Wrangler may say things before the JSON. @param {string} text */
function parseJson(text) {
  return JSON.parse(text.slice(Math.max(0, text.search(/^[[{]/m))));
}

async function checkLogin() {
  const who = await tryWrangler("whoami", "--json");
  if (who.code !== 0) {
    throw new Stop("wrangler is not logged in: run `npx wrangler login`, or set\n" +
      "CLOUDFLARE_API_TOKEN (and CLOUDFLARE_ACCOUNT_ID when it reaches several accounts)");
  }
  const { email, accounts = [] } = parseJson(who.stdout);
  return [email, ...accounts.map((/** @type {any} */ a) => a.name)].filter(Boolean).join(", ");
}

async function findDatabase() {
  const all = parseJson((await wrangler("d1", "list", "--json")).stdout);
  return all.find((/** @type {any} */ db) => db.name === DATABASE)?.uuid;
}

/** @param {string | undefined} jurisdiction */
async function ensureDatabase(jurisdiction) {
  const present = await findDatabase();
  if (present) return present;
  const where = jurisdiction ? ["--jurisdiction", jurisdiction] : [];
  await wrangler("d1", "create", DATABASE, "--update-config=false", ...where);
  return (await findDatabase()) ?? fail("the new D1 database is not listed; run this again");
}

async function findNamespace() {
  const all = parseJson((await wrangler("kv", "namespace", "list")).stdout);
  return all.find((/** @type {any} */ kv) => kv.title === NAMESPACE)?.id;
}

async function ensureNamespace() {
  const present = await findNamespace();
  if (present) return present;
  await wrangler("kv", "namespace", "create", NAMESPACE, "--update-config=false");
  return (await findNamespace()) ?? fail("the new KV namespace is not listed; run this again");
}

/** @param {string} message @returns {never} */
function fail(message) {
  throw new Stop(message);
}

/** @param {string} name */
async function ensureQueue(name) {
  const present = await tryWrangler("queues", "info", name);
  if (present.code === 0) return `${name} is there`;
  const retention = "--message-retention-period-secs";
  const long = await tryWrangler("queues", "create", name, retention, FOURTEEN_DAYS);
  if (long.code === 0) return `${name} made, keeps messages for 14 days`;
  // The free plan keeps messages for a day at most.
  await wrangler("queues", "create", name, retention, ONE_DAY);
  return `${name} made, keeps messages for 1 day (14 days need the paid plan)`;
}

/** The names of the Worker's secrets. @param {string} config @returns {Promise<string[]>} */
async function remoteSecrets(config) {
  const list = await tryWrangler("secret", "list", "--config", config);
  // Before the first deploy there is no Worker and the list is an error.
  if (list.code !== 0) {
    if (/10007|does not exist|not found/i.test(list.stdout + list.stderr)) return [];
    fail(`the secrets of the Worker cannot be listed\n${(list.stderr + list.stdout).trim()}`);
  }
  return parseJson(list.stdout).map((/** @type {any} */ one) => one.name);
}

/**
 * Deploys; the secrets go with the code when the Worker has none yet.
 * @param {string} config
 */
async function deployWorker(config) {
  const present = await remoteSecrets(config);
  if (present.includes("ROOT_SECRET")) {
    if (!present.includes("PSEUDONYM_SECRET")) {
      console.log(yellow("      PSEUDONYM_SECRET is not set: entry 1 of ROOT_SECRET must stay."));
      console.log(yellow("      Set it once: node tools/secrets.mjs pseudonyms"));
    }
    return wrangler("deploy", "--config", config);
  }
  const file = path.join(LOCAL, "secrets.json");
  const { rootSecret, pseudonymSecret } = await secretsIn(LOCAL);
  const secrets = JSON.stringify({ ROOT_SECRET: rootSecret, PSEUDONYM_SECRET: pseudonymSecret });
  await writeFile(file, secrets, { mode: 0o600 });
  try {
    const result = await wrangler("deploy", "--config", config, "--secrets-file", file);
    const kept = Object.values(filesIn(LOCAL)).map((one) => path.relative(ROOT, one));
    console.log(yellow(`      new secrets are set; back up ${kept.join(", ")}`));
    return result;
  } finally {
    await rm(file, { force: true });
  }
}

/** The workers.dev host of the last deploy, which only a deploy tells. */
async function rememberedHost() {
  const state = await readFile(STATE, "utf8").catch(() => "{}");
  return JSON.parse(state).host;
}

/** @param {string} adminHost */
async function firstKey(adminHost) {
  const rootSecret = await readSecret(filesIn(LOCAL).root);
  if (!rootSecret) {
    return "the root secret was not made here, so the first key cannot be fetched from here";
  }
  const key = await askForKey(adminHost, rootSecret);
  if (!key) return "it was handed out before; if it is lost: node tools/owner-key.mjs";
  console.log(`      ${bold(key)}`);
  return "this is the first API key; it is shown this once";
}

/** What becomes of the workers.dev address. @param {string[]} routes */
function said(routes) {
  return routes.length > 0 ? "; workers.dev is off, requests come in by the routes alone" : "";
}

async function deploy() {
  const { jurisdiction, ...settings } = settingsFromEnv();
  const step = createSteps(7);
  await step("Cloudflare account", checkLogin);
  const databaseId = await step(`D1 database ${DATABASE}`, () => ensureDatabase(jurisdiction));
  const namespaceId = await step(`KV namespace ${NAMESPACE}`, ensureNamespace);
  await step("queues", async () => {
    const said = [];
    for (const name of QUEUES) said.push(await ensureQueue(name));
    return said.join("; ");
  });
  let adminHost = settings.adminHost ?? (await rememberedHost());
  const write = () =>
    writeDeployConfig(LOCAL, { ...settings, adminHost, databaseId, namespaceId });
  let config = await write();
  await step("migrations", async () => {
    await wrangler("d1", "migrations", "apply", DATABASE, "--remote", "--config", config);
  });
  await step("Worker", async () => {
    const { stdout } = await deployWorker(config);
    const host = /https:\/\/([a-z0-9.-]+\.workers\.dev)/.exec(stdout)?.[1];
    if (host) await writeFile(STATE, JSON.stringify({ host }));
    if (adminHost) return `${adminHost}${said(settings.routes)}`;
    if (!host) fail("there is no workers.dev address; set ADMIN_HOST and ROUTES");
    // Only now is the address known: tell the Worker which host is the admin's.
    adminHost = host;
    config = await write();
    await wrangler("deploy", "--config", config);
    return adminHost;
  });
  await step("first API key", () => firstKey(adminHost));
  console.log(`\nThe API is at https://${adminHost}/api/v1`);
}

async function dryRun() {
  const { jurisdiction, ...settings } = settingsFromEnv();
  const step = createSteps(7);
  const say = (/** @type {string} */ text) => async () => `would ${text}`;
  const where = jurisdiction ? ` in the jurisdiction ${jurisdiction}` : "";
  await step("Cloudflare account", say("check that wrangler is logged in"));
  await step(`D1 database ${DATABASE}`, say(`create it${where} unless it is there`));
  await step(`KV namespace ${NAMESPACE}`, say("create it unless it is there"));
  await step("queues", say(`create ${QUEUES.join(", ")} unless they are there`));
  await step("migrations", say("apply those of migrations/ that are not applied yet"));
  await step("Worker", async () => {
    await rm(DRY, { recursive: true, force: true });
    const config = await writeDeployConfig(DRY, settings);
    const out = path.join(DRY, "out");
    const { stdout } = await wrangler("deploy", "--dry-run", "--outdir", out, "--config", config);
    console.log(dim(stdout.trim().replace(/^/gm, "      ")));
    const secrets = "would set ROOT_SECRET and PSEUDONYM_SECRET unless there are some";
    return `bundled; ${secrets}, and deploy${said(settings.routes)}`;
  });
  const host = settings.adminHost ?? "the workers.dev address";
  await step("first API key", say(`ask ${host} for it and print it`));
}

await runTool(HELP, async (args) => {
  if (!existsSync(path.join(ROOT, "target/worker/index.js"))) {
    throw new Stop("target/worker is not built: run make build");
  }
  await (args.includes("--dry-run") ? dryRun() : deploy());
});
