/**
 * Single-page navigation: a new token or partner in the URL is a new landing, reported once. With
 * `data-clean` the token leaves the address bar once it was read, and nothing else does.
 */
import { fill } from "../fields.js";
import { land, partnerOf, tokenOf } from "../landing.js";
import { options, param } from "../settings.js";
import { keep } from "../visit.js";

/** What was reported already: a router that keeps the parameter makes no second landing. */
const seen = new Set<string | undefined>([tokenOf(), partnerOf()]);

/** Called when the URL has changed: must not throw into the page's navigation. */
const arrive = (): void => {
  try {
    const found = tokenOf();
    const partner = partnerOf();
    if (!seen.has(found || partner)) {
      keep(found);
      land(found, partner);
      fill();
    }
    // Both: where the token goes from the URL, the partner's name may stay.
    seen.add(found).add(partner);
    if (found && options.clean != null) {
      const token = RegExp(`([?&])${param}=tlc_[^&#]*(&?)`);
      const url = location.href.replace(token, (_, before, after) => after && before);
      history.replaceState(history.state, "", url);
    }
  } catch {
    // The browser refuses too many changes of the history in a short time.
  }
};

const { navigation } = window as { navigation?: EventTarget };
if (navigation) {
  navigation.addEventListener("currententrychange", arrive);
} else {
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (...given) {
      original.apply(this, given);
      arrive();
    };
  }
  addEventListener("popstate", arrive);
}
arrive();
