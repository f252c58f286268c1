// A server that answers as nobody should. The path says how: `/status/503`, `/endless`, `/drip`,
// `/silent`, `/reset`, `/redirect`, `/later` (429 with Retry-After), `/text/<status>/<body>`,
// `/echo` (the parameter `k` of the query in several forms).
import { once } from "node:events";
import { createServer } from "node:http";

const DRIP_MS = 500;
const CHUNK = "<p>no end</p>".repeat(1_000);

/** `until`: how many requests had come when this one was over.
 * @typedef {{ method: string, url: string, body: string, until?: number,
 *   headers: import("node:http").IncomingHttpHeaders }} Got */

/** How each path behaves. @type {Record<string, (res: import("node:http").ServerResponse,
 *   rest: string[], query: URLSearchParams) => void>} */
const MANNERS = {
  status: (res, [status]) => void res.writeHead(Number(status)).end("<html>"),
  text: (res, [status, text]) =>
    void res.writeHead(Number(status)).end(decodeURIComponent(text ?? "")),
  echo: (res, _, query) => {
    const key = Buffer.from(query.get("k") ?? "");
    const forms = ["hex", "base64"].map((form) =>
      `${form} ${key.toString(/** @type {BufferEncoding} */ (form))}`);
    res.writeHead(200).end(`url ${encodeURIComponent(String(key))} ${forms.join(" ")}`);
  },
  later: (res) => void res.writeHead(429, { "retry-after": "1200" }).end(),
  redirect: (res) => void res.writeHead(307, { location: "/status/200" }).end(),
  reset: (res) => void res.socket?.destroy(),
  silent: () => {},
  endless: (res) => {
    res.writeHead(200, { "content-type": "text/html" });
    const more = () => {
      while (!res.destroyed && res.write(CHUNK));
    };
    res.on("drain", more);
    more();
  },
  drip: (res) => {
    res.writeHead(200);
    const timer = setInterval(() => res.write("."), DRIP_MS);
    res.on("close", () => clearInterval(timer));
  },
};

export async function startRudeReceiver() {
  /** @type {Got[]} */ const got = [];
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req.setEncoding("utf8")) body += chunk;
    const url = req.url ?? "/";
    /** @type {Got} */ const one = { method: req.method ?? "", url, body, headers: req.headers };
    got.push(one);
    res.once("close", () => {
      one.until = got.length;
    });
    const [, manner, ...rest] = url.split("?")[0].split("/");
    (MANNERS[manner] ?? MANNERS.status)(res, manner in MANNERS ? rest : ["404"],
      new URL(url, "http://rude").searchParams);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** Everything that arrived. */ got,
    /** @returns {Promise<void>} */
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
