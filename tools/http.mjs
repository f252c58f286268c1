/**
 * Plain node:http client for a local stack. `fetch` forbids the Host header, and hosts under
 * `.localhost` do not resolve in Node: each request goes to 127.0.0.1 and names its host itself.
 */
import http from "node:http";

/**
 * @typedef {object} RequestOptions
 * @property {string} [host] virtual host; the port is added when it names none
 * @property {Record<string, string | string[]>} [headers]
 * @property {unknown} [body] a string or bytes go out as they are, anything else as JSON
 * @property {string} [key] API key, sent as a bearer token
 * @property {number} [timeoutMs] 30 seconds unless told
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {http.IncomingHttpHeaders} headers
 * @property {string[]} rawHeaders names and values as they came, in order
 * @property {string} text
 * @property {() => any} json
 */

/**
 * @param {unknown} body
 * @returns {{ payload?: string | Uint8Array, type?: string }}
 */
function encodeBody(body) {
  if (body === undefined || body === null) return {};
  if (typeof body === "string" || body instanceof Uint8Array) return { payload: body };
  return { payload: JSON.stringify(body), type: "application/json" };
}

/**
 * @param {RequestOptions} options
 * @param {string} host
 */
function buildRequest(options, host) {
  const { payload, type } = encodeBody(options.body);
  /** @type {Record<string, string | string[] | number>} */
  const headers = { host };
  // Without it Miniflare turns an uncaught error into an HTML page; it never reaches the Worker.
  headers["mf-disable-pretty-error"] = "true";
  if (type) headers["content-type"] = type;
  if (payload !== undefined) headers["content-length"] = Buffer.byteLength(payload);
  if (options.key) headers["authorization"] = `Bearer ${options.key}`;
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = value;
  }
  return { payload, headers };
}

/**
 * A client for one port. Redirects are never followed.
 *
 * @param {number} port
 * @param {string} defaultHost
 */
export function createClient(port, defaultHost) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<Answer>}
   */
  function request(method, path, options = {}) {
    const name = options.host ?? defaultHost;
    const host = name.includes(":") ? name : `${name}:${port}`;
    const { payload, headers } = buildRequest(options, host);
    const timeoutMs = options.timeoutMs ?? 30_000;
    return new Promise((resolve, reject) => {
      const call = http.request({ host: "127.0.0.1", port, method, path, headers, agent });
      const timer = setTimeout(() => {
        call.destroy(new Error(`no answer to ${method} ${path} within ${timeoutMs} ms`));
      }, timeoutMs);
      call.on("close", () => clearTimeout(timer));
      call.on("error", reject);
      call.on("response", (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            text,
            json: () => JSON.parse(text),
          });
        });
      });
      call.end(payload);
    });
  }

  return { request, close: () => agent.destroy() };
}
