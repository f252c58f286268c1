/**
 * Click facts on their way to the queue, after the response.
 *
 * Sending costs more than everything else a click does. A quiet isolate sends each click at once;
 * a busy one (a send within the last second) gathers them for up to a second or 64 KB and sends
 * one message. What a crash can lose here is a count, never a credit: the token earns without it.
 */

const GATHER_MS = 1_000;
const GATHER_BYTES = 64_000;

/** @type {string[]} */
let gathered = [];
let bytes = 0;
let lastSend = 0;
let waiting = false;

/**
 * @param {string} visits JSON objects with commas between them
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
export function gather(visits, env, ctx) {
  gathered.push(visits);
  bytes += visits.length;
  if (bytes >= GATHER_BYTES) {
    ctx.waitUntil(send(env));
  } else if (!waiting) {
    if (Date.now() - lastSend >= GATHER_MS) {
      ctx.waitUntil(send(env));
    } else {
      waiting = true;
      ctx.waitUntil(sendLater(env));
    }
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
  if (gathered.length === 0) return;
  const visits = gathered.join(",");
  gathered = [];
  bytes = 0;
  lastSend = Date.now();
  try {
    const message = `{"sent":${lastSend},"visits":[${visits}]}`;
    await env.CLICKS.send(message, { contentType: "text" });
  } catch {
    console.error("clicks: the queue did not take them; the counts miss them, the credit does not");
  }
}
