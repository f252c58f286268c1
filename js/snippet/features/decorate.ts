/**
 * Decoration: links and GET forms to the named domains, and Stripe's payment links, take the
 * current token along when they are followed. Only then: the link is as before a moment later, so
 * that a withdrawal finds nothing to clean, and the document is never searched.
 */
import { options, param } from "../settings.js";
import { lookUp, shown } from "../visit.js";

/** Whether the host is one of the names in the list, or below one. */
const within = (list: string | undefined, host: string): boolean | undefined =>
  list?.match(/[^\s,]+/g)?.some((name) => `.${host}`.endsWith(`.${name}`));

/** The parameter that carries the token to this host, if any does. */
export const parameterFor = (host: string): string | false | undefined =>
  within("buy.stripe.com," + options.stripe, host)
    ? "client_reference_id"
    : host !== location.hostname && within(options.domains, host) && param;

/** The address with the token: its fragment stays at the end, and all other bytes as they are. */
export const carry = (href: string, name?: string | false, token?: string | null): string =>
  name && token && !RegExp(`[?&]${name}=`).test(href)
    ? href.replace(/#|$/, `${/^[^#]*\?/.test(href) ? "&" : "?"}${name}=${token}$&`)
    : href;

/** A link or form is near (it will need a token), or a link is followed (it gets one). */
const follow = (event: Event): void => {
  try {
    const near = event.composedPath()[0] as Element;
    const link = near.closest<HTMLAnchorElement & HTMLFormElement>("a[href],area,form")!;
    const { href } = link;
    const name = parameterFor(new URL(href || link.action).hostname);
    if (!name) return;
    lookUp();
    const after = href && carry(href, name, shown());
    if (after !== href && /click/.test(event.type)) {
      const before = link.getAttribute("href")!;
      link.href = after;
      setTimeout(() => {
        if (link.href === after) link.href = before;
      });
    }
  } catch {
    // No link, or one that is not ours to change.
  }
};

/** The browser gathers a form's data: to send it, or because a script asks for it. */
const addToForm = ({ target, formData }: FormDataEvent): void => {
  try {
    const form = target as HTMLFormElement;
    // A button of its own may lead elsewhere.
    if (form.method !== "get" || form.querySelector("[formaction]")) return;
    const name = parameterFor(new URL(form.action).hostname);
    const token = shown();
    if (name && token && !formData.has(name)) formData.append(name, token);
  } catch {
    // The form goes out as it is.
  }
};

for (const type of ["pointerover", "focusin", "click", "auxclick"]) {
  addEventListener(type, follow, true);
}
addEventListener("formdata", addToForm, true);
