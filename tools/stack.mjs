/**
 * The whole product on this machine: the built Worker on real workerd with local KV, queues and
 * D1, set up from the project's wrangler.toml. `make dev`, the demo and the end-to-end tests all
 * start it here.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { unstable_getMiniflareWorkerOptions as readWorkerOptions } from "wrangler";
import { ROOT, Stop } from "./console.mjs";
import { PLUGIN } from "./gate.mjs";
import { createClient } from "./http.mjs";
import { newPseudonymSecret, newRootSecret, setupProof } from "./keyring.mjs";
import { applyMigrations } from "./migrations.mjs";
import { checkPort, collectOutput, killNow, quietLog, startMiniflare } from "./workerd.mjs";

export { newPseudonymSecret, newRootSecret, setupProof };

const GATE = path.join(ROOT, "tools", "gate.mjs");
const BACKING = "backing";
const KEPT_LOG_LINES = 2000;
/** What the Worker sees as `request.cf`; a request can bring its own in `MF-CF-Blob`. */
const CF = { country: "US", colo: "LOC", continent: "NA", asn: 64512, httpProtocol: "HTTP/1.1" };

/**
 * @typedef {object} StackOptions
 * @property {number} [port] 0 = any free one
 * @property {string} [persist] folder for KV and D1; without it both are forgotten
 * @property {string} [siteOrigin] origin behind the landing gateway
 * @property {string} [rootSecret] `<id>:<base64url>`; a random one unless told
 * @property {string} [pseudonymSecret] with a `rootSecret` of an older version's data: none
 * @property {Record<string, string>} [vars] more or other variables of the Worker
 * @property {string} [worker] folder of the built Worker
 * @property {Record<string, unknown>} [cf] `request.cf` of every request
 * @property {string} [kvProxy] address of a gate service for KV (see tools/gate.mjs)
 * @property {string} [queueProxy] the same for the queue producers
 * @property {string} [d1Proxy] the same for D1
 * @property {Record<string, unknown>} [options] overrides of Miniflare's worker options
 * @property {(line: string) => void} [log] called with every line of log output
 */

/**
 * @param {string} dir folder of the built Worker
 * @param {StackOptions} options
 * @param {{ rootSecret: string, pseudonymSecret: string }} secrets
 */
function workerOptions(dir, options, { rootSecret, pseudonymSecret }) {
  const { workerOptions: read } = readWorkerOptions(path.join(ROOT, "wrangler.toml"));
  const { modulesRules: _rules, ...rest } = /** @type {Record<string, any>} */ (read);
  return {
    ...rest,
    name: "throughline",
    modulesRoot: dir,
    modules: [
      { type: "ESModule", path: path.join(dir, "index.js") },
      { type: "CompiledWasm", path: path.join(dir, "throughline_bg.wasm") },
    ],
    bindings: {
      ...rest.bindings,
      LOOPBACK: "1",
      SITE_ORIGIN: options.siteOrigin ?? "",
      ROOT_SECRET: rootSecret,
      PSEUDONYM_SECRET: pseudonymSecret,
      ...options.vars,
    },
    ...options.options,
  };
}

/**
 * Moves D1, and the other bindings that have a gate service, behind a gate. A second, silent worker
 * keeps the plain ones, so that the real local services are there for the gate to pass on to.
 *
 * @param {Record<string, any>} worker
 * @param {StackOptions} options
 */
function withGates(worker, options) {
  /** @type {Record<string, any>[]} */
  const gates = [];
  /** @typedef {(value: any) => string} ServiceName */
  /** @type {(field: string, kind: string, proxy: string | undefined, real: ServiceName) => any} */
  const move = (field, kind, proxy, real) => {
    if (!proxy && kind !== "d1") return worker[field];
    // Miniflare wants options to be JSON: a member that is undefined is refused.
    const outside = proxy ? { address: new URL(proxy).host } : {};
    for (const [name, value] of Object.entries(worker[field])) {
      const plugin = { package: GATE, name: PLUGIN };
      const gate = { kind, real: real(value), ...outside };
      gates.push({ name, type: PLUGIN, plugin, options: gate });
    }
    return undefined;
  };
  const { kvNamespaces, queueProducers, d1Databases, compatibilityDate } = worker;
  const script = "export default { fetch: () => new Response(null, { status: 404 }) }";
  const backing = { name: BACKING, compatibilityDate, modules: true, script };
  return [
    {
      ...worker,
      kvNamespaces: move("kvNamespaces", "kv", options.kvProxy, (v) => `kv:ns:${v.id}`),
      d1Databases: move("d1Databases", "d1", options.d1Proxy, (v) => `d1:db:${v.id}`),
      queueProducers: move(
        "queueProducers", "queue", options.queueProxy, (v) => `queues:queue:${v.queueName}`,
      ),
      unsafeBindings: gates,
    },
    { ...backing, kvNamespaces, queueProducers, d1Databases },
  ];
}

/** @param {StackOptions} [options] */
export async function startStack(options = {}) {
  const dir = path.resolve(ROOT, options.worker ?? "target/worker");
  if (!existsSync(path.join(dir, "index.js"))) {
    throw new Stop(`there is no Worker in ${path.relative(ROOT, dir)}: run make build`);
  }
  if (options.port) await checkPort(options.port);
  const rootSecret = options.rootSecret ?? newRootSecret();
  const pseudonymSecret = options.pseudonymSecret
    ?? (options.rootSecret ? "" : newPseudonymSecret());
  /** @type {string[]} */
  const logs = [];
  /** @param {string} line */
  const sink = (line) => {
    logs.push(line);
    if (logs.length > KEPT_LOG_LINES) logs.shift();
    options.log?.(line);
  };
  const workers = withGates(workerOptions(dir, options, { rootSecret, pseudonymSecret }), options);
  const { mf, url, child } = await startMiniflare({
    host: "127.0.0.1",
    port: options.port ?? 0,
    cf: { ...CF, ...options.cf },
    log: quietLog(sink),
    logRequests: false,
    unsafeTriggerHandlers: true,
    handleRuntimeStdio: collectOutput(sink),
    defaultPersistRoot: options.persist ? path.resolve(options.persist) : undefined,
    kvPersist: Boolean(options.persist),
    d1Persist: Boolean(options.persist),
    workers,
  });
  const bound = BACKING;
  const db = await mf.getD1Database("DB", bound);
  await applyMigrations(/** @type {any} */ (db), path.join(ROOT, "migrations"));
  return stackHandle({ mf, child, bound, rootSecret, logs, port: Number(url.port) });
}

/**
 * @param {ReturnType<typeof createClient>["request"]} request
 * @param {string} rootSecret
 */
async function setup(request, rootSecret) {
  const answer = await request("POST", "/api/v1/setup", { key: setupProof(rootSecret) });
  if (answer.status === 409) return undefined;
  if (answer.status !== 201) throw new Error(`setup: ${answer.status} ${answer.text}`);
  return /** @type {{ id: string, key: string }} */ (answer.json());
}

/**
 * @param {import("miniflare").Miniflare} mf
 * @param {string} bound
 */
function reader(mf, bound) {
  /**
   * Reads the local D1 directly.
   * @type {(query: string, ...values: unknown[]) => Promise<any[]>}
   */
  const read = async (query, ...values) => {
    const db = await mf.getD1Database("DB", bound);
    return (await db.prepare(query).bind(...values).all()).results;
  };
  return read;
}

/**
 * @param {object} parts
 * @param {import("miniflare").Miniflare} parts.mf
 * @param {import("node:child_process").ChildProcess} parts.child
 * @param {string} parts.bound
 * @param {string} parts.rootSecret
 * @param {string[]} parts.logs
 * @param {number} parts.port
 */
function stackHandle({ mf, child, bound, rootSecret, logs, port }) {
  const client = createClient(port, "admin.localhost");
  let ended = false;

  /** Ends workerd as a crash would, then tidies up; the `persist` folder can be used again. */
  async function kill() {
    if (ended) return;
    ended = true;
    await killNow(child);
    client.close();
    await mf.dispose().catch(() => {});
  }

  async function dispose() {
    if (ended) return;
    ended = true;
    client.close();
    await mf.dispose();
    await killNow(child);
  }

  /**
   * Runs the cron trigger once and waits for it.
   * @param {number} [time] the scheduled time in unix milliseconds; now unless told
   */
  async function cron(time = Date.now()) {
    const query = new URLSearchParams({ cron: "* * * * *", time: String(time) });
    const host = `127.0.0.1:${port}`;
    const answer = await client.request("GET", `/cdn-cgi/handler/scheduled?${query}`, { host });
    if (answer.status !== 200) throw new Error(`cron: ${answer.status} ${answer.text}`);
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    rootSecret,
    /** Everything the Worker and workerd wrote, newest last. */
    logs,
    /** The running Miniflare, and the worker name whose bindings reach the real services. */
    mf,
    bound,
    request: client.request,
    cron,
    /** Makes the first API key; undefined when one was made before. */
    setup: () => setup(client.request, rootSecret),
    sql: reader(mf, bound),
    kill,
    dispose,
  };
}

/** @typedef {Awaited<ReturnType<typeof startStack>>} Stack */
