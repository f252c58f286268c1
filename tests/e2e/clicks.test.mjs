import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { startFaultyServices } from "./support/faulty.mjs";
import { eventually, startReady, tokenOf } from "./support/world.mjs";

/** @typedef {import("./support/world.mjs").Ready} Ready */

/** A browser, or a tool, that knows no `Sec-Fetch-*`. */
const OLD = {
  "sec-fetch-dest": undefined,
  "sec-fetch-mode": undefined,
  "sec-fetch-site": undefined,
  "sec-fetch-user": undefined,
};

describe("click counts", () => {
  /** @type {Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startFaultyServices>>} */ let faulty;
  /** @type {string} */ let link;
  let made = 0;
  before(async () => {
    faulty = await startFaultyServices();
    world = await startReady({ ...faulty.proxies });
  });
  after(async () => {
    await world.stop();
    await faulty.close();
  });
  // Each test counts on a link of its own: clicks are counted after the answer.
  beforeEach(async () => {
    faulty.d1.reset();
    faulty.queue.reset();
    const { id, boris, host, target } = world.program;
    made += 1;
    ({ id: link } = await world.must("POST", "links",
      { program: id, partner: boris.id, host, slug: `count-${made}`, target }));
  });

  /** @param {Record<string, string | undefined>} [headers] @param {string} [method] */
  const visit = (headers, method) => world.visit(`/go/count-${made}`, headers, method);

  /** Waits until the counts have these classes and sums; no more may come.
   * @param {Record<string, number>} wanted */
  async function counted(wanted) {
    const sum = (/** @type {Record<string, number>} */ counts) =>
      Object.values(counts).reduce((a, b) => a + b, 0);
    await eventually(`${sum(wanted)} visits are counted`,
      async () => sum(await world.clicks(link)) >= sum(wanted));
    assert.deepEqual(await world.clicks(link), wanted);
  }

  test("are of people; bots, images, frames and previews have their own names", async () => {
    /** @type {[string, Record<string, string | undefined>, string?][]} */
    const others = [
      ["head", {}, "HEAD"],
      ["iframe", { "sec-fetch-dest": "iframe" }],
      ["image", { "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors", accept: "image/*" }],
      ["fetch", { "sec-fetch-dest": "empty", "sec-fetch-mode": "cors", accept: "*/*" }],
      ["crawler", { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)" }],
      ["link preview", { "user-agent": "facebookexternalhit/1.1" }],
      ["library", { "user-agent": "curl/8.5.0", ...OLD, accept: "*/*" }],
      ["nameless", { "user-agent": undefined, ...OLD }],
    ];
    for (const [name, headers, method] of others) {
      const answer = await visit(headers, method);
      assert.equal(answer.status, 302, name);
      assert.equal(answer.headers.location, world.program.target, `${name}: no token`);
      assert.equal(answer.headers["set-cookie"], undefined, name);
    }
    for (const header of ["sec-purpose", "purpose", "x-moz"]) {
      const ahead = await visit({ [header]: "prefetch", "sec-fetch-user": undefined });
      assert.match(String(tokenOf(ahead)), /^tlc_/, "the page may be shown yet");
      assert.equal(ahead.headers["set-cookie"], undefined);
    }
    await visit();
    await visit(OLD);
    await counted({ human: 1, provisional: 1, prefetch: 3, stuffed: 3, crawler: 1, preview: 1,
      library: 2 });
    const rows = (await world.rows("clicks")).filter((row) => row.link === link);
    for (const row of rows) {
      assert.equal(row.partner, world.program.boris.id);
      assert.equal(row.day, new Date().toISOString().slice(0, 10));
    }
  });

  test("of a burst are complete, and sent in few messages", async () => {
    faulty.queue.match = ({ binding }) => binding === "CLICKS";
    await Promise.all(Array.from({ length: 60 }, () => visit()));
    await counted({ human: 60 });
    const sent = faulty.queue.calls.filter(({ binding }) => binding === "CLICKS").length;
    assert.ok(sent >= 1 && sent <= 10, `${sent} messages`);
  });

  for (const mode of /** @type {const} */ (["error", "lost"])) {
    test(`stay right when a write of the consumer ends as ${mode} and comes again`, async () => {
      faulty.d1.match = ({ body }) => body?.includes("INTO click_packs") ?? false;
      faulty.d1.next(2, mode);
      await visit();
      await visit({ "user-agent": "facebookexternalhit/1.1" });
      await eventually("the write was tried again",
        () => faulty.d1.calls.filter(faulty.d1.match).length >= 3);
      await counted({ human: 1, preview: 1 });
    });
  }

  test("miss what the queue refuses, but the visitor is led on and the click earns", async () => {
    faulty.queue.match = ({ binding }) => binding === "CLICKS";
    faulty.queue.mode = "error";
    const token = tokenOf(await visit());
    await eventually("the queue was asked",
      () => faulty.queue.calls.some(({ binding }) => binding === "CLICKS"));
    faulty.queue.mode = "ok";
    await world.accepted("sale",
      { customerExternalId: "uncounted", clickId: token, amount: 500, currency: "usd" });
    await world.folded();
    const [decision] = (await world.rows("decisions")).slice(-1);
    assert.equal(decision.credits[0].partner, world.program.boris.id);
    await visit();
    // The sale confirms a click that nobody counted.
    await counted({ human: 1, confirmed: 1 });
  });

  test("survive a message that is none of ours", async () => {
    const queue = await world.stack.mf.getQueueProducer("CLICKS", world.stack.bound);
    for (const text of ["", "{", "[]", '{"sent":1}', '{"sent":1,"visits":[{"kind":"click"}]}']) {
      await queue.send(text, { contentType: "text" });
    }
    await queue.send({ sent: Date.now(), visits: [] });
    await visit();
    await counted({ human: 1 });
  });
});
