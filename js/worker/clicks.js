/**
 * Click facts on their way to the queue, after the response.
 *
 * Sending costs more than everything else a click does. A quiet isolate sends each click at once;
 * a busy one (a send within the last second) gathers them for up to a second or 64 KB and sends
 * one message. Until then they lie in wasm's memory. What a crash can lose is a count, never a
 * credit: the token earns without it.
 */
import * as core from "throughline:core";
import { guarded } from "./crash.js";

const GATHER_MS = 1_000;

let lastSend = 0;
let waiting = false;

/**
 * Sees to it that the clicks that wait are sent.
 *
 * @param {boolean} enough they make a message (`MESSAGE` in src/app/edge_plane/answer.rs)
 * @param {any} env
 * @param {ExecutionContext} ctx
 */
export function gather(enough, env, ctx) {
  if (enough) {
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
  const visits = guarded(() => core.clicks());
  if (visits === "") return;
  lastSend = Date.now();
  try {
    const message = `{"sent":${lastSend},"visits":[${visits}]}`;
    await env.CLICKS.send(message, { contentType: "text" });
  } catch {
    console.error("clicks: the queue did not take them; the counts miss them, the credit does not");
  }
}
