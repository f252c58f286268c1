/**
 * The ES module for bundlers, with everything the full script has.
 *
 * Importing it does nothing. Where there is no page (a server that renders, a worker) `start` gives
 * an API that does nothing, so that the same component runs on both sides.
 */
import run from "throughline:script";
import type { Options, Throughline } from "./api.js";

export type {
  Call, Consent, ConsentMode, Decision, Offer, Options, Throughline,
} from "./api.js";

const nothing: Throughline = {
  consent: async () => {},
  token: async () => null,
  push() {},
};

/**
 * Starts the snippet, once per page: a second call, or a call beside the script, gives the API that
 * is there. Never throws. Call it where a module is loaded, before a router rewrites the URL.
 */
export function start(options: Options = {}): Throughline {
  try {
    run({ dataset: options, src: new URL(options.base || "/tl/", location.href).href });
    return window.tlq as Throughline;
  } catch {
    return nothing;
  }
}
