/**
 * The example shop as a real process, and the whole world around it: the product on workerd, the
 * shop behind its gateway, a webhook receiver and a stand-in for Meta.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { SHOP_HOST, callApi, provision } from "../../../examples/shop/demo/provision.mjs";
import { readList } from "../../../examples/shop/demo/watch.mjs";
import { startStack } from "../../../tools/stack.mjs";
import { startMetaStandIn } from "./meta_stand_in.mjs";
import { startWebhookReceiver } from "./webhook_receiver.mjs";

const SERVER = fileURLToPath(new URL("../../../examples/shop/server.mjs", import.meta.url));
const START_MS = 10_000;
const KEPT_LINES = 200;

/** A port that was free a moment ago: the product must know the shop's before the shop starts.
 * @returns {Promise<number>} */
export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/**
 * Starts the shop's server and waits until it listens.
 * @param {{ port: number, throughlineUrl: string, key: string,
 *   log?: (line: string) => void }} settings
 */
export async function startShop({ port, throughlineUrl, key, log = () => {} }) {
  const child = spawn(process.execPath, [SERVER], {
    env: {
      PATH: process.env.PATH, PORT: String(port),
      THROUGHLINE_URL: throughlineUrl, THROUGHLINE_KEY: key,
    },
    stdio: ["ignore", "pipe", "pipe"],
    // In a group of its own, so that Ctrl-C in a terminal reaches only the one that ends it.
    detached: true,
  });
  /** @type {string[]} */ const output = [];
  /** @type {Promise<number | null>} */
  const exited = new Promise((resolve) => child.once("exit", resolve));
  // However this process ends, the shop must not outlive it.
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  const listening = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        if (output.length > KEPT_LINES) output.shift();
        if (line.includes("listening")) resolve(true);
        else log(line);
      });
    }
  });

  async function stop() {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await exited;
  }

  const timeout = new AbortController();
  const late = pause(START_MS, false, { signal: timeout.signal }).catch(() => false);
  const ready = await Promise.race([listening, exited.then(() => false), late]);
  timeout.abort();
  if (ready !== true) {
    await stop();
    throw new Error(`the shop did not start:\n${output.join("\n")}`);
  }
  return { url: `http://127.0.0.1:${port}`, output, exited, stop };
}

/**
 * Asks again and again until there is an answer (anything truthy), or the time is up.
 * @template T
 * @param {string} what @param {() => Promise<T> | T} probe @param {number} [deadlineMs]
 * @returns {Promise<Exclude<T, false | null | undefined | "" | 0>>}
 */
export async function eventually(what, probe, deadlineMs = 30_000) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = await probe();
    if (found) return /** @type {any} */ (found);
    if (Date.now() > end) throw new Error(`did not happen within ${deadlineMs} ms: ${what}`);
    await pause(100);
  }
}

/**
 * Everything, set up through the public API.
 * @param {{ front?: { port: number, forward: (port: number) => void } }} [options] `front`: what
 *   stands before the product and speaks TLS with browsers
 */
export async function startWorld({ front } = {}) {
  /** @type {(() => unknown)[]} */ const endings = [];
  const stop = async () => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    const webhook = await startWebhookReceiver();
    endings.push(webhook.close);
    const metaToken = randomBytes(24).toString("base64url");
    const meta = await startMetaStandIn({ token: metaToken });
    endings.push(meta.close);
    const shopPort = await freePort();
    const stack = await startStack({ siteOrigin: `http://127.0.0.1:${shopPort}` });
    endings.push(stack.dispose);
    front?.forward(stack.port);
    const site = front
      ? `https://${SHOP_HOST}:${front.port}` : `http://${SHOP_HOST}:${stack.port}`;
    const made = await provision(stack, {
      site, webhookUrl: webhook.url, metaUrl: meta.url, pixel: meta.pixel,
    }, { metaToken, partners: {} });
    webhook.setSecret(made.webhook.secret);
    const shop = await startShop(
      { port: shopPort, throughlineUrl: stack.url, key: made.trackKey });
    endings.push(shop.stop);
    /** @param {string} path */
    const get = (path) => callApi(stack, made.adminKey, "GET", path);
    const destinations = { webhook: made.webhook.id, meta: made.meta.id };
    return {
      ...made, stack, shop, meta, webhook, destinations, stop,
      /** Where a browser finds the shop. */
      site,
      /** All rows of one of the API's reads.
       * @param {string} list @returns {Promise<Record<string, any>[]>} */
      rows: (list) => readList(get, list, made.program),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @typedef {Awaited<ReturnType<typeof startWorld>>} World */
