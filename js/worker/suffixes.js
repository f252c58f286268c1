/** The Public Suffix List, for `src/edge/suffixes.rs`. */
import { getDomain } from "tldts";

/**
 * The registrable domain of a host name (see `Suffixes::registrable`).
 *
 * @param {string} host in lower case, without port
 * @returns {string | undefined}
 */
export function registrable(host) {
  // The list does not know it, so it would count as a top level like any other.
  if (/(^|\.)localhost$/i.test(host)) return undefined;
  return getDomain(host, { allowPrivateDomains: true }) ?? undefined;
}
