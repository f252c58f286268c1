/**
 * A bounded load: a fixed number of requests over a few keep-alive connections, one at a time on
 * each. Runs as a process of its own and costs little, so that it does not disturb what it
 * measures. Every answer must have the expected status.
 */
import net from "node:net";

/**
 * @typedef {object} Load
 * @property {number} port
 * @property {string} request the request as it goes over the wire; `{network}` in it becomes
 *   another network each time, as that of another visitor
 * @property {number} requests
 * @property {number} connections
 * @property {number} [status] the only one that counts; any, when none is named
 */

const HEAD_END = Buffer.from("\r\n\r\n");

/**
 * Cuts one answer off the front; undefined when it is not whole yet.
 * @param {Buffer} data
 */
function cut(data) {
  const headEnd = data.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = data.toString("latin1", 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (!length) throw new Error(`an answer without a length:\n${head}`);
  const end = headEnd + HEAD_END.length + Number(length[1]);
  if (data.length < end) return undefined;
  const body = data.subarray(headEnd + 4, end);
  return { status: Number(head.slice(9, 12)), head, body, rest: data.subarray(end) };
}

/** Goes on over all loads of this process. */
let visitors = 0;

/** The first three parts of an IPv4 address, another one each time. */
function network() {
  visitors = (visitors + 1) % (1 << 23);
  return `${20 + (visitors >> 16)}.${(visitors >> 8) & 255}.${visitors & 255}`;
}

/**
 * @param {Load} load
 * @param {() => boolean} next takes one request from those that are left
 * @returns {Promise<{ head: string, body: string }>} the last answer
 */
function connection(load, next) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(load.port, "127.0.0.1");
    /** @type {Buffer} */
    let pending = Buffer.alloc(0);
    let last = { head: "", body: "" };
    const parts = load.request.split("{network}");
    const send = () => {
      if (next()) socket.write(parts.length > 1 ? parts.join(network()) : load.request);
      else socket.end(() => resolve(last));
    };
    socket.setNoDelay(true);
    socket.on("connect", send);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection was closed")));
    socket.on("data", (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      try {
        const answer = cut(pending);
        if (!answer) return;
        if (load.status && answer.status !== load.status) throw new Error(`unexpected answer:\n${answer.head}`);
        pending = answer.rest;
        last = { head: answer.head, body: answer.body.toString() };
        send();
      } catch (error) {
        reject(error);
        socket.destroy();
      }
    });
  });
}

/** @param {Load} load */
async function run(load) {
  let left = load.requests;
  const next = () => left-- > 0;
  const start = performance.now();
  const all = Array.from({ length: load.connections }, () => connection(load, next));
  const last = (await Promise.all(all)).find(({ head }) => head !== "");
  return { wall_ms: performance.now() - start, ...last };
}

process.on("message", async (/** @type {Load} */ load) => {
  try {
    process.send?.(await run(load));
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.on("disconnect", () => process.exit());
// A Ctrl-C reaches this process too; the bench itself ends it.
process.on("SIGINT", () => {});
