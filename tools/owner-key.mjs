/** The way back when nobody has an admin key for all programs any more. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { ROOT, Stop, bold, must, runTool } from "./console.mjs";
import { askForKey, openSetup } from "./first-key.mjs";
import { filesIn, readSecret, secretsIn } from "./keyring.mjs";

const HELP = `
Usage: node tools/owner-key.mjs [--dry-run] [--local] [--folder=<path>]

Prints a new admin key for all programs: opens set-up for five minutes and one key by a row in D1
(so it takes the Cloudflare account that wrangler is logged in to), and asks for the key with the
proof that only the root secret gives. Other keys go on; revoke what was lost afterwards.

  --dry-run   say what would be done
  --local     for the data of make dev, which must not be running
  --folder    where ids and secrets are: .local/deploy, with --local .local

Environment: ADMIN_HOST (else what make deploy remembers), ROOT_SECRET (else the folder's);
PORT (8787) with --local.
`;

const WRANGLER = path.join(ROOT, "node_modules/wrangler/bin/wrangler.js");
const ENV = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", CI: "1" };

/** @param {string} key */
function show(key) {
  console.log(bold(key));
  console.log("An admin key for all programs. It is shown this once; keep it.");
}

/** @param {string} folder */
async function adminHostIn(folder) {
  if (process.env.ADMIN_HOST) return process.env.ADMIN_HOST;
  const config = await readFile(path.join(folder, "wrangler.toml"), "utf8").catch(() => "");
  const host = /^ADMIN_HOST = "(.+)"$/m.exec(config)?.[1];
  if (!host) throw new Stop("set ADMIN_HOST, or run make deploy here first");
  return host;
}

/** @param {string} folder @param {boolean} dryRun */
async function remote(folder, dryRun) {
  const adminHost = await adminHostIn(folder);
  const command = ["d1", "execute", "throughline", "--remote", "--yes",
    "--config", path.join(folder, "wrangler.toml"), "--command", openSetup()];
  if (dryRun) {
    console.log(`would run: wrangler ${command.slice(0, -1).join(" ")} "${command.at(-1)}"`);
    console.log(`would ask ${adminHost} for a key with the proof of the root secret`);
    return;
  }
  const rootSecret = process.env.ROOT_SECRET || (await readSecret(filesIn(folder).root));
  if (!rootSecret) throw new Stop("set ROOT_SECRET from your backup: the proof is made of it");
  if (!existsSync(path.join(folder, "wrangler.toml"))) {
    throw new Stop("run make deploy here first: it writes the ids of D1");
  }
  await must(process.execPath, [WRANGLER, ...command], { env: ENV });
  const key = await askForKey(adminHost, rootSecret);
  if (!key) throw new Stop("set-up is closed again: somebody else was faster; run this again");
  show(key);
}

/** @param {string} folder @param {boolean} dryRun */
async function local(folder, dryRun) {
  if (dryRun) return console.log(`would run on the data in ${folder}: ${openSetup()}`);
  const { startStack } = await import("./stack.mjs");
  // On the port of make dev, so that both never have the data at once.
  const stack = await startStack({
    port: Number(process.env.PORT ?? 8787), persist: path.join(folder, "state"),
    ...(await secretsIn(folder)),
  });
  try {
    await stack.sql(openSetup());
    const made = await stack.setup();
    if (!made) throw new Stop("set-up stayed closed; run this again");
    show(made.key);
  } finally {
    await stack.dispose();
  }
}

await runTool(HELP, async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      "local": { type: "boolean", default: false }, "dry-run": { type: "boolean", default: false },
      "folder": { type: "string" },
    },
  });
  const folder = path.resolve(ROOT, values.folder ?? (values.local ? ".local" : ".local/deploy"));
  await (values.local ? local : remote)(folder, values["dry-run"]);
});
