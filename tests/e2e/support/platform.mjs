// What the stand-ins of platforms have in common: a server that remembers what it got, answers as
// the platform's rules say, and can be told to misbehave. The rules are each platform's own.
import { once } from "node:events";
import { createServer } from "node:http";

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_RECORDS = 10_000;
const ENDLESS_CHUNK = "x".repeat(64 * 1024);

/**
 * @typedef {{ status?: number, body?: unknown, headers?: Record<string, string>,
 *   endless?: boolean }} Failure
 * @typedef {{ method: string, url: URL, headers: import("node:http").IncomingHttpHeaders,
 *   text: string, json: any }} Got
 * @typedef {{ status: number, body?: unknown }} Said
 * @typedef {Got & Said} Recorded
 */

/** What a platform refuses: the answer is thrown from wherever the rule is. */
export class Refusal extends Error {
  /** @param {number} status @param {unknown} body */
  constructor(status, body) {
    super(typeof body === "string" ? body : JSON.stringify(body));
    this.status = status;
    this.body = body;
  }
}

/** @param {unknown} value @returns {value is Record<string, any>} */
export const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is string} */
export const isText = (value) => typeof value === "string" && value.trim() !== "";

export const isSha256 = (/** @type {unknown} */ value) =>
  typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

const CURRENCIES = new Set(Intl.supportedValuesOf("currency"));
export const isCurrency = (/** @type {unknown} */ value) =>
  typeof value === "string" && CURRENCIES.has(value);

/** @param {import("node:http").IncomingMessage} req */
async function read(req) {
  let text = "";
  for await (const chunk of req.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) return null;
  }
  return text;
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {import("node:http").ServerResponse} res */
function neverEnd(res) {
  const more = () => {
    while (!res.destroyed && res.write(ENDLESS_CHUNK));
  };
  res.on("error", () => {});
  res.on("drain", more);
  more();
}

/** @param {(got: Got) => Said} answer throws a {@link Refusal} for what the platform refuses */
export async function startPlatform(answer) {
  /** @type {Recorded[]} */ const requests = [];
  /** @type {Failure[]} */ const failures = [];

  /** @param {Got} got @returns {Said & Failure} */
  function decide(got) {
    const failure = failures.shift();
    if (failure) return { status: 500, ...failure };
    try {
      return answer(got);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: error.body };
    }
  }

  const server = createServer(async (req, res) => {
    const text = await read(req);
    if (text === null) return void req.destroy();
    const url = new URL(req.url ?? "/", "http://stand-in");
    const got = { method: req.method ?? "", url, headers: req.headers, text, json: parse(text) };
    const said = decide(got);
    requests.push({ ...got, status: said.status, body: said.body });
    if (requests.length > MAX_RECORDS) requests.shift();
    const plain = typeof said.body === "string";
    res.writeHead(said.status, {
      "content-type": plain ? "text/html" : "application/json", ...said.headers,
    });
    if (said.endless) return neverEnd(res);
    res.end(plain || said.body === undefined ? said.body : JSON.stringify(said.body));
  });

  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** Every request with its answer, refused ones too. */ requests,

    /** The next `count` requests are answered like this, whatever they hold.
     * @param {number} count @param {Failure} failure */
    fail(count, failure) {
      for (let i = 0; i < count; i += 1) failures.push(failure);
    },

    /** @returns {Promise<void>} */
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
