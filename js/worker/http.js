/**
 * The API's requests and responses, for `src/edge/fetch.rs`: what it needs of these objects and no
 * more, because in wasm each of their methods needs glue. Nothing here decides anything.
 */

/**
 * Method, address, content type and authorization.
 *
 * @param {Request} request
 */
export function head({ method, url, headers }) {
  return [method, url, headers.get("content-type") ?? "", headers.get("authorization") ?? ""];
}

/**
 * The body as far as it came; `undefined` when there is more than `most` bytes of it. One that says
 * so itself is not read.
 *
 * @param {Request} request
 * @param {number} most
 */
export async function body(request, most) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let length = 0;
  if (Number(request.headers.get("content-length")) > most) return undefined;
  try {
    const reader = request.body?.getReader();
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
      if (length > most) {
        reader.cancel().catch(() => {});
        return undefined;
      }
    }
  } catch {
    // What came before the connection broke is no JSON, or is all that was meant.
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * @param {number} status
 * @param {string[]} headers names and values by turns
 * @param {string} text empty for none
 */
export function respond(status, headers, text) {
  const sent = new Headers();
  for (let at = 0; at < headers.length; at += 2) sent.set(headers[at], headers[at + 1]);
  return new Response(text || null, { status, headers: sent });
}
