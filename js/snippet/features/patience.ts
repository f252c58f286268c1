/**
 * Patience: a report that did not get through is sent once more, later; a page that goes away
 * sends what still waits.
 *
 * "Later" is when the browser is online again or the tab is shown or hidden. A second failure ends
 * it: a failing server is not asked again and again. `sendBeacon` serves where fetch is broken by
 * something on the page, and where there is no later; it brings no answer.
 */
import { base } from "../settings.js";
import { type Report, ask, queue } from "../visit.js";

/** What waits for its turn, or failed once. */
export const unsent = new Set<Report>();

export const beacon = (report: Report): void => {
  try {
    const [path, body] = report();
    if (navigator.sendBeacon(new URL(path, base), JSON.stringify(body))) unsent.delete(report);
  } catch {
    // No beacon here, or a decision that no JSON can carry.
  }
};

/** Not in the set: a beacon has taken it along, or an earlier turn has. */
const attempt = async (report: Report, last?: boolean): Promise<void> => {
  if (!unsent.delete(report)) return;
  let status: number | void = 500;
  try {
    status = await ask(...report());
  } catch {
    // A page that breaks fetch breaks it for good.
    if (last) beacon(report);
  }
  // A page that goes ends its fetches, whose reports arrive all the same: only a page that is there
  // a moment later has failed.
  if (!last && status! > 428) setTimeout(() => unsent.add(report));
};

export const sendPatiently = (report: Report): Promise<unknown> => {
  unsent.add(report);
  return queue(() => attempt(report));
};

/** Gives everything that failed its second turn. */
export const tryAgain = (): void =>
  unsent.forEach((report) => queue(() => attempt(report, true)));
