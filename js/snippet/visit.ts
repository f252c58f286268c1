/**
 * The visit: what this page knows of it, and the one way in which it talks to the server.
 *
 * The token lives in this memory alone; nothing is written that the browser keeps. All requests
 * wait in one promise chain (first for the activation of a prerendered page), so a decision never
 * overtakes the landing, and a failure of the server or of the snippet is never the page's failure.
 *
 * A decision that is not plainly a grant hides the token at once: the page sees it again when the
 * server has answered that very decision, with a token that fits it.
 *
 * `text/plain` (no preflight) and `credentials: "same-origin"` are what fetch does with a string
 * body by default, so they are not spelled out. State is the module's: one page has one visit, and
 * minified names cost less than properties.
 */
import type { Consent, Decision, Offer, Throughline } from "./api.js";
import { sendPatiently } from "./features/patience.js";
import { fill } from "./fields.js";
import { header, tokenOf } from "./landing.js";
import { base, options } from "./settings.js";

declare global {
  interface Document {
    readonly prerendering?: boolean;
  }
  interface Navigator {
    readonly globalPrivacyControl?: boolean;
  }
}

/** Where to, below the mount point, and what; without a body it is a question (GET). */
export type Message = [path: string, body?: { n: "land" | "consent"; [key: string]: unknown }];

/** Forms the message when its turn has come, so that it carries the latest decision. */
export type Report = () => Message;

interface Answer {
  t?: string | null;
  c: Consent;
  p?: string;
  o?: Offer;
}

/** undefined: nobody has asked yet; null: there is none, or its answer is awaited. */
export let token: string | null | undefined = tokenOf() || header;
export let decision: Decision | undefined = options.consent || undefined;
/** The landing's query; it may leave only as `query` says. */
let search = location.search;
let told: string | undefined;
// A prerendered page may never be seen, so that nothing leaves it before its activation.
let chain = new Promise<unknown>((resolve) =>
  document.prerendering
    ? document.addEventListener("prerenderingchange", resolve)
    : resolve(0),
);

const grants = (state: any): boolean => /^(full|session)$/.test(state);
/**
 * Whether click IDs may leave. False: a decision that does not plainly grant waits for its answer,
 * and until then the page sees no token. Null: the server said no. Undefined: nobody has spoken.
 */
let allowed: boolean | null | undefined = decision && grants(decision);

/** The token as the page may see it now. */
export const shown = (): string | null | undefined => (allowed === false ? null : token);

/** Asks for the token, once: a failing server is not asked again at each focus. */
export const lookUp = (): void => {
  if (token === undefined) {
    token = null;
    queue<unknown>(() => token ?? ask("me"));
  }
};

/** A later landing of the same page (single-page navigation). */
export const keep = (found: string | undefined): void => {
  token = found || token;
  search = location.search;
};

/** Runs a step after all earlier ones; a failure stops no later step. */
export const queue = <T>(step: () => T | Promise<T>): Promise<T | void> => {
  return (chain = chain.then(step).catch(() => {})) as Promise<T | void>;
};

/**
 * The landing query, if the latest decision lets click IDs go out and no privacy signal forbids
 * it. The beacon takes 8 KB: a longer query ends before the parameter that would be cut.
 */
export const query = (): string | undefined =>
  allowed && !navigator.globalPrivacyControl
    ? /^.{1,3800}(?=&|$)/.exec(search)?.[0]
    : undefined;

/** The decision, as it is when its turn comes: however many wait, the latest one is sent. */
export const consent: Report = () => [
  "e",
  { n: "consent", s: decision, t: token || null, q: query() },
];

/** Gives a report its turn; resolves when it was answered or has failed. */
export const send = (report: Report): Promise<unknown> =>
  FULL ? sendPatiently(report) : queue(() => ask(...report()));

/** Sends a message and takes the answer; throws if there is none. @returns the status */
export const ask = async (path: string, body?: Message[1]): Promise<number | void> => {
  const about = decision;
  const response = await fetch(new URL(path, base), {
    ...(body && { method: "POST", body: JSON.stringify(body) }),
    keepalive: true,
    // A stalled answer must not hold back the visitor's next decision for ever.
    signal: AbortSignal.timeout?.(1e4),
  });
  const { t, c, p, o }: Answer = await response.json();
  // An answer that names no rung of the ladder is not the product's.
  if (response.ok && c) {
    // Where nothing may be stored the server cannot know the token of this page's memory.
    if (body || t || allowed) token = t;
    // A question carries no decision, so its answer does not show what one has hidden.
    if (about === decision && (body || allowed !== false)) {
      allowed = grants(c) || null;
      // From here on the server's word holds: what was decided elsewhere, or made of the words.
      // If that lets out the click IDs which the page's words did not, they follow.
      if (body?.n !== "land" && (decision = body && c) && !grants(about) && query())
        send(consent);
    }
    if (told !== (told = JSON.stringify([(api.partner = p), (api.offer = o)])))
      document.dispatchEvent(new Event("tl"));
    fill();
  }
  if (FULL) return response.status;
};

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The API of the page. */
export const api: Writable<Throughline> = {
  consent(next) {
    allowed = grants((decision = next));
    fill();
    return send(consent) as Promise<void>;
  },
  token() {
    lookUp();
    return queue(() => shown() || null) as Promise<string | null>;
  },
  push(...calls) {
    for (const call of calls) {
      try {
        (api as any)[call[0]](call[1]);
      } catch {
        // The page's slip is not the page's failure.
      }
    }
  },
};
