import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { brotliDecompressSync, gzipSync, gunzipSync } from "node:zlib";
import { startFaultyServices } from "./support/faulty.mjs";
import {
  SCRIPT, NAVIGATION, cookieOf, eventually, from, startProduct, startReady,
} from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */
/** @typedef {{ status: number, headers: http.IncomingHttpHeaders, body: Buffer }} Raw */

const PAGE = "<!doctype html><title>Shop</title>";
const FILE = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** @type {http.ServerResponse[]} answers of the site that are not finished yet */
const held = [];

/** The site behind the gateway. */
async function startOrigin() {
  /** @type {{ method: string, url: string, headers: http.IncomingHttpHeaders, body: string }[]} */
  const seen = [];
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", url = "", headers } = request;
    seen.push({ method, url, headers, body });
    answerSite(request, response, body);
  });
  server.on("upgrade", (request, socket) => {
    seen.push({ method: "UPGRADE", url: request.url ?? "", headers: request.headers, body: "" });
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${MAGIC}`);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
      + `sec-websocket-accept: ${accept.digest("base64")}\r\n\r\n`);
    // Short masked text frames come back unmasked.
    socket.on("data", (/** @type {Buffer} */ data) => {
      const length = data[1] & 0x7f;
      const text = data.subarray(6, 6 + length).map((byte, i) => byte ^ data[2 + (i % 4)]);
      if ((data[0] & 0x0f) === 1) socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
    });
    socket.on("error", () => {});
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`, seen,
    async close() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, "close");
    },
  };
}

/** @param {http.IncomingMessage} request @param {http.ServerResponse} response
 * @param {string} body */
function answerSite(request, response, body) {
  const { pathname } = new URL(request.url ?? "/", "http://site");
  if (pathname === "/file") {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const [start, end] = range ? [Number(range[1]), Number(range[2])] : [0, FILE.length - 1];
    response.writeHead(range ? 206 : 200, {
      "content-type": "application/octet-stream", "accept-ranges": "bytes", etag: '"v1"',
      "content-length": end - start + 1,
      ...(range ? { "content-range": `bytes ${start}-${end}/${FILE.length}` } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : FILE.subarray(start, end + 1));
  } else if (pathname === "/moved") {
    const cookies = ["a=1", "b=2; Path=/"];
    response.writeHead(302, { location: "/elsewhere?a=1", "set-cookie": cookies }).end();
  } else if (pathname === "/zipped") {
    response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" });
    response.end(gzipSync(PAGE.repeat(50)));
  } else if (pathname === "/same") {
    response.writeHead(304, { etag: '"v1"' }).end();
  } else if (pathname === "/echo") {
    const headers = { "content-type": "text/plain", "x-method": request.method ?? "" };
    response.writeHead(201, headers).end(body);
  } else if (pathname === "/slow") {
    response.writeHead(200, { "content-type": "text/plain" });
    response.write("first\n");
    held.push(response);
  } else if (pathname === "/cdn") {
    const names = ["cache-control", "cdn-cache-control", "surrogate-control"];
    const headers = Object.fromEntries(names.map((name) => [name, "max-age=600"]));
    response.writeHead(200, { "content-type": "text/html", ...headers }).end(PAGE);
  } else if (pathname === "/missing") {
    const headers = { "content-type": "text/html", "x-custom": "kept" };
    response.writeHead(404, headers).end("no such page");
  } else {
    response.writeHead(200, { "content-type": "text/html", "cache-control": "public, max-age=60" });
    response.end(PAGE);
  }
}

describe("the landing gateway", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startOrigin>>} */ let origin;
  /** @type {Awaited<ReturnType<typeof startFaultyServices>>} */ let faulty;
  before(async () => {
    [origin, faulty] = [await startOrigin(), await startFaultyServices()];
    world = await startReady({ siteOrigin: origin.url, kvProxy: faulty.proxies.kvProxy });
  });
  after(async () => {
    await world.stop();
    await Promise.all([origin.close(), faulty.close()]);
  });
  beforeEach(() => void origin.seen.splice(0));
  afterEach(() => faulty.kv.reset());

  /** An answer with its bytes as they came.
   * @param {string} path @param {http.OutgoingHttpHeaders} [headers] @param {string} [method]
   * @returns {Promise<Raw>} */
  function raw(path, headers = {}, method = "GET") {
    const host = `shop.localhost:${world.stack.port}`;
    return new Promise((resolve, reject) => {
      const options = { method, agent: false, headers: { ...NAVIGATION, host, ...headers } };
      http.request(`${world.stack.url}${path}`, options, (response) => {
        /** @type {Buffer[]} */ const parts = [];
        const { statusCode: status = 0, headers: received } = response;
        response.on("data", (part) => parts.push(part)).on("error", reject).on("end", () =>
          resolve({ status, headers: received, body: Buffer.concat(parts) }));
      }).on("error", reject).end();
    });
  }

  test("hands on status, headers and body as they are", async () => {
    const page = await raw("/any/page?a=%20b&a=+");
    assert.deepEqual([page.status, String(page.body)], [200, PAGE]);
    assert.equal(page.headers["cache-control"], "public, max-age=60");
    assert.equal(page.headers["set-cookie"], undefined);
    assert.equal(origin.seen[0].url, "/any/page?a=%20b&a=+");
    assert.equal(origin.seen[0].headers["user-agent"], NAVIGATION["user-agent"]);
    assert.equal(origin.seen[0].headers["x-forwarded-host"], `shop.localhost:${world.stack.port}`);
    assert.equal(origin.seen[0].headers["x-forwarded-proto"], "http");
    const missing = await raw("/missing");
    assert.deepEqual([missing.status, missing.headers["x-custom"]], [404, "kept"]);
    assert.equal(String(missing.body), "no such page");
    const same = await raw("/same", { "if-none-match": '"v1"' });
    assert.deepEqual([same.status, same.body.length, same.headers.etag], [304, 0, '"v1"']);
  });

  test("does not follow redirects, and keeps all cookies of the site", async () => {
    const moved = await raw("/moved");
    assert.deepEqual([moved.status, moved.headers.location], [302, "/elsewhere?a=1"]);
    assert.deepEqual(moved.headers["set-cookie"], ["a=1", "b=2; Path=/"]);
    assert.equal(origin.seen.length, 1);
  });

  test("hands on parts of pages like pages, and sees those that are links", async () => {
    const { cookie } = await world.click("/go/anna");
    const image = { "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors", "sec-fetch-user": "" };
    const part = await raw("/file", { ...image, cookie: `a=1; ${cookie?.pair}; b=2` });
    assert.ok(part.body.equals(FILE));
    assert.equal(part.headers["set-cookie"], undefined);
    assert.equal(origin.seen[0].headers.cookie, "a=1; b=2");
    assert.equal(origin.seen[0].headers["x-forwarded-host"], `shop.localhost:${world.stack.port}`);
    const stuffed = await raw("/go/anna", image);
    assert.deepEqual([stuffed.status, stuffed.headers["set-cookie"]], [302, undefined]);
    assert.equal(origin.seen.length, 1);
  });

  test("hands on files, ranges and HEAD", async () => {
    const file = await raw("/file");
    assert.ok(file.body.equals(FILE));
    const part = await raw("/file", { range: "bytes=1000-1999" });
    assert.equal(part.status, 206);
    assert.equal(part.headers["content-range"], "bytes 1000-1999/100000");
    assert.ok(part.body.equals(FILE.subarray(1000, 2000)));
    const head = await raw("/file", {}, "HEAD");
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    assert.equal(head.headers["content-length"], "100000");
    assert.equal(origin.seen.at(-1)?.method, "HEAD");
  });

  test("hands on what is sent, and compressed pages", async () => {
    const body = "name=Ada&x=".padEnd(50_000, "y");
    const posted = await world.stack.request("POST", "/echo",
      { host: "shop.localhost", body, headers: { "content-type": "text/plain" } });
    assert.deepEqual([posted.status, posted.text], [201, body]);
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      assert.equal((await raw("/echo", {}, method)).headers["x-method"], method);
    }
    for (const encoding of ["gzip", "br, gzip", "identity"]) {
      const zipped = await raw("/zipped", { "accept-encoding": encoding });
      /** @type {Record<string, (body: Buffer) => Buffer>} */
      const decoders = { gzip: gunzipSync, br: brotliDecompressSync };
      const decode = decoders[zipped.headers["content-encoding"] ?? ""] ?? ((b) => b);
      assert.equal(String(decode(zipped.body)), PAGE.repeat(50), encoding);
    }
  });

  test("hands on what is sent to the site's own addresses beside ours", async () => {
    for (const path of ["/tl/cart?a=1", "/tl/e/x", "/tl/mesa"]) {
      const sent = await world.stack.request("POST", path,
        { host: "shop.localhost", body: "x".repeat(2_000) });
      assert.deepEqual([sent.status, sent.text], [200, PAGE], path);
      assert.deepEqual([origin.seen[0].url, origin.seen[0].body.length], [path, 2_000]);
      origin.seen.splice(0);
    }
  });

  test("lets no cache keep what is one visitor's", async () => {
    const plain = await raw("/cdn");
    assert.equal(plain.headers["cdn-cache-control"], "max-age=600");
    const { token } = await world.click("/go/anna");
    const page = await raw(`/cdn?tl=${token}`, { cookie: "a=1" });
    assert.ok(page.headers["set-cookie"]);
    assert.equal(page.headers["cache-control"], "private, no-store");
    assert.equal(page.headers["cdn-cache-control"], undefined);
    assert.equal(page.headers["surrogate-control"], undefined);
  });

  test("streams: the first bytes do not wait for the last", async () => {
    const { port } = world.stack;
    const headers = { host: "shop.localhost" };
    const call = http.get({ host: "127.0.0.1", port, path: "/slow", headers, agent: false });
    const [response] = await once(call, "response");
    const signal = AbortSignal.timeout(5_000);
    assert.equal(String((await once(response, "data", { signal }))[0]), "first\n");
    held.pop()?.end("second\n");
    assert.equal(String((await once(response, "data", { signal }))[0]), "second\n");
  });

  test("hands on a websocket", async () => {
    const { port } = world.stack;
    const call = http.get({ host: "127.0.0.1", port, path: "/socket", agent: false, headers: {
      host: "shop.localhost", connection: "upgrade", upgrade: "websocket",
      "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    } });
    const [response, socket] = await once(call, "upgrade");
    assert.equal(response.statusCode, 101);
    const text = Buffer.from("hello");
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
    const [echo] = await once(socket, "data", { signal: AbortSignal.timeout(5_000) });
    assert.equal(String(echo.subarray(2)), "hello");
    socket.destroy();
  });

  test("keeps our cookie from the site, and every other one", async () => {
    const { cookie } = await world.click();
    const ours = String(cookie?.pair);
    /** @type {[string, string | undefined][]} */
    const cases = [
      [ours, undefined], [`a=1; ${ours}`, "a=1"], [`${ours}; b=2`, "b=2"],
      [`a=1; ${ours}; b=2; ${ours}`, "a=1; b=2"], [`a=1;${ours};b=2`, "a=1;b=2"],
      ["my__Host-tl=1; __Host-tlx=2", "my__Host-tl=1; __Host-tlx=2"], ["__Secure-tl=x", undefined],
    ];
    for (const [sent, wanted] of cases) {
      for (const headers of [{}, { "sec-fetch-dest": "image" }]) {
        origin.seen.splice(0);
        await raw("/", { ...headers, cookie: sent });
        assert.equal(origin.seen[0].headers.cookie, wanted, sent);
      }
    }
  });

  test("renews a cookie that a script's answer set with the next document, once", async () => {
    const { token } = await world.click("/go/anna", from("DE"));
    const granted = await world.beacon({ n: "consent", s: "full", t: token, q: "" });
    const cookie = String(cookieOf(granted)?.pair);
    for (const dest of ["image", "script", "style", "iframe", "empty"]) {
      const answer = await raw("/", { ...SCRIPT, "sec-fetch-dest": dest, cookie });
      assert.equal(answer.headers["set-cookie"], undefined, dest);
      assert.equal(answer.headers["cache-control"], "public, max-age=60", dest);
    }
    const page = await raw("/zipped", { cookie, "accept-encoding": "gzip" });
    const [line] = page.headers["set-cookie"] ?? [];
    const attributes = "Max-Age=34560000; Path=/; Secure; HttpOnly; SameSite=Lax";
    assert.equal(line.replace(/^__Host-tl=[\w-]{20,}; /, ""), attributes);
    assert.equal(page.headers["cache-control"], "private, no-store");
    assert.equal(String(gunzipSync(page.body)), PAGE.repeat(50));
    const again = await raw("/", { cookie: line.split(";")[0] });
    assert.equal(again.headers["set-cookie"], undefined);
    assert.equal(again.headers["cache-control"], "public, max-age=60");
    const gpc = await raw("/", { cookie, "sec-gpc": "1" });
    assert.match(String(gpc.headers["set-cookie"]), /^__Host-tl=; Max-Age=0;/);
    const moved = await raw("/moved", { cookie });
    assert.deepEqual(moved.headers["set-cookie"]?.slice(0, 2), ["a=1", "b=2; Path=/"]);
  });

  test("answers our own addresses itself; all others are the site's", async () => {
    const sale = { customerExternalId: "c", amount: 100, currency: "usd", invoiceId: "i" };
    const { key } = world.program.keys.track;
    assert.equal((await world.track("sale", sale, key, "shop.localhost")).status, 200);
    assert.equal((await raw("/go/nobody")).status, 404);
    assert.equal(origin.seen.length, 0);
    for (const path of ["/api/v1/programs", "/api/v1/tracks", "/api/other", "/app/", "/partner/",
      "/go", "/tl", "/gone", "/healthz"]) {
      const answer = await raw(path, { authorization: `Bearer ${world.admin}` });
      assert.equal(String(answer.body), PAGE, path);
      assert.deepEqual(origin.seen.map((one) => one.url).slice(-1), [path]);
    }
    origin.seen.splice(0);
    assert.equal((await world.api("GET", "programs")).status, 200);
    assert.notEqual((await world.stack.request("GET", "/")).status, 200);
    assert.deepEqual(origin.seen, []);
  });

  /** Names that lead to the Worker though they are no host of the site. */
  const strangers = ["throughline.account.workers.dev", "evil.example", "127.0.0.1", "localhost"];

  test("asks the site for no host but its own", async () => {
    for (const host of strangers) {
      for (const headers of [{}, { "sec-fetch-dest": "image" }, { "sec-fetch-dest": "empty" }]) {
        for (const path of ["/", "/checkout?via=anna", "/tl", "/file"]) {
          const answer = await raw(path, { ...headers, host });
          assert.equal(answer.status, 404, `${host}${path}`);
        }
      }
      assert.equal((await raw("/file", { host }, "POST")).status, 404);
    }
    assert.deepEqual(origin.seen, []);
    await raw("/", { host: "nobodys.localhost" });
    assert.equal(origin.seen.length, 1, "a host of the site that no program has");
  });

  test("asks it for no other with KV in error, nor with a secret that cannot be read", async () => {
    faulty.kv.mode = "error";
    for (const host of strangers) {
      const answer = await raw(`/${host}`, { host });
      assert.ok([404, 503].includes(answer.status), `${host}: ${answer.status}`);
    }
    assert.deepEqual(origin.seen, []);
    const broken = await startProduct({ siteOrigin: origin.url, rootSecret: "no secret" });
    try {
      const get = (/** @type {string} */ host) =>
        broken.request("GET", "/", { host, headers: NAVIGATION });
      for (const host of strangers) assert.equal((await get(host)).status, 503, host);
      assert.deepEqual(origin.seen, []);
      assert.equal((await get("shop.localhost")).text, PAGE, "the site answers");
    } finally {
      await broken.dispose();
    }
  });

  for (const mode of /** @type {const} */ (["error", "hang"])) {
    test(`lets documents through with KV in ${mode}`, async () => {
      // A failure of the test before may be known for a second.
      const clicked = await eventually("the link is known", () => world.click().catch(() => null));
      const cookie = clicked?.cookie;
      // Making something empties what the isolate remembers.
      await world.must("POST", "partners", { program: world.program.id, name: mode });
      faulty.kv.mode = mode;
      const start = Date.now();
      const page = await raw("/", { cookie: String(cookie?.pair) });
      assert.deepEqual([page.status, String(page.body)], [200, PAGE]);
      assert.ok(Date.now() - start < 3_000, `${Date.now() - start} ms`);
      assert.equal(origin.seen[0].headers.cookie, undefined);
    });
  }
});

test("a site that is down is answered with 502, and links go on", async (t) => {
  const origin = await startOrigin();
  const world = await startReady({ siteOrigin: origin.url });
  t.after(world.stop);
  await origin.close();
  const page = await world.visit("/");
  assert.equal(page.status, 502);
  assert.equal(page.headers["cache-control"], "no-store");
  assert.ok(!page.text.includes(new URL(origin.url).port), "nothing internal is told");
  assert.ok((await world.click()).token);
});
