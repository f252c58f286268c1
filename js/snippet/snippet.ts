/**
 * The browser snippet: one deferred, same-origin script.
 *
 * A visitor lands from a partner link with a click token in the URL (`?tl=tlc_…`). The snippet
 * keeps that token in memory only, reports the landing once to `POST /tl/e`, and takes the token
 * of each answer. When the visitor decides about consent the page calls `tl.consent(state)`, which
 * posts the decision with the token and, if the decision allows it, the landing query with its
 * click IDs. Every `<input name="tl_token">` gets the current token, so that a form carries it to
 * the shop's back end; on pages without a token in the URL it is asked for (`GET /tl/me`) only
 * when such a field or a call of `tl.token()` needs it. All requests wait in one promise chain
 * (first for the activation of a prerendered page), so a decision never overtakes the landing.
 * It writes no cookie and no storage, needs no eval and no inline code, and a failure of the
 * server or of the snippet is never the page's failure.
 *
 * The URL is read when the script runs: a page may rewrite its history any time after that.
 * `text/plain` (no preflight) and `credentials: "same-origin"` are what fetch does with a string
 * body by default, so they are not spelled out. There are too few properties to gain from mangling.
 */

export type Consent = "full" | "session" | "code";

export interface Throughline {
  consent(state: Consent): Promise<void>;
  token(): Promise<string | null>;
}

declare global {
  interface Window {
    tl?: Throughline;
  }
  interface Document {
    readonly prerendering?: boolean;
  }
  interface Navigator {
    readonly globalPrivacyControl?: boolean;
  }
}

function start(): void {
  // Ours is there already: the script was loaded twice. Anything else of that name (an element's
  // id, another library's variable) is the page's own: it stays, and we work without the API.
  if (window.tl?.consent) return;

  const script = document.currentScript as HTMLScriptElement | null;
  const base = script?.src || location.origin + "/tl/";
  const search = location.search;
  let state = script?.dataset.consent;
  // undefined: nobody has told us yet; null: told that there is none.
  let token: string | null | undefined = /.*[?&]tl=(tlc_[\w-]+)/.exec(search)?.[1];
  let asked = false;

  // A prerendered page may never be seen, so that nothing leaves it before its activation.
  let chain: Promise<unknown> = new Promise<unknown>((resolve) =>
    document.prerendering
      ? document.addEventListener("prerenderingchange", resolve)
      : resolve(0),
  );

  /** Runs a step after all earlier ones; a failure becomes null and stops no later step. */
  const queue = <T>(step: () => T | Promise<T>): Promise<T | null> => {
    const result = chain.then(step).catch(() => null);
    chain = result;
    return result;
  };

  /** Posts `report` to the beacon, or asks who is here; keeps the token of a good answer. */
  const ask = async (report?: object): Promise<void> => {
    const response = await fetch(new URL(report ? "e" : "me", base), {
      method: report ? "POST" : "GET",
      body: report ? JSON.stringify(report) : null,
      keepalive: true,
      // A stalled answer must not hold back the visitor's next decision for ever.
      signal: AbortSignal.timeout?.(1e4),
    });
    const answer = response.ok && (await response.json());
    // An answer that names no token, not even null, is not the product's.
    if (answer.t !== undefined) token = answer.t;
    fill();
  };

  /**
   * The landing query, if the latest decision lets click IDs go out and no privacy signal forbids
   * it. The beacon takes 8 KB: a longer query ends before the parameter that would be cut.
   */
  const query = (): string | undefined =>
    (state === "full" || state === "session") && !navigator.globalPrivacyControl
      ? /^.{1,3800}(?=&|$)/.exec(search)?.[0]
      : undefined;

  /** Also an event listener: must neither throw nor wait. */
  const fill = (): void => {
    try {
      document.querySelectorAll<HTMLInputElement>("input[name=tl_token]").forEach((field) => {
        if (token === undefined) lookUp();
        else field.value = token || "";
      });
    } catch {
      // A page that redefines its fields keeps its own idea of their values.
    }
  };

  /** Once per page, so that a failing server is not asked again at each focus. */
  const lookUp = (): void => {
    if (!asked) queue(() => (token === undefined ? ask() : undefined));
    asked = true;
  };

  window.tl ??= {
    async consent(decision) {
      state = decision;
      await queue(() => {
        const held = token || null;
        // What is sent is always the latest decision, however many wait in the chain. A withdrawal
        // drops the old token before it asks for another: it holds even if the server fails.
        if (state === "code") {
          token = null;
          fill();
        }
        return ask({ n: "consent", s: state, t: held, q: query() });
      });
    },
    token() {
      if (token === undefined) lookUp();
      return queue(() => token || null);
    },
  };

  if (token) {
    const landed = token;
    queue(() => ask({ n: "land", t: landed, s: state, q: query() }));
  }
  // Focus and submit reach the forms that the page adds later.
  for (const event of ["load", "focusin", "submit"]) addEventListener(event, fill, true);
  fill();
}

try {
  start();
} catch {
  // Whatever this browser lacks, the page goes on without attribution.
}
