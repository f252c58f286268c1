/**
 * The core script, `/tl/tl.js`: landing, consent, forms, partner and offer.
 *
 * It starts once per page, whichever of the scripts or the module comes first: the build wraps it
 * into `if ((window.tlq ||= []).pop) try { … } catch {}`. Before, `tlq` is absent or the page's own
 * array of waiting calls; after, it is the API, so that a push is a call. A `tl` of the page's own
 * (an element's id, another library's variable) stays, and we work without that name.
 *
 * The URL is read when the script runs: a page may rewrite its history any time after that. It
 * needs no eval and no inline code, and writes nothing that the browser keeps.
 */
import type { Call } from "./api.js";
import { fill } from "./fields.js";
import { land } from "./landing.js";
import { api, token } from "./visit.js";

const waiting = window.tlq as Call[];
window.tlq = api;
window.tl ??= api;
land(token as string | undefined);
// Focus and submit reach the forms that the page adds later.
for (const event of ["load", "focusin", "submit"]) addEventListener(event, fill, true);
fill();
api.push(...waiting);
