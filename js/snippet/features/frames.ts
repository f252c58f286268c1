/**
 * Frames to the named domains carry the current token in their address: those that the page has,
 * and those that it adds.
 *
 * A frame with `data-tl-src` in place of `src` is loaded once, when the token is known or nobody
 * has one. Another may have begun to load: it is led to its address with the token, without an
 * entry in the history, but not once the visitor is in it. Each address is settled once: nothing
 * that comes later loads a frame again.
 */
import { lookUp, queue, shown } from "../visit.js";
import { carry, parameterFor } from "./decorate.js";

/** The address that a frame was settled with. */
const settled = new WeakMap<Element, string>();

const addressOf = ({ dataset, src }: HTMLIFrameElement): URL =>
  new URL(dataset.tlSrc || src, document.baseURI);

const settle = (frame: HTMLIFrameElement, href: string, name?: string | false): void => {
  // The page may have led it elsewhere meanwhile.
  if (addressOf(frame).href !== href) return;
  const to = carry(href, name, shown());
  if (frame.dataset.tlSrc || frame.loading === "lazy") {
    if (frame.src !== to) frame.src = to;
    delete frame.dataset.tlSrc;
  } else if (to !== href && document.activeElement !== frame) {
    frame.contentWindow!.location.replace(to);
  }
};

const look = (): void => {
  for (const frame of document.querySelectorAll("iframe")) {
    try {
      const { href, hostname } = addressOf(frame);
      const name = parameterFor(hostname);
      if (!(name || frame.dataset.tlSrc) || settled.get(frame) === href) continue;
      settled.set(frame, href);
      if (name && !shown()) {
        lookUp();
        queue(() => settle(frame, href, name));
      } else {
        settle(frame, href, name);
      }
    } catch {
      // An address that is none.
    }
  }
};

// At once, before what was added begins to load.
new MutationObserver(look).observe(document, {
  attributeFilter: ["src", "data-tl-src"],
  childList: true,
  subtree: true,
});
look();
