// A place that webhooks arrive at. It checks every signature with the reference library of
// Standard Webhooks, remembers what came, and can be told to refuse or to hang.
import { once } from "node:events";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_RECORDS = 10_000;

/**
 * @typedef {{ at: number, path: string, headers: import("node:http").IncomingHttpHeaders,
 *   id: string | null, body: string, json: any, verified: boolean, error: string | null,
 *   status: number | null }} Received
 */

/** @param {import("node:http").IncomingHttpHeaders} headers */
const plain = (headers) => Object.fromEntries(
  Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** @param {string} secret @param {string} body
 * @param {import("node:http").IncomingHttpHeaders} headers */
function check(secret, body, headers) {
  if (secret === "") return { json: null, error: "no secret to verify with" };
  try {
    return { json: new Webhook(secret).verify(body, plain(headers)), error: null };
  } catch (error) {
    return { json: null, error: String(/** @type {Error} */ (error).message) };
  }
}

/** @param {{ port?: number, secret?: string, onRequest?: (got: Received) => void }} [settings] */
export async function startWebhookReceiver({ port = 0, secret = "", onRequest } = {}) {
  /** @type {Received[]} */ const requests = [];
  /** @type {number[]} */ const failures = [];
  /** @type {Set<import("node:http").ServerResponse>} */ const held = new Set();
  let current = secret;
  let hanging = 0;

  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req.setEncoding("utf8")) {
      body += chunk;
      if (body.length > MAX_BODY_BYTES) return void req.destroy();
    }
    const { json, error } = check(current, body, req.headers);
    const hang = hanging > 0;
    if (hang) hanging -= 1;
    // What cannot be verified is refused, as any careful receiver does.
    const status = hang ? null : failures.shift() ?? (error === null ? 204 : 401);
    const got = {
      at: Date.now(), path: req.url ?? "", headers: req.headers, body, json, error, status,
      id: req.headers["webhook-id"] === undefined ? null : String(req.headers["webhook-id"]),
      verified: error === null,
    };
    requests.push(got);
    if (requests.length > MAX_RECORDS) requests.shift();
    onRequest?.(got);
    if (status === null) held.add(res);
    else res.writeHead(status, status < 300 || status > 399 ? {} : { location: "/followed" }).end();
  });

  await once(server.listen(port, "127.0.0.1"), "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());

  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    /** Everything that arrived, verified or not. */ requests,

    /** The secret is known only once the destination exists. @param {string} value */
    setSecret(value) {
      current = value;
    },

    /** The next `count` requests are answered with `status`, whatever they hold.
     * @param {number} count @param {number} status */
    fail(count, status) {
      for (let i = 0; i < count; i += 1) failures.push(status);
    },

    /** The next `count` requests get no answer until `release` is called.
     * @param {number} count */
    hang(count) {
      hanging += count;
    },

    /** Answers those that were left hanging. */
    release(status = 204) {
      for (const res of held) if (!res.destroyed) res.writeHead(status).end();
      held.clear();
    },

    /** @returns {Promise<void>} */
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** @typedef {Awaited<ReturnType<typeof startWebhookReceiver>>} WebhookReceiver */
