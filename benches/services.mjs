/**
 * KV and the queue, outside of workerd, so that their work is not counted as the Worker's. One
 * HTTP server speaks what workerd's bindings speak: `GET /<key>` reads KV, `POST /message` sends.
 *
 * Runs as a process of its own: `{snapshots}` starts it, `{count}` gives what has arrived, and
 * `{forget}` gives it and starts again from nothing. Of the visits it keeps the last hundred.
 */
import { once } from "node:events";
import http from "node:http";

const METRICS = { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 } };
const TAKEN = JSON.stringify({ metadata: METRICS });

/** @type {Record<string, unknown>} */
let snapshots = {};
/** Bodies are parsed when somebody asks, not while the load runs. @type {string[]} */
let unread = [];
const RECENT = 100;
const nothing = () => ({
  reads: 0, messages: 0, bytes: 0, visits: 0, recent: /** @type {any[]} */ ([]),
});
let counted = nothing();

/** @type {http.RequestListener} */
function answer(request, response) {
  const url = new URL(request.url ?? "/", "http://outside");
  if (request.method === "POST" && url.pathname === "/message") {
    /** @type {Buffer[]} */
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      unread.push(Buffer.concat(chunks).toString("utf8"));
      response.setHeader("content-type", "application/json");
      response.end(TAKEN);
    });
    return;
  }
  counted.reads += 1;
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

/** What came since the last call of `forget`. */
function count() {
  for (const text of unread) {
    const { visits } = JSON.parse(text);
    counted.messages += 1;
    counted.bytes += text.length;
    counted.visits += visits.length;
    counted.recent = counted.recent.concat(visits.slice(-RECENT)).slice(-RECENT);
  }
  unread = [];
  return counted;
}

function forget() {
  const all = count();
  counted = nothing();
  return all;
}

/** @param {any} question */
async function reply(question) {
  if (question.snapshots) return listen(question);
  return question.forget ? forget() : count();
}

process.on("message", async (/** @type {any} */ question) => {
  try {
    process.send?.(await reply(question));
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
process.on("disconnect", () => process.exit());
// A Ctrl-C reaches this process too; the bench itself ends it.
process.on("SIGINT", () => {});
