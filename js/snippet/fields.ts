/**
 * Hidden fields: every `<input name="tl_token">` holds the current token, so that a form carries
 * it to the shop's back end. Only where something needs the token is it asked for (`GET me`).
 */
import { fillStripe } from "./features/stripe.js";
import { lookUp, shown } from "./visit.js";

/** Also an event listener: must neither throw nor wait. */
export const fill = (): void => {
  try {
    document.querySelectorAll<HTMLInputElement>("input[name=tl_token]").forEach((field) => {
      lookUp();
      field.value = shown() || "";
    });
    if (FULL) fillStripe();
  } catch {
    // A page that redefines its fields keeps its own idea of their values.
  }
};
