/** Starts and ends the workerd process behind a local stack, and keeps its output apart. */
import childProcess from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { Stop } from "./console.mjs";

/** @param {(line: string) => void} sink */
export function quietLog(sink) {
  class QuietLog extends Log {
    /** @param {string} message */
    log(message) {
      sink(message);
    }
  }
  return new QuietLog(LogLevel.WARN);
}

/**
 * Collects workerd's output by line instead of printing it.
 * @param {(line: string) => void} sink
 */
export function collectOutput(sink) {
  /** @param {import("node:stream").Readable} stream */
  const follow = (stream) => {
    let rest = "";
    stream.on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(sink);
    });
  };
  /** @type {(out: import("node:stream").Readable, err: import("node:stream").Readable) => void} */
  return (out, err) => {
    follow(out);
    follow(err);
  };
}

/** One start at a time: the captured child process must be that of this start. */
let starting = Promise.resolve();

/**
 * Starts Miniflare and hands back the workerd process it spawned, which Miniflare keeps private.
 * @param {any} config
 */
export async function startMiniflare(config) {
  const before = starting;
  /** @type {() => void} */
  let done = () => {};
  starting = new Promise((resolve) => (done = resolve));
  await before;
  const original = childProcess.spawn;
  /** @type {import("node:child_process").ChildProcess[]} */
  const children = [];
  const capture = /** @type {any} */ ((/** @type {any[]} */ ...args) => {
    const child = /** @type {any} */ (original)(...args);
    if (path.basename(String(args[0])).startsWith("workerd")) children.push(child);
    return child;
  });
  childProcess.spawn = capture;
  const mf = new Miniflare(config);
  try {
    const url = await mf.ready;
    return { mf, url, child: children[children.length - 1] };
  } catch (error) {
    await mf.dispose().catch(() => {});
    throw error;
  } finally {
    childProcess.spawn = original;
    done();
  }
}

/**
 * workerd says the same with a stack dump.
 * @param {number} port
 */
export async function checkPort(port) {
  const probe = net.createServer().listen(port, "127.0.0.1");
  await once(probe, "listening").catch(() => {
    throw new Stop(`port ${port} is in use: end what uses it, or name another port in PORT`);
  });
  probe.close();
  await once(probe, "close");
}

/** @param {import("node:child_process").ChildProcess} child */
export async function killNow(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
