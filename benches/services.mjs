/**
 * KV and the queue, outside of workerd, so that their work is not counted as the Worker's. One
 * HTTP server speaks what workerd's bindings speak: `GET /<key>` reads KV, `POST /message` sends.
 *
 * Runs as a process of its own: `{snapshots}` starts it, `{count}` gives what arrived since.
 */
import { once } from "node:events";
import http from "node:http";

const METRICS = { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 } };
const TAKEN = JSON.stringify({ metadata: METRICS });

/** @type {Record<string, unknown>} */
let snapshots = {};
/** Bodies are parsed when somebody asks, not while the load runs. @type {string[]} */
let messages = [];
let reads = 0;

/** @type {http.RequestListener} */
function answer(request, response) {
  const url = new URL(request.url ?? "/", "http://outside");
  if (request.method === "POST" && url.pathname === "/message") {
    /** @type {Buffer[]} */
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      messages.push(Buffer.concat(chunks).toString("utf8"));
      response.setHeader("content-type", "application/json");
      response.end(TAKEN);
    });
    return;
  }
  reads += 1;
  const known = snapshots[decodeURIComponent(url.pathname.slice(1))];
  response.statusCode = request.method === "GET" && known ? 200 : 404;
  response.end(known ? JSON.stringify(known) : "");
}

/** @param {{ snapshots: Record<string, unknown> }} what */
async function listen(what) {
  snapshots = what.snapshots;
  // Idle connections stay open: opening them again would be counted as the Worker's time.
  const server = http.createServer({ keepAliveTimeout: 600_000 }, answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: /** @type {import("node:net").AddressInfo} */ (server.address()).port };
}

/** Counts what came since the last count that was told to forget. @param {boolean} forget */
function count(forget) {
  const visits = messages.flatMap((text) => JSON.parse(text).visits);
  const bytes = messages.reduce((sum, text) => sum + text.length, 0);
  const counted = {
    reads, messages: messages.length, bytes, visits: visits.length, last: visits.at(-1),
  };
  if (forget) [messages, reads] = [[], 0];
  return counted;
}

process.on("message", async (/** @type {any} */ question) => {
  try {
    const answered = question.snapshots ? await listen(question) : count(question.forget);
    process.send?.(answered);
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
process.on("disconnect", () => process.exit());
// A Ctrl-C reaches this process too; the bench itself ends it.
process.on("SIGINT", () => {});
