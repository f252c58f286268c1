/**
 * The landing: a token in the URL, else one that the gateway sent with the page, else a partner's
 * name in the URL, which the server resolves where no gateway stands in front of the site.
 */
import { options, param } from "./settings.js";
import { decision, query, send } from "./visit.js";

/** The token in the header `Server-Timing: tl;desc="tlc_…"` of this document. */
export const header = (
  performance.getEntriesByType("navigation") as PerformanceNavigationTiming[]
)[0]?.serverTiming?.find(({ name }) => name === "tl")?.description;

/** What a pattern catches in the URL as it is now; the last one counts. */
const last = (pattern: string): string | undefined =>
  RegExp("^.*[?&]" + pattern).exec(location.search)?.[1];

export const tokenOf = (): string | undefined => last(param + "=(tlc_[\\w-]+)");

/** The first of the partner parameters that has a value, as it stands there, percent-encoded. */
export const partnerOf = (): string | undefined =>
  (options.via ?? "via,ref")
    .split(/[\s,]+/)
    .map((name) => last(name + "=([^&]+)"))
    .find(Boolean);

/** Reports the landing that `visit` holds, if it is one. */
export const land = (found?: string, partner = partnerOf()): void => {
  if (found || partner) {
    send(() => [
      found ? "e" : "e?via=" + partner,
      { n: "land", t: found, s: decision, q: query() },
    ]);
  }
};
