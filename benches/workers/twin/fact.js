/** A click as the JSON that travels through the queue, and its gathering: as the product's. */
import { hex, idText, readU48 } from "./bytes.js";
import { nameOf } from "./query.js";

const CLASSES = ["", "human", "prefetch", "head", "stuffed", "crawler", "provisional", "preview",
  "scanner", "ai_agent", "library", "duplicate", "flood"];
const RUNGS = ["code", "session", "full"];
const EVIDENCE = ["default", "country", "gpc", "decision", "site_cookie", "tcf", "consent_mode"];
const NOBODY = "0000000000000000";
const GATHER_MS = 1000;
const GATHER_BYTES = 64_000;

/** @param {Uint8Array} touch 41 bytes */
function touchJson(touch) {
  const marks = touch[31] >> 4;
  const nonce = hex(touch, 33);
  return `{"at":${readU48(touch, 0)},"program":"pg_${idText(touch, 6)}",` +
    `"link":"ln_${idText(touch, 14)}","partner":"pn_${idText(touch, 22)}",` +
    `"variant":${touch[30]},"class":"${CLASSES[touch[31] & 15]}"` +
    (marks & 1 ? ',"checkout":true' : "") + (marks & 2 ? ',"holdout":true' : "") +
    `,"consent":"${RUNGS[touch[32] & 15]}","evidence":"${EVIDENCE[touch[32] >> 4]}"` +
    (nonce === NOBODY ? "}" : `,"nonce":"${nonce}"}`);
}

/**
 * @param {Uint8Array} touch
 * @param {Uint8Array[]} earlier
 * @param {import("./sealed.js").ClickId[]} ids
 * @param {Uint8Array} key
 */
export function clickFact(touch, earlier, ids, key) {
  let out = `{"kind":"click","key":"${hex(key, 0)}","at":${readU48(touch, 0)},` +
    `"touch":${touchJson(touch)}`;
  let before = ',"earlier":[';
  for (const each of earlier) {
    out += before + touchJson(each);
    before = ",";
  }
  if (earlier.length > 0) out += "]";
  before = ',"click_ids":[';
  for (const { code, at, value } of ids) {
    out += `${before}{"kind":"${nameOf(code)}","at":${at},"value":${JSON.stringify(value)}}`;
    before = ",";
  }
  return ids.length > 0 ? `${out}]}` : `${out}}`;
}

/** @type {string[]} */
let gathered = [];
let bytes = 0;
let lastSend = 0;
let waiting = false;

/** @param {string} fact @param {any} env @param {ExecutionContext} ctx */
export function gather(fact, env, ctx) {
  gathered.push(fact);
  bytes += fact.length;
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
  const text = gathered.join(",");
  gathered = [];
  bytes = 0;
  lastSend = Date.now();
  await env.CLICKS.send(`{"sent":${lastSend},"visits":[${text}]}`, { contentType: "text" });
}
