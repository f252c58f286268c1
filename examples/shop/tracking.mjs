// Tells Throughline what happened. The shop never waits for it and never fails with it: a report
// that does not get through is tried again in the background, with the same invoice id, which is
// what makes a repetition harmless.
import { Dub } from "dub";

/**
 * Facts about the visitor's browser that only the shop's server can pass on.
 * @typedef {{ userAgent?: string, pageUrl?: string, ip?: string, consent?: string }} Context
 * @typedef {{ id: string, name: string, email: string }} Person
 * @typedef {"waiting" | "reported" | "rejected" | "given up"} ReportState
 * @typedef {{ id: string, what: string, state: ReportState, attempts: number,
 *   note: string }} Report
 */

/** Ten tries in about four minutes. */
const DELAYS_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000];
const TIMEOUT_MS = 5_000;
const MAX_REPORTS = 1_000;

/**
 * What a failed call means: an answer that we could not read but that said yes counts as
 * reported, a clear no is final, all else is worth another try.
 * @param {unknown} error @returns {ReportState}
 */
function verdict(error) {
  const { statusCode, name } = /** @type {{ statusCode?: number, name?: string }} */ (error ?? {});
  if (statusCode === undefined) return name === "SDKValidationError" ? "rejected" : "waiting";
  if (statusCode < 400) return "reported";
  return statusCode === 408 || statusCode === 429 || statusCode >= 500 ? "waiting" : "rejected";
}

/**
 * Makes calls in the background, each again and again until it is clear how it ended.
 * @param {(line: string) => void} log @param {number[]} delays
 */
function createOutbox(log, delays) {
  /** @type {Map<string, Report>} */ const reports = new Map();
  /** @type {Set<NodeJS.Timeout>} */ const timers = new Set();
  let closed = false;

  /** @param {Report} report @param {() => Promise<unknown>} call */
  async function attempt(report, call) {
    report.attempts += 1;
    try {
      await call();
      report.state = "reported";
      report.note = "";
    } catch (error) {
      report.state = verdict(error);
      report.note = String(/** @type {Error} */ (error)?.message ?? error).slice(0, 200);
    }
    const delay = delays[report.attempts - 1];
    if (report.state === "waiting" && delay === undefined) report.state = "given up";
    if (report.state === "reported") return;
    log(`${report.what} ${report.id}: ${report.state}, ${report.note}`);
    if (report.state !== "waiting" || closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      void attempt(report, call);
    }, delay);
    timers.add(timer);
  }

  return {
    /** @param {string} what @param {string} id @param {() => Promise<unknown>} call */
    send(what, id, call) {
      const report = /** @type {Report} */ ({ id, what, state: "waiting", attempts: 0, note: "" });
      reports.set(id, report);
      const oldest = reports.size > MAX_REPORTS ? reports.keys().next().value : undefined;
      if (oldest !== undefined) reports.delete(oldest);
      void attempt(report, call);
      return id;
    },

    /** @param {string} id */
    report: (id) => reports.get(id) ?? null,

    close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/**
 * @param {{ url: string, key: string, log?: (line: string) => void, delays?: number[] }} settings
 */
export function createTracking({ url, key, log = () => {}, delays = DELAYS_MS }) {
  const base = `${url.replace(/\/+$/, "")}/api/v1`;
  const dub = new Dub({ token: key, serverURL: base, timeoutMs: TIMEOUT_MS });
  const { send, report, close } = createOutbox(log, delays);

  /** The one call that Dub's client does not have. @param {object} body */
  async function postRefund(body) {
    const answer = await fetch(`${base}/track/refund`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    if (!answer.ok) throw Object.assign(new Error(text), { statusCode: answer.status });
  }

  return {
    report, close,

    /** @param {Person} who @param {string} token @param {Context} context */
    lead: (who, token, context) => send("lead", `lead_${who.id}`, () => dub.track.lead({
      clickId: token,
      eventName: "Sign up",
      customerExternalId: who.id,
      customerName: who.name,
      customerEmail: who.email,
      metadata: { context },
    })),

    /** @param {{ id: string, total: number, currency: string }} order
     * @param {Person} who @param {string} token @param {Context} context */
    sale: (order, who, token, context) => send("sale", order.id, () => dub.track.sale({
      invoiceId: order.id,
      amount: order.total,
      currency: order.currency,
      paymentProcessor: "custom",
      ...(token ? { clickId: token } : {}),
      customerExternalId: who.id,
      customerName: who.name,
      customerEmail: who.email,
      metadata: { context },
    })),

    /** @param {{ id: string, currency: string }} order
     * @param {{ id: string, amount: number }} refund */
    refund: (order, refund) => send("refund", refund.id, () => postRefund({
      refundId: refund.id, invoiceId: order.id, amount: refund.amount, currency: order.currency,
    })),
  };
}

/** @typedef {ReturnType<typeof createTracking>} Tracking */
