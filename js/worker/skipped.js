/**
 * Pages that went without the snippet's tag, by host and reason: counted in the isolate and sent
 * with the clicks' queue, at most one message in ten seconds. What an isolate has not sent when it
 * ends is lost: these counts show that something is wrong, and nothing is paid by them.
 */
const GATHER_MS = 10_000;
/** Hosts and reasons that are told apart between two messages. */
const MOST = 200;

/** @type {Map<string, { host: string, reason: string, count: number }>} */
let counts = new Map();
let lastSend = 0;
let waiting = false;

/**
 * @param {string} host
 * @param {string} reason
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
export function countSkipped(host, reason, env, ctx) {
  const key = `${host} ${reason}`;
  const known = counts.get(key);
  if (known) known.count += 1;
  else if (counts.size < MOST) counts.set(key, { host, reason, count: 1 });
  if (waiting) return;
  if (Date.now() - lastSend >= GATHER_MS) {
    ctx.waitUntil(send(env));
  } else {
    waiting = true;
    ctx.waitUntil(sendLater(env));
  }
}

/** @param {any} env */
async function sendLater(env) {
  await scheduler.wait(GATHER_MS);
  waiting = false;
  await send(env);
}

/** @param {any} env */
async function send(env) {
  const skipped = [...counts.values()];
  if (skipped.length === 0) return;
  counts = new Map();
  lastSend = Date.now();
  try {
    await env.CLICKS.send(JSON.stringify({ sent: lastSend, skipped }), { contentType: "text" });
  } catch {
    console.error("pages without the snippet: the queue did not take their counts");
  }
}
