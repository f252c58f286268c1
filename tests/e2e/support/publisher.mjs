import { once } from "node:events";
import { createServer } from "node:http";

/** A partner's own site: another site than the shop's, with one link on it. */
export async function startPublisher() {
  let href = "";
  const server = createServer((_, res) => {
    res.setHeader("content-type", "text/html; charset=utf-8");
    const link = href.replaceAll("&", "&amp;");
    res.end(`<!doctype html><title>Tea notes</title>
      <p>My favourite is <a rel="sponsored" href="${link}">this one</a>.</p>`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://publisher.localhost:${port}/`,
    /** @param {string} to */
    linkTo(to) {
      href = to;
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
