// `make demo`: the whole product on this machine with a shop in front of it, a webhook receiver
// and a stand-in for Meta behind it, and a live account of what happens in between.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startMetaStandIn } from "../../tests/e2e/support/meta_stand_in.mjs";
import { startShop } from "../../tests/e2e/support/shop.mjs";
import { startWebhookReceiver } from "../../tests/e2e/support/webhook_receiver.mjs";
import { ROOT, Stop, bold, dim, green, red, runTool } from "../../tools/console.mjs";
import { newPseudonymSecret, newRootSecret, startStack } from "../../tools/stack.mjs";
import { FIRST_PORT, choosePorts } from "./demo/ports.mjs";
import { PARTNERS, SHOP_HOST, callApi, provision } from "./demo/provision.mjs";
import { createWatch } from "./demo/watch.mjs";

const HELP = `
Usage: make demo, or node examples/shop/demo.mjs [--port N]

Starts Throughline on this machine with a tea shop behind it, two partners, a webhook receiver
and a stand-in for Meta, and shows live what happens. No account, no network.

  --port N   use port N and the next three (default: ${FIRST_PORT}, or the next free ones)
  --help     show this text

The data is kept under .local/demo/<port>; remove that folder to begin anew.
Ctrl-C ends everything.
`;

const POLL_MS = 1_000;
const CRON_MS = 60_000;

/** @typedef {import("./demo/provision.mjs").Settings} Settings */
/** @typedef {Settings & { rootSecret: string,
 * pseudonymSecret?: string, pixel: string }} Saved */

/** Reads what an earlier start has left, or begins. @param {string} dir */
function openSettings(dir) {
  const file = path.join(dir, "demo.json");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  /** @type {Saved} */
  const saved = existsSync(file)
    ? JSON.parse(readFileSync(file, "utf8"))
    : {
      rootSecret: newRootSecret(),
      pseudonymSecret: newPseudonymSecret(),
      pixel: String(randomBytes(6).readUIntBE(0, 6)),
      partners: {},
    };
  // Written beside and moved, so that an interrupted write loses no key.
  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify(saved, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  save();
  return { saved, save };
}

/** @param {string[]} args */
function portOf(args) {
  let values;
  try {
    ({ values } = parseArgs({ args, options: { port: { type: "string" } } }));
  } catch (error) {
    throw new Stop(`${/** @type {Error} */ (error).message}\n${HELP}`);
  }
  if (values.port === undefined) return undefined;
  const port = Number(values.port);
  if (Number.isInteger(port) && port >= 1024 && port <= 65532) return port;
  throw new Stop("--port must be a number from 1024 to 65532.");
}

/**
 * Ctrl-C, once: end in order. Twice: end at once. Replaces the listeners of the libraries below,
 * which would end the process before the data is closed and the children are gone.
 */
function catchSignals() {
  const stop = new AbortController();
  const listen = () => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      process.removeAllListeners(signal);
      process.on(signal, () => {
        if (stop.signal.aborted) process.exit(130);
        console.log(dim("\nEnding …"));
        stop.abort();
      });
    }
  };
  listen();
  // The reader of a pipe has gone: nobody is watching any more.
  process.stdout.on("error", () => stop.abort());
  return { stop, listen };
}

/** @param {{ web: number, webhook: number, meta: number }} ports @param {string} dir */
function walkThrough(ports, dir) {
  const shop = `http://${SHOP_HOST}:${ports.web}`;
  console.log(`
${bold("Throughline is running, with a shop behind it.")}

  The shop            ${shop}/
  Its staff's orders  ${shop}/staff/orders
  Anna's link         ${shop}/go/anna
  Northstar's link    ${shop}/go/northstar
  The API             http://admin.localhost:${ports.web}/api/v1/   (key: adminKey in
                      ${path.relative(ROOT, dir)}/demo.json)
  Webhooks arrive at  http://127.0.0.1:${ports.webhook}/hook, signatures are checked
  "Meta" listens at   http://127.0.0.1:${ports.meta}

${bold("Try this in a browser (Chrome, Edge or Firefox)")}

  Safari keeps no secure cookie of a page without https, so it forgets step 2 here. On a site with
  https it does all of this.

  1. Open Anna's link, as if you had clicked it in her newsletter:
     ${shop}/go/anna?fbclid=IwAR0demo
     You land in the shop. No cookie is set yet: the shop has not asked you.
  2. Press "Accept". Now a signed cookie remembers that Anna sent you.
  3. Put some tea in the cart and buy it. No card is needed.
  4. Watch below: the click, the decision with its reason, 10 % for Anna in the ledger,
     the signed webhook, and the conversion that goes to "Meta" with your mail only as a hash.
  5. Open the order under "Staff: orders" and refund a part of it. Anna's balance follows.
  6. In a private window, open Northstar's link and press "Only necessary". Buy from the
     page you land on: Northstar is still credited, Throughline stores nothing in your
     browser, and "Meta" hears nothing.

${dim("Ctrl-C ends everything. What happens from here on:")}
`);
}

/** @param {import("../../tests/e2e/support/webhook_receiver.mjs").Received} got */
function tellArrival(got) {
  const time = dim(new Date(got.at).toTimeString().slice(0, 8));
  const what = `${got.json?.type ?? "a webhook"} (${got.id ?? "no id"})`;
  const check = got.verified ? green("signature good") : red(`refused: ${got.error}`);
  console.log(`${time} ${bold("arrived ")} ${what}: ${check}`);
}

/** @param {(() => unknown)[]} endings newest last */
async function endAll(endings) {
  for (const end of endings.reverse()) {
    try {
      await end();
    } catch (error) {
      console.error(red(`while ending: ${/** @type {Error} */ (error).message}`));
    }
  }
}

/** Repeats `work` until `stop`; the next round begins only after the last one has ended.
 * @param {number} ms @param {AbortSignal} stop @param {() => Promise<unknown>} work */
async function each(ms, stop, work) {
  while (!stop.aborted) {
    await work().catch((error) => console.error(red(String(error?.message ?? error))));
    await new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        stop.removeEventListener("abort", done);
        resolve(undefined);
      }
      stop.addEventListener("abort", done);
    });
  }
}

/** @param {string[]} args */
async function main(args) {
  const wanted = portOf(args);
  if (!existsSync(path.join(ROOT, "target/worker/index.js"))) {
    throw new Stop("The Worker is not built yet: run `make demo`, which builds it first.");
  }
  const ports = await choosePorts(wanted, console.log);
  const dir = path.join(ROOT, ".local/demo", String(ports.web));
  const { saved, save } = openSettings(dir);
  const { stop, listen } = catchSignals();
  /** @type {(() => unknown)[]} */
  const endings = [];
  try {
    await run({ ports, dir, saved, save, stop, listen, endings });
  } finally {
    stop.abort();
    await endAll(endings);
  }
}

/**
 * @param {{ ports: Awaited<ReturnType<typeof choosePorts>>, dir: string, saved: Saved,
 *   save: () => void, stop: AbortController, listen: () => void,
 *   endings: (() => unknown)[] }} demo
 */
async function run({ ports, dir, saved, save, stop, listen, endings }) {
  saved.metaToken ??= randomBytes(24).toString("base64url");
  const webhook = await startWebhookReceiver({ port: ports.webhook, onRequest: tellArrival });
  endings.push(webhook.close);
  const meta = await startMetaStandIn(
    { port: ports.meta, pixel: saved.pixel, token: saved.metaToken });
  endings.push(meta.close);
  const stack = await startStack({
    port: ports.web, persist: path.join(dir, "state"),
    rootSecret: saved.rootSecret, pseudonymSecret: saved.pseudonymSecret,
    siteOrigin: `http://127.0.0.1:${ports.shop}`,
  });
  endings.push(stack.dispose);
  listen();
  if (stop.signal.aborted) return;

  const made = await provision(stack, {
    site: `http://${SHOP_HOST}:${ports.web}`, webhookUrl: webhook.url, metaUrl: meta.url, pixel: saved.pixel,
  }, saved, save);
  webhook.setSecret(made.webhook.secret);
  const shop = await startShop(
    { port: ports.shop, throughlineUrl: stack.url, key: made.trackKey, log: console.log });
  endings.push(shop.stop);
  shop.exited.then((code) => {
    if (stop.signal.aborted) return;
    console.error(red(`The shop's server ended by itself (code ${code}).`));
    process.exitCode = 1;
    stop.abort();
  });
  if (stop.signal.aborted) return;

  walkThrough(ports, dir);
  const names = new Map([[made.webhook.id, "the webhook"], [made.meta.id, "Meta"]]);
  for (const [slug, name] of Object.entries(PARTNERS)) {
    const partner = made.partners[slug];
    if (partner) names.set(partner.id, name).set(partner.link, `/go/${slug} (${name})`);
  }
  const poll = createWatch({
    get: (list) => callApi(stack, made.adminKey, "GET", list),
    program: made.program, names, print: console.log,
  });
  await Promise.all([
    each(POLL_MS, stop.signal, poll),
    each(CRON_MS, stop.signal, () => stack.cron()),
  ]);
}

await runTool(HELP, main);
