/**
 * What the ledger plane asks of the platform, for `src/edge/{d1,kv,work,outbound}.rs`: in wasm the
 * glue for each of these objects weighs kilobytes. Nothing here decides anything, and nothing
 * rejects: a failure is a value.
 */

/** Bytes of an answer that are read. */
const ANSWER_BYTES = 16_384;
const LATE = Symbol();

/**
 * Waits for `work`, but not longer than `ms`; then gives `LATE`.
 *
 * @template T
 * @param {number} ms
 * @param {Promise<T>} work
 * @returns {Promise<T | typeof LATE>}
 */
async function within(ms, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const limit = new Promise((resolve) => (timer = setTimeout(() => resolve(LATE), ms)));
  try {
    return /** @type {T | typeof LATE} */ (await Promise.race([work, limit]));
  } finally {
    clearTimeout(timer);
  }
}

/** Is there a binding of this name? @param {any} env @param {string} name */
export function has(env, name) {
  return env[name] !== undefined && env[name] !== null;
}

/**
 * One batch of D1: the first column of each row of each statement; the error's text when D1
 * refused; `undefined` when it did not answer in time.
 *
 * @param {any} env
 * @param {string[]} statements SQL and its one parameter, by turns
 * @param {number} ms
 */
export async function batch(env, statements, ms) {
  try {
    const prepared = [];
    for (let at = 0; at < statements.length; at += 2) {
      prepared.push(env.DB.prepare(statements[at]).bind(statements[at + 1]));
    }
    const results = await within(ms, env.DB.batch(prepared));
    if (results === LATE) return undefined;
    return results.map((/** @type {any} */ result) =>
      result.results.map((/** @type {object} */ row) => Object.values(row)[0]));
  } catch (error) {
    const { message, cause } = /** @type {any} */ (error) ?? {};
    return [message ?? String(error), cause?.message].filter(Boolean).join(": ");
  }
}

/**
 * A record of KV; `null` when there is none, `undefined` when KV did not answer.
 *
 * @param {any} env
 * @param {string} key
 * @param {number} ms
 */
export async function get(env, key, ms) {
  try {
    const found = await within(ms, env.SNAPSHOTS.get(key));
    return found === LATE ? undefined : found;
  } catch {
    return undefined;
  }
}

/**
 * Did it work, in time?
 *
 * @param {number} ms
 * @param {() => Promise<unknown>} work
 */
async function done(ms, work) {
  try {
    return (await within(ms, work())) !== LATE;
  } catch {
    return false;
  }
}

/** @param {any} env @param {string} key @param {string} value @param {number} ms */
export function put(env, key, value, ms) {
  return done(ms, () => env.SNAPSHOTS.put(key, value));
}

/** @param {any} env @param {string} key @param {number} ms */
export function remove(env, key, ms) {
  return done(ms, () => env.SNAPSHOTS.delete(key));
}

/** Puts a message into the work queue. @param {any} env @param {string} text @param {number} ms */
export function send(env, text, ms) {
  return done(ms, () => env.WORK.send(text, { contentType: "text" }));
}

/**
 * Sends without following redirects. Gives status, the first bytes of the answer as far as they
 * came in time, `Retry-After` and the same as a date; the status alone is `"late"` when there was
 * no answer in time, `"unreachable"` when there was no connection.
 *
 * @param {string} method
 * @param {string} url
 * @param {string[]} headers names and values by turns
 * @param {string} body
 * @param {number} ms
 */
export async function exchange(method, url, headers, body, ms) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(LATE), ms);
  try {
    const sent = new Headers({ "user-agent": "Throughline/0.1" });
    for (let at = 0; at < headers.length; at += 2) sent.set(headers[at], headers[at + 1]);
    const { signal } = abort;
    const init = { method, headers: sent, body: method === "GET" ? undefined : body, signal };
    const response = await fetch(url, { ...init, redirect: "manual" });
    const wait = response.headers.get("retry-after") ?? "";
    return [response.status, await beginning(response), wait, Date.parse(wait)];
  } catch {
    return [abort.signal.aborted ? "late" : "unreachable"];
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Signs with RS256. Gives base64url, or `null` when the key cannot be used.
 *
 * @param {string} pem PKCS #8
 * @param {string} text
 */
export async function sign(pem, text) {
  try {
    const der = atob(pem.replace(/-----[A-Z ]+-----|\s/g, ""));
    const bytes = Uint8Array.from(der, (byte) => byte.charCodeAt(0));
    const rs256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("pkcs8", bytes, rs256, false, ["sign"]);
    const signed = await crypto.subtle.sign(rs256.name, key, new TextEncoder().encode(text));
    const base64 = btoa(String.fromCharCode(...new Uint8Array(signed)));
    return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  } catch {
    return null;
  }
}

/** The first bytes of a body, as far as they came. @param {Response} response */
async function beginning(response) {
  const bytes = new Uint8Array(ANSWER_BYTES);
  let filled = 0;
  const reader = response.body?.getReader();
  try {
    while (reader && filled < ANSWER_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, ANSWER_BYTES - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
    if (filled === ANSWER_BYTES) await reader?.cancel();
  } catch {
    // What came before the connection broke, or the time was up, still says something.
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, filled));
}
