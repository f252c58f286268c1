/** `make dev`: the product on this machine until Ctrl-C, with its data kept in .local/. */
import path from "node:path";
import { ROOT, bold, dim, runTool, yellow } from "./console.mjs";
import { secretsIn } from "./keyring.mjs";

const HELP = `
Usage: node tools/dev.mjs

Runs the built Worker with its database and KV in .local/state and cron each minute.
Environment: PORT (8787), SITE_ORIGIN (origin of a site behind the gateway, default none; it answers
on every host below localhost but the admin's).
`;

const LOCAL = path.join(ROOT, ".local");

/**
 * Runs cron at the start of every minute, as the platform does.
 * @param {() => Promise<void>} cron
 */
function everyMinute(cron) {
  /** @type {NodeJS.Timeout} */
  let timer;
  const next = () => {
    const wait = 60_000 - (Date.now() % 60_000);
    timer = setTimeout(async () => {
      await cron().catch((error) => console.error(yellow(`cron: ${error.message}`)));
      next();
    }, wait);
  };
  next();
  return () => clearTimeout(timer);
}

/**
 * Ends in order. Miniflare's own listeners would end this process before anything is closed.
 * @param {() => Promise<void>} end
 */
function onSignal(end) {
  let ending = false;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
    process.removeAllListeners(signal);
    process.on(signal, async () => {
      if (ending) process.exit(130);
      ending = true;
      console.log(dim("\nending"));
      await end();
      process.exit(0);
    });
  }
}

async function main() {
  const { startStack } = await import("./stack.mjs");
  const stack = await startStack({
    port: Number(process.env.PORT ?? 8787),
    persist: path.join(LOCAL, "state"),
    siteOrigin: process.env.SITE_ORIGIN,
    ...(await secretsIn(LOCAL)),
    log: (line) => console.log(dim(line)),
  });
  const stopCron = everyMinute(() => stack.cron());
  onSignal(async () => {
    stopCron();
    await stack.dispose();
  });
  const admin = await stack.setup();
  console.log(`${bold("API")}     http://admin.localhost:${stack.port}/api/v1`);
  console.log(`${bold("links")}   http://<host>.localhost:${stack.port}/go/<slug>`);
  if (admin) {
    console.log(`${bold("key")}     ${admin.key}`);
    console.log(yellow("        The first API key. It is shown this once; keep it."));
  } else {
    console.log(dim("The first API key was shown when this data was made. End this and run"));
    console.log(dim("node tools/owner-key.mjs --local for another one, or remove .local/state."));
  }
  console.log(dim("Ctrl-C ends it."));
}

await runTool(HELP, main);
