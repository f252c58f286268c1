/** README's calls in order against the product; `verify/readme.test.mjs` runs the rest too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ROOT } from "../../tools/console.mjs";
import {
  NOT_RUN, RUN, STARTS, commandsIn, isCalls, personal, startShell,
} from "./support/readme.mjs";
import { eventually, startProduct } from "./support/world.mjs";

const commands = commandsIn(ROOT);

test("every command of README is run, or is listed with a reason", () => {
  const texts = new Set(commands.map(({ text }) => text));
  for (const command of commands) {
    const groups = [isCalls(command), ...[STARTS, RUN, NOT_RUN].map((group) =>
      group.has(command.text))];
    assert.equal(groups.filter(Boolean).length, 1, `README.md:${command.line} ${command.text}`);
  }
  for (const text of [...STARTS, ...RUN, ...NOT_RUN.keys()]) assert.ok(texts.has(text), text);
  assert.ok(commands.filter(isCalls).length >= 7);
});

test("a newcomer who follows README reports a sale, and Anna is paid", async (t) => {
  const stack = await startProduct();
  t.after(stack.dispose);
  const key = (await stack.setup())?.key ?? "";
  const shell = startShell(ROOT);
  t.after(shell.end);
  /** @type {string[]} */
  const printed = [];
  for (const { text } of commands.filter(isCalls)) {
    printed.push(await shell.run(personal(text, { key, port: stack.port })));
    // A reader takes longer than the fold.
    await eventually("what was reported is decided", async () =>
      (await stack.sql("SELECT 1 FROM facts WHERE state = 'pending'")).length === 0);
  }
  const all = printed.join("\n");
  assert.doesNotMatch(all, /"code":|undefined|tlk_…|pg_…/);
  const booked = await stack.sql("SELECT kind, amount FROM entries ORDER BY seq");
  assert.deepEqual(booked.map(({ kind, amount }) => [kind, amount]),
    [["commission", 200], ["commission", 199], ["reversal", -49], ["payout", -350]]);
  const sale = { customerExternalId: "u_1", amount: 1999, currency: "usd" };
  const wrong = await stack.request("POST", "/api/v1/track/sale", { key, body: sale });
  assert.deepEqual([wrong.status, wrong.json().code], [403, "program_required"]);
  assert.match(wrong.json().detail, /POST \/api\/v1\/keys/);
});
