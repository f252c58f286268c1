/**
 * The outside service behind the gates of tools/gate.mjs: it decides what becomes of each
 * operation of the Worker on KV, its queues or D1 while the stack runs. What passes reaches the
 * real local service.
 */
import http from "node:http";
import { once } from "node:events";

/**
 * - `ok`: pass on
 * - `error`: answer 500, nothing happens
 * - `hang`: no answer until the mode changes or the service closes
 * - `lost`: it happens, but the Worker gets a 500
 * @typedef {"ok" | "error" | "hang" | "lost"} Mode
 *
 * @typedef {object} Operation
 * @property {"kv" | "queue" | "d1"} kind
 * @property {string} binding
 * @property {string} method
 * @property {string} url
 * @property {string | null} body the SQL request, for D1 alone
 */

class Fault {
  /** @type {Operation[]} every operation seen, oldest first */
  calls = [];
  /** @type {(operation: Operation) => boolean} which operations the mode is for */
  match = () => true;
  /** @type {Mode} */
  #mode = "ok";
  /** @type {number} */
  #left = Infinity;
  /** @type {Set<http.ServerResponse>} */
  #waiting = new Set();

  get mode() {
    return this.#mode;
  }

  /** How many operations hang at present. */
  get waiting() {
    return this.#waiting.size;
  }

  /** @param {Mode} mode */
  set mode(mode) {
    this.#mode = mode;
    this.#left = Infinity;
    if (mode !== "hang") this.#release(mode);
  }

  /**
   * The mode for the next `count` matching operations; after them `ok` again.
   * @param {number} count
   * @param {Mode} mode
   */
  next(count, mode) {
    this.mode = mode;
    this.#left = count;
  }

  /** Everything passes again and nothing is remembered. */
  reset() {
    this.mode = "ok";
    this.match = () => true;
    this.calls = [];
  }

  /**
   * @param {Operation} operation
   * @param {http.ServerResponse} response
   */
  decide(operation, response) {
    this.calls.push(operation);
    const mode = this.match(operation) ? this.#mode : "ok";
    if (mode !== "ok" && --this.#left <= 0) this.#mode = "ok";
    if (mode === "hang") {
      this.#waiting.add(response);
      response.on("close", () => this.#waiting.delete(response));
    } else {
      answer(response, mode);
    }
  }

  /** @param {Mode} mode */
  #release(mode) {
    for (const response of this.#waiting) answer(response, mode);
    this.#waiting.clear();
  }
}

/**
 * @param {http.ServerResponse} response
 * @param {Mode} mode
 */
function answer(response, mode) {
  response.statusCode = { ok: 204, lost: 202, error: 500, hang: 500 }[mode];
  response.end(mode === "error" ? "the service is down" : undefined);
}

/** @param {http.IncomingMessage} request */
async function readJson(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return JSON.parse(text);
}

/**
 * Starts the service. Spread `proxies` into the options of `startStack`:
 * `const faulty = await startFaultyServices(); startStack({ ...faulty.proxies })`,
 * then `faulty.kv.mode = "hang"`, `faulty.queue.next(1, "lost")`, `faulty.d1.match = …`.
 */
export async function startFaultyServices() {
  const faults = { kv: new Fault(), queue: new Fault(), d1: new Fault() };
  const server = http.createServer(async (request, response) => {
    const operation = /** @type {Operation} */ (await readJson(request));
    faults[operation.kind].decide(operation, response);
  });
  // Hung operations are held for as long as a test wants.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;

  async function close() {
    for (const fault of Object.values(faults)) fault.mode = "error";
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  return { ...faults, url, proxies: { kvProxy: url, queueProxy: url, d1Proxy: url }, close };
}
