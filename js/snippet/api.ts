/** What a page sees of the snippet: its calls, its settings, its globals. Types only. */

/** The consent ladder. */
export type Consent = "full" | "session" | "code";

/** Google's consent mode, as `gtag("consent", "update", …)` takes it. */
export type ConsentMode = Record<string, "granted" | "denied">;

/**
 * A decision in the page's own words: a rung of the ladder, an IAB TCF string, a Google gcs string
 * (`"G110"`), or a consent-mode object. The server maps it to a rung.
 */
export type Decision = Consent | (string & {}) | ConsentMode;

/** What the partner's visitors are offered: any JSON object that the link carries. */
export type Offer = Record<string, unknown>;

/** A call as it waits in `window.tlq` until the script has run. */
export type Call = ["consent", Decision] | ["token"];

export interface Throughline {
  /**
   * Tells what the visitor decided. Resolves when the server has answered, or has failed, and the
   * fields are up to date; never rejects.
   */
  consent(decision: Decision): Promise<void>;
  /** The current click token, or null; never rejects. After it `partner` and `offer` are current. */
  token(): Promise<string | null>;
  /** Runs calls in the form of `window.tlq`; a wrong one is as if absent. */
  push(...calls: Call[]): void;
  /** Display name of the partner who sent the visitor, once an answer has told it. */
  readonly partner?: string;
  /** The event `tl` on `document` tells of the first answer, and of a change of either. */
  readonly offer?: Offer;
}

/** `data-…` attributes of the script's tag, or the argument of the module's `start`. */
export interface Options {
  /** What the visitor has decided already, where the page knows it when it is rendered. */
  consent?: string;
  /** Name of the URL parameter that carries the click token: `tl`. */
  param?: string;
  /** Partner parameters for sites without the gateway, commas between them: `via,ref`. */
  via?: string;
  /** Domains whose links and GET forms take the token along, commas between them. Full only. */
  domains?: string;
  /** Hosts of Stripe payment links beside `buy.stripe.com`, commas between them. Full only. */
  stripe?: string;
  /** If set, the token's parameter leaves the address bar once it was read. Full only. */
  clean?: true | string;
  /** Mount point of the product, `/tl/`; a classic script takes it from its own address. */
  base?: string;
}

declare global {
  interface Window {
    tl?: Throughline;
    tlq?: Call[] | Throughline;
  }
  interface DocumentEventMap {
    tl: Event;
  }
}
