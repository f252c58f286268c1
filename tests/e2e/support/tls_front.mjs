/**
 * TLS in front of the product, with a certificate that is thrown away: WebKit keeps no `Secure`
 * cookie of a page that came over plain http, not even from `*.localhost`.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const DAYS = "30";

/** A key and a certificate that it signed itself. @param {string} name */
async function certificate(name) {
  const dir = await mkdtemp(path.join(tmpdir(), "throughline-tls-"));
  const [key, cert] = [path.join(dir, "key.pem"), path.join(dir, "cert.pem")];
  try {
    await promisify(execFile)("openssl", [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-days", DAYS, "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`,
      "-keyout", key, "-out", cert,
    ]);
    return { key: await readFile(key), cert: await readFile(cert) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Starts it; `forward` says where to, once that is known. @param {string} name of the host */
export async function startTlsFront(name) {
  let to = 0;
  const server = createServer(await certificate(name), (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port: to, method, path: url, headers });
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on("error", () => void outgoing.writeHead(502).end());
    incoming.pipe(onward);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    port,
    /** @param {number} port */
    forward(port) {
      to = port;
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
