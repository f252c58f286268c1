/**
 * Lifecycle: when the page goes, what still waits goes with it; when the browser is online again,
 * or the tab is shown or hidden, what failed has its second turn; and a page that comes back from
 * the back/forward cache asks again who is here, because the visitor may have landed, agreed or
 * withdrawn elsewhere in the meantime.
 */
import { ask, queue, token } from "../visit.js";
import { beacon, tryAgain, unsent } from "./patience.js";

for (const event of ["online", "visibilitychange"]) addEventListener(event, tryAgain);

addEventListener("pagehide", () => {
  // A prerendered page that is thrown away was never seen.
  if (!document.prerendering) unsent.forEach(beacon);
});

addEventListener("pageshow", ({ persisted }) => {
  if (!persisted || token === undefined) return;
  // First what this page still has to tell, then the question.
  tryAgain();
  queue(() => ask("me"));
});
