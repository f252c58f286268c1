/** Counts what the Worker does at its bindings, through the gates of tools/gate.mjs. */
import { once } from "node:events";
import http from "node:http";

const METRICS = { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 };

const nothing = () => ({
  kv_reads: 0, queue_messages: 0, queue_chunks: 0, d1_batches: 0, d1_statements: 0,
  d1_rows_read: 0, d1_rows_written: 0,
});

/**
 * @typedef {ReturnType<typeof nothing>} Operations
 *
 * @typedef {object} Counter
 * @property {{ keeps: boolean, kept: string[] }} state `keeps`: messages are taken from the Worker
 *   and kept here instead of going to the queue
 * @property {{ kvProxy: string, queueProxy: string, d1Proxy: string }} proxies
 * @property {() => Operations} take what was counted since the last call
 * @property {() => void} close
 */

/** A queue is billed by the 64 KB (of 1,000 bytes). */
const CHUNK = 64_000;

/** @param {http.IncomingMessage} request */
async function readJson(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return JSON.parse(text);
}

/**
 * Starts it. Spread `proxies` into the options of `startStack`.
 * @returns {Promise<Counter>}
 */
export async function startCounter() {
  let counted = nothing();
  /** @type {Counter["state"]} */
  const state = { keeps: false, kept: [] };

  /** @param {string} answer of D1 */
  function addRows(answer) {
    const results = JSON.parse(answer);
    for (const { meta } of Array.isArray(results) ? results : [results]) {
      counted.d1_statements += 1;
      counted.d1_rows_read += meta?.rows_read ?? 0;
      counted.d1_rows_written += meta?.rows_written ?? 0;
    }
  }

  /** @param {any} told @param {http.ServerResponse} response */
  function decide({ kind, method, body, answer }, response) {
    response.statusCode = 204;
    if (answer !== undefined) addRows(answer);
    else if (kind === "kv") counted.kv_reads += method === "GET" ? 1 : 0;
    else if (kind === "d1") {
      counted.d1_batches += 1;
      response.statusCode = 205;
    } else if (method === "POST") {
      counted.queue_messages += 1;
      counted.queue_chunks += Math.ceil(body.length / CHUNK);
      if (state.keeps) {
        state.kept.push(body);
        response.statusCode = 200;
        response.end(JSON.stringify({ metadata: { metrics: METRICS } }));
        return;
      }
    }
    response.end();
  }

  const server = http.createServer(async (request, response) => {
    decide(await readJson(request), response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;

  return {
    state,
    proxies: { kvProxy: url, queueProxy: url, d1Proxy: url },
    take() {
      const all = counted;
      counted = nothing();
      return all;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
