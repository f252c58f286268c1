/**
 * Recovery from a crash of the wasm instance.
 *
 * A trap leaves the instance unusable and, after an await, leaves the promises of all calls in
 * flight unsettled. So every call goes through `guarded`: a trap resets the instance at once (a
 * new one, with empty memory) and rejects what was in flight, which the callers answer with
 * "try again". A trap inside a promise job is seen by the global listeners.
 */

/** @type {any} */
let core;
/** Counts the instances; what began under an older one has crashed with it. */
let generation = 0;
/** How long a call may be unaware that the instance crashed under it. */
const NOTICE_MS = 25;

/**
 * @param {any} module the generated glue
 * @param {WebAssembly.Module} wasm
 */
export function start(module, wasm) {
  core = module;
  core.initSync({ module: wasm });
  addEventListener("error", (event) => seen(/** @type {any} */ (event).error, event));
  addEventListener("unhandledrejection", (event) => {
    seen(/** @type {any} */ (event).reason, event);
  });
}

/** @param {unknown} error */
function isTrap(error) {
  return error instanceof WebAssembly.RuntimeError;
}

/**
 * @param {unknown} error
 * @param {Event} event
 */
function seen(error, event) {
  if (!isTrap(error)) return;
  event.preventDefault();
  crashed(/** @type {Error} */ (error));
}

/** @param {Error} error */
function crashed(error) {
  console.error(`wasm crashed and was started again: ${error.message}`);
  core.__wbg_reset_state();
  generation += 1;
}

/**
 * Calls into wasm. A synchronous trap resets and throws; a promise settles even when the instance
 * crashes under it.
 *
 * @template T
 * @param {() => T} call
 * @returns {T}
 */
export function guarded(call) {
  let result;
  try {
    result = call();
  } catch (error) {
    if (isTrap(error)) crashed(/** @type {Error} */ (error));
    throw error;
  }
  return result instanceof Promise ? /** @type {T} */ (watched(result)) : result;
}

/**
 * Each call looks for a crash itself: workerd ends a request as hung when nothing of its own is
 * left to wait for, before a rejection that came from another request reaches it.
 *
 * @param {Promise<unknown>} promise
 */
function watched(promise) {
  const born = generation;
  let settled = false;
  const crash = async () => {
    while (!settled) {
      await scheduler.wait(NOTICE_MS);
      if (generation !== born) throw new Error("the instance crashed");
    }
  };
  const result = promise.catch((error) => {
    if (isTrap(error) && generation === born) crashed(error);
    throw error;
  }).finally(() => (settled = true));
  return Promise.race([result, crash()]);
}
