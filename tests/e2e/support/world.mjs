/**
 * The product on real workerd, ready for visitors and conversions: one program on
 * `shop.localhost`, the partners Anna and Boris with a link each, and keys of every scope.
 */
import { callApi } from "../../../examples/shop/demo/provision.mjs";
import { readList } from "../../../examples/shop/demo/watch.mjs";
import { createClient } from "../../../tools/http.mjs";
import { startStack } from "../../../tools/stack.mjs";
import { eventually } from "./shop.mjs";

export { eventually };

export const SHOP = "shop.localhost";
/** Another build of the Worker than target/worker, to try the tests on. */
const WORKER = process.env.WORKER_DIR;

export const PLAN = {
  window_days: 30,
  sale: { rate_bps: 1000, flat: null },
  lead: { flat: { amount: 200, currency: "USD" } },
};

const AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
  + "Chrome/140.0.0.0 Safari/537.36";

/** What a browser sends when a person follows a link. */
export const NAVIGATION = Object.freeze({
  "user-agent": AGENT,
  "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
  "sec-fetch-site": "cross-site",
  "sec-fetch-user": "?1",
});

/** What a browser sends when the page's own script calls. */
export const SCRIPT = Object.freeze({
  "user-agent": AGENT,
  "accept": "*/*",
  "content-type": "text/plain;charset=UTF-8",
  "sec-fetch-dest": "empty",
  "sec-fetch-mode": "cors",
  "sec-fetch-site": "same-origin",
});

/** @param {string} country @returns {Record<string, string>} */
export const from = (country) => ({ "mf-cf-blob": JSON.stringify({ country }) });

/** Consumers that wait for nothing, so that a test need not either. */
const QUEUES = Object.fromEntries(["clicks", "work", "dead"].map((name) => [`throughline-${name}`, {
  maxBatchSize: 100, maxBatchTimeout: 0.1, maxRetries: name === "dead" ? 100 : 10,
  ...(name === "dead" ? {} : { deadLetterQueue: "throughline-dead" }),
}]));

/** @typedef {import("../../../tools/stack.mjs").Stack} Stack */
/** @typedef {import("../../../tools/stack.mjs").StackOptions} StackOptions */
/** @typedef {import("../../../tools/http.mjs").Answer} Answer */
/** @typedef {Record<string, any>} Row */

/** The first cookie of an answer, as name, value and attributes. @param {Answer} answer */
export function cookieOf(answer) {
  const line = answer.headers["set-cookie"]?.[0];
  if (line === undefined) return null;
  const [pair, ...attributes] = line.split("; ");
  const at = pair.indexOf("=");
  return { pair, name: pair.slice(0, at), value: pair.slice(at + 1), attributes };
}

/** The click token that a redirect carries, or null. @param {Answer} answer */
export function tokenOf(answer) {
  return new URL(answer.headers.location ?? "", "http://nowhere").searchParams.get("tl");
}

/** @param {StackOptions} [options] */
export function startProduct(options = {}) {
  return startStack({
    ...(WORKER ? { worker: WORKER } : {}),
    ...options,
    options: { queueConsumers: QUEUES, ...options.options },
  });
}

/**
 * @param {Stack} stack @param {string} admin
 * @param {Record<string, any>} [program] members that differ
 */
export async function makeProgram(stack, admin, program = {}) {
  /** @param {string} path @param {object} body @returns {Promise<any>} */
  const make = (path, body) => callApi(stack, admin, "POST", path, body);
  const { id } = await make("programs", {
    name: "Shop", hosts: [SHOP], target_hosts: [SHOP], default_consent: "full", plan: PLAN,
    ...program,
  });
  const host = program.hosts?.[0] ?? SHOP;
  const target = `http://${host}:${stack.port}/`;
  /** @param {string} name */
  const partner = async (name) => {
    const made = await make("partners", { program: id, name });
    const slug = name.toLowerCase();
    const link = await make("links", { program: id, partner: made.id, host, slug, target });
    return { id: made.id, link: link.id };
  };
  const anna = await partner("Anna");
  const boris = await partner("Boris");
  const keys = {
    track: await make("keys", { name: "server", scope: "track", program: id }),
    read: await make("keys", { name: "reader", scope: "read", program: id }),
    own: await make("keys", { name: "owner", scope: "admin", program: id }),
  };
  return { id, host, target, anna, boris, keys };
}

/** @typedef {Awaited<ReturnType<typeof makeProgram>>} Program */

/**
 * @param {StackOptions & { program?: Record<string, any> }} [options]
 */
export async function startReady({ program: members, ...options } = {}) {
  const stack = await startProduct(options);
  try {
    const first = await stack.setup();
    if (!first) throw new Error("this folder was set up before");
    const program = await makeProgram(stack, first.key, members);
    return ready(stack, first.key, program);
  } catch (error) {
    await stack.dispose();
    throw error;
  }
}

/** @typedef {ReturnType<typeof ready>} Ready */

/** @param {Stack} stack @param {string} admin @param {Program} program */
export function ready(stack, admin, program) {
  const { host } = program;

  /** The control plane as the first admin key, unless another is named.
   * @param {string} method @param {string} path @param {unknown} [body] @param {string} [key] */
  const api = (method, path, body, key = admin) =>
    stack.request(method, `/api/v1/${path}`, { key, body });

  /** Like `api`, for what must succeed.
   * @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  const must = (method, path, body) => callApi(stack, admin, method, path, body);

  /** All rows of a list, oldest first. @param {string} list @returns {Promise<Row[]>} */
  const rows = (list) => readList((path) => must("GET", path), list, program.id);

  let visitors = 0;

  /** A person's navigation, unless `headers` say otherwise; undefined ones are left out. Each comes
   * from a network of its own: more than 120 a minute from one are a flood.
   * @param {string} path @param {Record<string, string | undefined>} [headers]
   * @param {string} [method] @param {string} [on] another host */
  function visit(path, headers = {}, method = "GET", on = host) {
    visitors += 1;
    const network = `100.${visitors >> 8 & 255}.${visitors & 255}.7`;
    const all = Object.entries({ ...NAVIGATION, "cf-connecting-ip": network, ...headers });
    const given = Object.fromEntries(all.filter(([, value]) => value !== undefined));
    const headers_ = /** @type {Record<string, string>} */ (given);
    return stack.request(method, path, { host: on, headers: headers_ });
  }

  /** A click on Anna's link, unless another is named; gives token and cookie.
   * @param {string} [path] @param {Record<string, string | undefined>} [headers] */
  async function click(path = "/go/anna", headers = {}) {
    const answer = await visit(path, headers);
    const token = tokenOf(answer);
    if (token === null) throw new Error(`no token: ${answer.status} ${answer.headers.location}`);
    return { answer, token, cookie: cookieOf(answer) };
  }

  /** @param {string} kind @param {unknown} body @param {string} [key] @param {string} [on] */
  const track = (kind, body, key = program.keys.track.key, on = "127.0.0.1") =>
    stack.request("POST", `/api/v1/track/${kind}`, { host: on, key, body });

  /** Like `track`, for what must be accepted. @param {string} kind @param {unknown} body */
  async function accepted(kind, body) {
    const answer = await track(kind, body);
    if (answer.status !== 200) throw new Error(`track/${kind}: ${answer.status} ${answer.text}`);
    return answer.json();
  }

  /** The beacon, as the snippet of the landing page calls it.
   * @param {unknown} message @param {Record<string, string>} [headers] */
  const beacon = (message, headers = {}) => stack.request("POST", "/tl/e", {
    host, headers: { ...SCRIPT, ...headers },
    body: typeof message === "string" ? message : JSON.stringify(message),
  });

  /** Waits until nothing waits to be folded. */
  const folded = () => eventually("all facts are folded", async () =>
    (await stack.sql("SELECT 1 FROM facts WHERE state = 'pending'")).length === 0);

  /** Makes what waits to be delivered due now, unless its event still waits for its click. */
  async function hasten() {
    await stack.sql("UPDATE deliveries SET next_at = 0 WHERE state = 'pending'"
      + " AND event NOT IN (SELECT id FROM facts WHERE awaits_click = 1)");
    await stack.cron();
  }

  /** Waits until nothing is left to be folded or sent but what waits for its day, so that nothing
   * older takes the answer that a test orders from a receiver. */
  const quiet = () => eventually("nothing is left to be sent", async () => {
    await folded();
    const left = await stack.sql("SELECT 1 FROM deliveries WHERE state = 'pending'"
      + " AND coalesce(last_error, '') NOT IN ('correction_after_sale', 'click_too_recent')");
    if (left.length > 0) await hasten();
    return left.length === 0;
  });

  /** Net positions by partner and currency, once all is folded. */
  async function balances() {
    await folded();
    const found = await rows("balances");
    return Object.fromEntries(found.map((row) => [`${row.partner} ${row.currency}`, row.amount]));
  }

  /** Clicks by class, of one link if it is named. @param {string} [link] */
  async function clicks(link) {
    const found = (await rows("clicks"))
      .filter((row) => link === undefined || row.link === link);
    /** @type {Record<string, number>} */
    const counts = {};
    for (const { classes } of found) {
      for (const [name, count] of Object.entries(classes)) {
        counts[name] = (counts[name] ?? 0) + Number(count);
      }
    }
    return counts;
  }

  /** Everything in D1 and KV as one text. */
  async function dump() {
    const tables = await stack.sql("SELECT name FROM sqlite_master WHERE type = 'table'"
      + " AND substr(name, 1, 4) <> '_cf_'");
    const parts = [];
    for (const { name } of tables) {
      parts.push(name, JSON.stringify(await stack.sql(`SELECT * FROM "${name}"`)));
    }
    const kv = await kvOf(stack);
    for (const { name } of (await kv.list()).keys) parts.push(name, await kv.get(name) ?? "");
    return parts.join("\n");
  }

  return {
    stack, admin, program, api, must, rows, visit, click, track, accepted, beacon, folded,
    hasten, quiet, balances, clicks, dump, stop: stack.dispose,
  };
}

/** A request on a connection of its own: workerd ends one whose body it did not read.
 * @param {Stack} stack @param {string} path
 * @param {import("../../../tools/http.mjs").RequestOptions} options */
export async function postApart(stack, path, options) {
  const client = createClient(stack.port, "127.0.0.1");
  try {
    return await client.request("POST", path, options);
  } finally {
    client.close();
  }
}

/** The KV namespace that the snapshots are in, behind every gate.
 * @param {Stack} stack @returns {Promise<any>} */
export const kvOf = (stack) => stack.mf.getKVNamespace("SNAPSHOTS", stack.bound);

/** The code and the faults of a problem document. @param {Answer} answer */
export function problemOf(answer) {
  const { status, code, errors } = answer.json();
  return { status, code, errors: (errors ?? []).map((/** @type {Row} */ e) => [e.path, e.code]) };
}
