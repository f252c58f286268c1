// One request of the shop: cookies, consent, forms and answers.
import { layout } from "./layout.mjs";

/** @typedef {import("node:http").IncomingMessage} Incoming */
/** @typedef {import("node:http").ServerResponse} Outgoing */
/** @typedef {import("./html.mjs").Html} Html */

const MAX_FORM_BYTES = 16 * 1024;
/** No longer than Throughline takes. */
const MAX_AGENT = 512;
const MAX_ADDRESS = 2_000;
const CONSENT_SECONDS = 180 * 24 * 3600;

/** Nothing but the shop's own files, no inline code, no frame around it. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
  + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "strict-origin-when-cross-origin",
};

export class BadRequest extends Error {}

/** @param {"full" | "code"} choice */
export const consentCookie = (choice) =>
  `shop_consent=${choice}; Path=/; Max-Age=${CONSENT_SECONDS}; SameSite=Lax; HttpOnly`;

/** @param {Incoming} raw @returns {Promise<URLSearchParams>} */
export async function readForm(raw) {
  let body = "";
  for await (const chunk of raw.setEncoding("utf8")) {
    body += chunk;
    if (body.length > MAX_FORM_BYTES) throw new BadRequest("form too large");
  }
  return new URLSearchParams(body);
}

/** @param {Incoming} raw */
function cookiesOf(raw) {
  const pairs = (raw.headers.cookie ?? "").split(";").map((pair) => pair.trim().split("="));
  return new Map(pairs.map(([name = "", ...value]) => [name, value.join("=")]));
}

/** @param {Incoming} raw @param {string} name */
function header(raw, name) {
  const value = raw.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The page the form was on, without its query: click ids and tokens have no business there.
 * @param {Incoming} raw @param {string} path */
function pageUrlOf(raw, path) {
  const referer = header(raw, "referer");
  if (referer && URL.canParse(referer)) {
    const { origin, pathname } = new URL(referer);
    return `${origin}${pathname}`;
  }
  const host = header(raw, "x-forwarded-host") ?? raw.headers.host ?? "localhost";
  return `${header(raw, "x-forwarded-proto") ?? "http"}://${host}${path}`;
}

/** The shop stands behind Throughline's gateway, which tells it who is asking.
 * @param {Incoming} raw */
function addressOf(raw) {
  const forwarded = header(raw, "x-forwarded-for")?.split(",")[0]?.trim();
  return header(raw, "cf-connecting-ip") ?? forwarded ?? raw.socket.remoteAddress;
}

/** What the visitor decided; a browser that says "do not share" has decided for good.
 * @param {Incoming} raw @param {Map<string, string>} cookies @returns {"full" | "code" | null} */
function consentOf(raw, cookies) {
  if (raw.headers["sec-gpc"] === "1") return "code";
  const saved = cookies.get("shop_consent");
  return saved === "full" || saved === "code" ? saved : null;
}

/** @param {Incoming} raw @param {Outgoing} res @param {import("./store.mjs").Store} store */
export function requestOf(raw, res, store) {
  const path = (raw.url ?? "/").split("?")[0] || "/";
  const cookies = cookiesOf(raw);
  const consent = consentOf(raw, cookies);
  let session = store.session(cookies.get("shop_session") ?? "");

  /** @param {string} cookie */
  const setCookie = (cookie) => {
    const secure = header(raw, "x-forwarded-proto") === "https" ? "; Secure" : "";
    res.appendHeader("set-cookie", `${cookie}${secure}`);
  };

  return {
    raw, path, consent, setCookie,
    gpc: raw.headers["sec-gpc"] === "1",
    session: () => session,

    /** The session cookie appears only when there is something to keep: a cart, an account. */
    openSession() {
      if (session) return session;
      session = store.newSession();
      setCookie(`shop_session=${session.id}; Path=/; SameSite=Lax; HttpOnly`);
      return session;
    },

    /** A form that another site sends in the visitor's name. */
    isForeign: () => !["same-origin", "none", undefined].includes(header(raw, "sec-fetch-site")),

    /** @returns {import("./tracking.mjs").Context} */
    context: () => ({
      userAgent: header(raw, "user-agent")?.slice(0, MAX_AGENT),
      pageUrl: pageUrlOf(raw, path).slice(0, MAX_ADDRESS),
      ip: addressOf(raw),
      ...(consent ? { consent } : {}),
    }),

    visitor: () => ({
      consent,
      gpc: raw.headers["sec-gpc"] === "1",
      items: (session?.cart ?? []).reduce((sum, line) => sum + line.quantity, 0),
      name: store.customerOf(session?.customer ?? "")?.name ?? null,
    }),

    /** @param {string} title @param {Html} body @param {number} [status] */
    page(title, body, status = 200) {
      sendPage(this, res, title, body, status);
    },

    /** @param {string} to */
    redirect: (to) => void res.writeHead(303, { ...HEADERS, location: to }).end(),
    empty: () => void res.writeHead(204, HEADERS).end(),

    /** @param {{ type: string, body: Buffer }} file */
    file: ({ type, body }) => void res.writeHead(200, {
      ...HEADERS, "content-type": type, "cache-control": "public, max-age=300",
    }).end(raw.method === "HEAD" ? undefined : body),
  };
}

/** @typedef {ReturnType<typeof requestOf>} Req */

/** @param {Req} req @param {Outgoing} res @param {string} title @param {Html} body
 * @param {number} status */
export function sendPage(req, res, title, body, status) {
  const staff = req.path.startsWith("/staff/");
  const text = layout({ title, body, staff, visitor: req.visitor() });
  res.writeHead(status, {
    ...HEADERS,
    "content-type": "text/html; charset=utf-8",
    "cache-control": "private, no-cache",
  });
  res.end(req.raw.method === "HEAD" ? undefined : text);
}
