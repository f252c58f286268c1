/**
 * Stripe's own elements: the current token is their `client-reference-id`, also of those that are
 * added later. A value that is no token of ours is the page's, and stays. (Payment links: see
 * `decorate`.)
 */
import { lookUp, shown } from "../visit.js";

const NAME = "client-reference-id";

export const fillStripe = (): void => {
  document.querySelectorAll("stripe-buy-button,stripe-pricing-table").forEach((element) => {
    if (!/^(tlc_|$)/.test(element.getAttribute(NAME) || "")) return;
    lookUp();
    const token = shown();
    if (token) element.setAttribute(NAME, token);
    else element.removeAttribute(NAME);
  });
};
