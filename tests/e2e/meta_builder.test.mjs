// What Meta is sent of a person, compared with Meta's own parameter builder where it and Meta's
// documentation agree. (They do not about telephone numbers, of which the builder takes any digits
// for a number with its country, and about ids of 32 hex digits, which it takes for hashes.)
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { startMetaStandIn } from "./support/meta_stand_in.mjs";
import { eventually, startReady } from "./support/world.mjs";

const { ParamBuilder } = createRequire(import.meta.url)("capi-param-builder-nodejs");

const MAILS = ["ada@example.com", " Ada.Long+x@EXAMPLE.com ", "o'neil@example.co.uk", "x@y",
  "no-at.example.com", "two@@example.com", "a..b@example.com", "ä@example.com", "a@xn--ls8h.example",
  "UPPER@Sub-Domain.Example", "1@1.de", "jo hn@example.com", "x_y-z@example.museum"];
const PHONES = ["+1 (650) 555-1212", "0044 20 7946 0958", "+16505551212", "+49.30/123456", "00", "",
  "+44 (20) 7946-0958", "+358 40 123 4567", "001-650-555-1212"];
const IDS = ["Customer-42", " cus_AbC 123 ", "user@example.com", "ÄÖÜ", "東京", "0", "x y z", "Ⅷ"];
const BROWSERS = ["fb.1.1700000000000.1234567890", "fb.2.1700000000000.77.AQ",
  "fb.1.1700000000000.1.AQQCAQMC", "fb.x.1.2", "gibberish", "fb.1.1700000000000"];

describe("Meta's parameter builder", () => {
  /** @type {import("./support/world.mjs").Ready} */ let world;
  /** @type {Awaited<ReturnType<typeof startMetaStandIn>>} */ let meta;
  before(async () => {
    meta = await startMetaStandIn();
    world = await startReady();
    await world.must("POST", "destinations", { program: world.program.id, kind: "meta",
      pixel_id: meta.pixel, access_token: meta.token, base_url: meta.url });
  });
  after(async () => {
    await Promise.all([world.stop(), meta.close()]);
  });

  /** The builder glues a mark of its own to the hash. @param {string} raw @param {string} kind */
  const hashed = (raw, kind) =>
    new ParamBuilder().getNormalizedAndHashedPII(raw, kind)?.split(".")[0] ?? undefined;

  test("and we normalise and hash alike", async () => {
    const cases = Array.from({ length: 60 }, (_, n) => ({
      order: `o-${n}`, mail: MAILS[n % MAILS.length], phone: PHONES[n % PHONES.length],
      id: `${IDS[n % IDS.length]}${Math.floor(n / IDS.length) || ""}`,
    }));
    for (const { order, mail, phone, id } of cases) {
      await world.accepted("sale", { customerExternalId: id, customerEmail: mail,
        customerPhone: phone, amount: 1, currency: "usd", invoiceId: order,
        context: { consent: "full" } });
    }
    await eventually("all came", () => meta.events.length === cases.length);
    for (const { order, mail, phone, id } of cases) {
      const event = meta.events.find((one) => one.custom_data.order_id === order);
      const { em, ph, external_id } = event?.user_data ?? {};
      const expected = [hashed(mail, "email"), hashed(phone, "phone"), hashed(id, "external_id")];
      assert.deepEqual([em?.[0], ph?.[0], external_id?.[0]], expected, JSON.stringify(event));
    }
    assert.ok(meta.requests.length <= cases.length);
  });

  test("and we take the same browser ids, unaltered", async () => {
    const known = meta.events.length;
    for (const [n, fbp] of BROWSERS.entries()) {
      await world.accepted("sale", { customerExternalId: "u", amount: 1, currency: "usd",
        invoiceId: `b-${n}`, context: { consent: "full", fbp } });
    }
    await eventually("all came", () => meta.events.length === known + BROWSERS.length);
    for (const [n, fbp] of BROWSERS.entries()) {
      const builder = new ParamBuilder(["shop.example"]);
      builder.processRequest("shop.example", {}, { _fbp: fbp }, null);
      // A cookie that it does not take, it makes anew.
      const taken = builder.getFbp()?.startsWith(fbp) ? fbp : undefined;
      const event = meta.events.find((one) => one.custom_data.order_id === `b-${n}`);
      assert.equal(event?.user_data.fbp, taken, fbp);
    }
  });
});
