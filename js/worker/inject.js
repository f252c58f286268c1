/**
 * Puts the snippet's tag into the pages of the site: at the end of the head, with the page's nonce.
 *
 * Tags of `html`, `head` and `body` may be left out of a page. So the tag goes before `</head>`,
 * else before `<body>`, else to the end of the document: it is deferred, so that it runs at the
 * same moment wherever it stands. By then every policy of the head has been seen.
 */
import { nonceFor, scriptSources } from "./policy.js";

/** Encodings that the platform opens before a page is rewritten. */
const OPENED = new Set(["", "identity", "gzip", "br"]);
/** Encodings whose tags are not written as in ASCII. */
const NOT_ASCII = new Set(["utf-16le", "utf-16be", "iso-2022-jp"]);
/** How templates write quotes into an attribute. @type {Record<string, string>} */
const ENTITIES = { "#39": "'", "#x27": "'", "apos": "'", "quot": '"', "amp": "&" };

/**
 * Why a page cannot be rewritten at all; nothing when it can.
 *
 * @param {Response} response
 * @returns {string | undefined}
 */
function hindrance(response) {
  const type = response.headers.get("content-type") ?? "";
  const [essence, ...parameters] = type.split(";");
  if (essence.trim().toLowerCase() !== "text/html") return "not_html";
  if (/^\s*attachment/i.test(response.headers.get("content-disposition") ?? "")) return "download";
  // Scripts then need a digest in the page, and ours changes with each version.
  const integrity = response.headers.get("integrity-policy") ?? "";
  if (/blocked-destinations\s*=\s*\([^)]*\bscript\b/.test(integrity)) return "policy";
  // A part of a page must keep its length.
  if (response.status === 206) return "part";
  const encoding = (response.headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (!OPENED.has(encoding)) return "encoding";
  const named = parameters.map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)/i.exec(parameter));
  const charset = named.find(Boolean)?.[1];
  return charset && !isLikeAscii(charset) ? "charset" : undefined;
}

/** @param {string} label */
function isLikeAscii(label) {
  try {
    return !NOT_ASCII.has(new TextDecoder(label).encoding);
  } catch {
    return false;
  }
}

/** A page: not a redirect, not an answer without a body. @param {Response} response */
function isPage({ status, body }) {
  return body !== null && status !== 204 && status !== 304 && (status < 300 || status >= 400);
}

/**
 * @param {Response} response
 * @param {string} script attributes of the tag
 * @param {string} url of the page
 * @param {(reason: string) => void} skipped hears why a page goes without it
 */
export function injected(response, script, url, skipped) {
  if (!isPage(response)) return response;
  const reason = hindrance(response);
  if (reason) {
    skipped(reason);
    return response;
  }
  const page = new Page(response.headers.get("content-security-policy"), script, url, skipped);
  return new HTMLRewriter()
    .on("meta[http-equiv]", { element: (meta) => page.meta(meta) })
    .on("script[nonce]", { element: (own) => page.script(own) })
    .on("template", { element: (template) => page.template(template) })
    .on("head", { element: (head) => page.head(head) })
    .on("body, frameset", { element: (body) => page.put((tag) => body.before(tag, HTML)) })
    .onDocument({ end: (end) => page.end(end) })
    .transform(response);
}

const HTML = { html: true };

/** What is known of a page on its way. */
class Page {
  /** @type {string[]} of the page's own scripts */
  #nonces = [];
  #templates = 0;
  #done = false;

  /**
   * @param {string | null} policy
   * @param {string} script
   * @param {string} url
   * @param {(reason: string) => void} skipped
   */
  constructor(policy, script, url, skipped) {
    this.policies = scriptSources(policy);
    this.attributes = script;
    this.source = new URL(/src="([^"]*)"/.exec(script)?.[1] ?? "", url);
    this.skipped = skipped;
  }

  /** A policy of the page itself. @param {RewriterElement} meta */
  meta(meta) {
    if (this.#done || this.#templates > 0) return;
    const about = meta.getAttribute("http-equiv")?.trim().toLowerCase();
    if (about !== "content-security-policy") return;
    const content = meta.getAttribute("content") ?? "";
    const text = content.replace(/&(#39|#x27|apos|quot|amp);/gi,
      (_, name) => ENTITIES[name.toLowerCase()] ?? "");
    this.policies.push(...scriptSources(text));
  }

  /** @param {RewriterElement} own */
  script(own) {
    if (!this.#done && this.#nonces.length < 4) this.#nonces.push(own.getAttribute("nonce") ?? "");
  }

  /** Nothing in a template runs. @param {RewriterElement} template */
  template(template) {
    if (this.#done) return;
    this.#templates += 1;
    template.onEndTag(() => void (this.#templates -= 1));
  }

  /** @param {RewriterElement} head */
  head(head) {
    if (this.#done || this.#templates > 0) return;
    head.onEndTag((end) => this.put((tag) => end.before(tag, HTML)));
  }

  /** @param {RewriterEnd} end */
  end(end) {
    if (this.#done) return;
    // All the rest of the page lies in it.
    if (this.#templates > 0) this.skipped("open_template");
    else this.put((tag) => end.append(tag, HTML));
  }

  /**
   * Puts the tag here, once, if the page's policies let it run.
   *
   * @param {(tag: string) => void} place
   */
  put(place) {
    if (this.#done || this.#templates > 0) return;
    this.#done = true;
    const nonce = nonceFor(this.policies, this.#nonces, this.source);
    if (nonce === undefined) this.skipped("policy");
    else place(`<script ${this.attributes}${nonce && ` nonce="${nonce}"`}></script>`);
  }
}
