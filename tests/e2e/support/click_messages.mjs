/** Queue messages of clicks as a busy edge sends them, without the requests. */
import { randomBytes } from "node:crypto";

/** @typedef {import("./world.mjs").Ready} Ready */

/** The edge sends a message once it has so many bytes (`MESSAGE` in src/app/edge_plane). */
const MESSAGE = 64_000;

/** A click on a link of Anna by a visitor of its own. @param {Ready} world @param {string} link */
export function madeClick(world, link) {
  const { id, anna } = world.program;
  const at = Date.now();
  const nonce = randomBytes(8).toString("hex");
  return {
    kind: "click", key: nonce, at,
    touch: {
      at, program: id, link, partner: anna.id, variant: 0, class: "human", consent: "full",
      evidence: "default", nonce,
    },
    tags: {},
  };
}

/** @param {object[]} visits */
export const messageOf = (visits) => JSON.stringify({ sent: Date.now(), visits });

/** So many clicks as the bodies of full messages, or of `each` clicks.
 * @param {Ready} world @param {string} link @param {number} count @param {number} [each] */
export function messagesOf(world, link, count, each) {
  const bytes = JSON.stringify(madeClick(world, link)).length + 1;
  const most = each ?? Math.ceil(MESSAGE / bytes);
  const bodies = [];
  for (let left = count; left > 0; left -= most) {
    const clicks = Array.from({ length: Math.min(left, most) }, () => madeClick(world, link));
    bodies.push(messageOf(clicks));
  }
  return bodies;
}

/** The producers of the Worker and one of the dead-letter queue, for `startReady`. */
export const PRODUCERS = Object.fromEntries(["clicks", "work", "dead"].map((name) =>
  [name.toUpperCase(), { queueName: `throughline-${name}` }]));

/** Sends texts to a queue, as many at a time as Cloudflare takes.
 * @param {Ready} world @param {string} binding @param {string[]} bodies */
export async function sendAll(world, binding, bodies) {
  const queue = await world.stack.mf.getQueueProducer(binding, world.stack.bound);
  /** @type {{ body: string, contentType: "text" }[]} */ let batch = [];
  let bytes = 0;
  const flush = async () => {
    if (batch.length > 0) await queue.sendBatch(batch);
    batch = [];
    bytes = 0;
  };
  for (const body of bodies) {
    if (batch.length === 100 || bytes + body.length > 250_000) await flush();
    batch.push({ body, contentType: "text" });
    bytes += body.length;
  }
  await flush();
}
