/**
 * The site behind the gateway, as a process of its own: `{}` starts it and gives its port. It
 * answers every path, `/pages/…` with a document and everything else with an image.
 */
import { once } from "node:events";
import http from "node:http";

const PARAGRAPH = "<p>Tea that was picked this spring, and what there is to know about it.</p>\n";
const DOCUMENT = Buffer.from(
  `<!doctype html><html lang="en"><head><title>Tea</title></head><body>${PARAGRAPH.repeat(150)}` +
    "</body></html>",
);
const IMAGE = Buffer.alloc(10_000, 7);

/** @type {http.RequestListener} */
function answer(request, response) {
  const isDocument = request.url?.startsWith("/pages/");
  response.setHeader("content-type", isDocument ? "text/html; charset=utf-8" : "image/avif");
  response.setHeader("cache-control", isDocument ? "public, max-age=60" : "public, max-age=86400");
  response.end(isDocument ? DOCUMENT : IMAGE);
}

process.on("message", async () => {
  // Idle connections stay open: opening them again would be counted as the Worker's time.
  const server = http.createServer({ keepAliveTimeout: 600_000 }, answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  process.send?.({ port });
});
process.on("disconnect", () => process.exit());
// A Ctrl-C reaches this process too; the bench itself ends it.
process.on("SIGINT", () => {});
