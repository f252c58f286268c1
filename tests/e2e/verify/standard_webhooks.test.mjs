import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { ROOT } from "../../../tools/console.mjs";
import { startWebhookReceiver } from "../support/webhook_receiver.mjs";
import { eventually, startReady } from "../support/world.mjs";

const LIBRARY = path.join(ROOT, "target/tools/python");
/** Reads `{"secret", "headers", "body"}` and verifies; ends with 1 when the library refuses. */
const VERIFY = `
import json, sys
from standardwebhooks.webhooks import Webhook
got = json.load(sys.stdin)
print(json.dumps(Webhook(got["secret"]).verify(got["body"], got["headers"])["type"]))
`;

/** Why it cannot be tried here, or false. */
function missing() {
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target",
    LIBRARY, "standardwebhooks==1.1.0"];
  try {
    execFileSync("python3", install, { stdio: "ignore" });
    return false;
  } catch {
    return "python3 with pip is not here";
  }
}

/** @param {object} got */
const verify = (got) => JSON.parse(execFileSync("python3", ["-c", VERIFY], {
  input: JSON.stringify(got), env: { ...process.env, PYTHONPATH: LIBRARY },
  stdio: ["pipe", "pipe", "ignore"],
}).toString());

test("Python's library of Standard Webhooks verifies ours", { skip: missing() }, async () => {
  const hook = await startWebhookReceiver();
  const world = await startReady();
  try {
    const made = await world.must("POST", "destinations",
      { program: world.program.id, kind: "webhook", url: hook.url });
    hook.setSecret(made.secret);
    await world.accepted("sale", { customerExternalId: "Zoë", amount: 1, currency: "usd",
      invoiceId: "ö-1" });
    const [got] = await eventually("it came", () => hook.requests.length > 0 && hook.requests);
    const { headers, body } = got;
    assert.equal(verify({ secret: made.secret, headers, body }), "sale.created");
    assert.throws(() => verify({ secret: made.secret, headers, body: body.replace("ö-1", "o-1") }));
  } finally {
    await Promise.all([world.stop(), hook.close()]);
  }
});
