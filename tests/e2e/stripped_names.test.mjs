/** The tool that refreshes what link cleaners strip: what it takes from the lists, and what not. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { ROOT, run } from "../../tools/console.mjs";
import { adguard, clearurls } from "../../tools/stripped-names.mjs";

const FILTER = `! Version: 2.0.1
! TimeUpdated: 2026-03-20T08:18:12+00:00
$removeparam=a8
$denyallow=a8cv.example|b.example,removeparam=adj_t
$removeparam=/^cm_mmc/
$removeparam=/^__s=[A-Za-z0-9]{6\\,}/,domain=~a.example|~b.example
rtkcid=*&clickid=$removeparam=clickid
/viewtopic.php?$removeparam=sid
$removeparam=promo,domain=a.example
$domain=a.example,removeparam=/^mkt_tok/
||shop.example^$removeparam=si
://video.example/@*?x=$removeparam=vid
$removeparam=~kept
@@||c.example^$removeparam=allowed
?uclick=*$removeparam
example.com##.banner
`;
const RULES = { providers: {
  shop: { urlPattern: "^https?:\\/\\/shop\\.example", rules: ["si", "qid"] },
  globalRules: { urlPattern: ".*", rules: ["(?:%3F)?utm(?:_[a-z_]*)?", "(?:%3F)?gclid", "Echobox"],
    referralMarketing: ["(?:%3F)?ref_?"] },
} };

let dir = "";
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "stripped-"));
});
after(() => rm(dir, { recursive: true, force: true }));

test("of AdGuard's filter it takes the rules for every site", () => {
  const { names, patterns } = adguard(FILTER.replaceAll("\n", "\r\n"));
  assert.deepEqual([...names], ["a8", "adj_t", "clickid", "sid"]);
  assert.deepEqual([...patterns], ["cm_mmc.*", "__s"]);
});

test("of ClearURLs' rules it takes the global ones and referral marketing", () => {
  const { names, patterns } = clearurls(JSON.stringify(RULES));
  assert.deepEqual([...names], ["gclid", "echobox"]);
  assert.deepEqual([...patterns], ["utm(?:_[a-z_]*)?", "ref_?"]);
});

const many = Array.from({ length: 30 }, (_, n) => `name_${n}`);

/** @param {Record<string, string>} lists @param {string} out */
async function refresh(lists, out) {
  const args = [];
  for (const [name, text] of Object.entries(lists)) {
    const file = /^https?:/.test(text) ? text : path.join(dir, name);
    if (file !== text) await writeFile(file, text);
    args.push(`--${name}`, file);
  }
  return run("node", ["tools/stripped-names.mjs", ...args, "--out", out], { cwd: ROOT });
}

test("it writes what a token could be called, with its sources", async () => {
  const out = path.join(dir, "out.json");
  const global = RULES.providers.globalRules;
  const rules = { providers: { globalRules: { ...global, rules: [...many, "Echobox"] } } };
  const filter = `${FILTER}${many.map((name) => `$removeparam=${name}`).join("\n")}
$removeparam=_ga\n$removeparam=ebisAdID\n$removeparam=a_name_of_17_chars`;
  const done = await refresh({ adguard: filter, clearurls: JSON.stringify(rules) }, out);
  assert.equal(done.code, 0, done.stderr);
  const data = JSON.parse(await readFile(out, "utf8"));
  assert.deepEqual(data.names,
    ["a8", "adj_t", "clickid", "echobox", ...many, "sid"].sort());
  assert.deepEqual(data.patterns, ["cm_mmc.*", "ref_?"]);
  const [one, two] = data.sources;
  assert.deepEqual([one.version, one.date, one.licence], ["2.0.1", "2026-03-20", "GPL-3.0"]);
  assert.match(two.date, /^\d{4}-\d\d-\d\d$/);
});

test("a list that is away, empty or none leaves the file as it is", async () => {
  const out = path.join(dir, "kept.json");
  await writeFile(out, "kept");
  const good = JSON.stringify({ providers: { g: { urlPattern: ".*", rules: many } } });
  const filter = many.map((name) => `$removeparam=${name}`).join("\n");
  for (const [lists, said] of /** @type {[Record<string, string>, RegExp][]} */ ([
    [{ adguard: "http://127.0.0.1:9/17.txt", clearurls: good }, /does not answer/],
    [{ adguard: "<html>busy</html>", clearurls: good }, /holds 0 names/],
    [{ adguard: filter, clearurls: "<html>busy</html>" }, /holds no rules/],
    [{ adguard: filter, clearurls: '{"providers": {}}' }, /holds 0 names/],
  ])) {
    const done = await refresh(lists, out);
    assert.equal(done.code, 1);
    assert.match(done.stderr, said);
    assert.equal(await readFile(out, "utf8"), "kept");
  }
});
