/** Additions: fields and elements that the page adds later are filled like those from before. */
import { fill } from "../fields.js";

// At most once a frame, however busy the page is.
let due = 0;
new MutationObserver(() => {
  due ||= requestAnimationFrame(() => {
    due = 0;
    fill();
  });
}).observe(document, { childList: true, subtree: true });
