/** What is published: sizes, the ES module in a page and on a server, its types, the package. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { ROOT } from "../../../tools/console.mjs";
import { writeSnippet } from "../../../tools/snippet.mjs";
import { FORM, FULL_TAG, QUERY, TAG, html, openBrowser } from "../support/page_visitor.mjs";

const run = promisify(execFile);
const BUDGETS = { core: 900, full: 2100 };

/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
/** @type {Awaited<ReturnType<typeof writeSnippet>>} */
let scripts;
let dir = "";
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "snippet-"));
  scripts = await writeSnippet(path.join(dir, "package"));
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

const moduleText = () => readFile(path.join(dir, "package/index.js"), "utf8");

for (const kind of /** @type {const} */ (["core", "full"])) {
  test(`the ${kind} script stays within its size and needs no eval`, () => {
    const text = scripts[kind];
    const size = brotliCompressSync(text).length;
    assert.ok(size <= BUDGETS[kind], `${size} bytes`);
    assert.ok(!/\beval\b|new Function|document\.write|innerHTML/.test(text));
  });
}

test("the module starts on call, takes its settings, and gives the page's API", async (t) => {
  const { page, land, filled, bodies, errors } = await browser.visit(t, {
    page: html(FORM, '<script type="module" src="/app.js"></script>'),
    mount: "/partners",
    files: {
      "/index.js": await moduleText(),
      "/app.js": `
        import { start } from "/index.js";
        window.early = typeof window.tlq;
        const tl = start({ base: "/partners/", param: "click", consent: "full", clean: true });
        window.same = tl === start() && tl === window.tl && tl === window.tlq;
        document.title = await tl.token();`,
    },
  });
  await land("?fbclid=1&click=tlc_url");
  await filled("tlc_landed");
  await page.waitForFunction(() => document.title === "tlc_landed");
  const [early, same] = await page.evaluate(() => {
    const { early, same } = /** @type {any} */ (window);
    return [early, same];
  });
  assert.deepEqual([early, same], ["undefined", true]);
  const landing = { n: "land", t: "tlc_url", s: "full", q: "?fbclid=1&click=tlc_url" };
  assert.deepEqual(bodies(), [landing]);
  assert.equal(new URL(page.url()).search, "?fbclid=1");
  assert.deepEqual(errors, []);
});

for (const tag of [TAG, FULL_TAG]) {
  test(`the module beside ${tag} runs nothing twice`, async (t) => {
    const { page, land, filled, barrier, sent, errors } = await browser.visit(t, {
      page: html(FORM, `${tag}<script type="module" src="/app.js"></script>`),
      files: {
        "/index.js": await moduleText(),
        "/app.js": `
          import { start } from "/index.js";
          window.same = start() === window.tl;`,
      },
    });
    await land(QUERY);
    await filled("tlc_landed");
    await page.waitForFunction(() => /** @type {any} */ (window).same === true);
    await barrier();
    assert.deepEqual(sent, ["POST /tl/e"]);
    assert.deepEqual(errors, []);
  });
}

test("where there is no page the module does nothing, quietly", async () => {
  const { start } = await import(pathToFileURL(path.join(dir, "package/index.js")).href);
  const tl = start({ consent: "full" });
  assert.equal(await tl.token(), null);
  assert.equal(await tl.consent("full"), undefined);
  tl.push(["consent", "full"]);
  assert.equal(/** @type {any} */ (globalThis).tlq, undefined);
});

/** @param {string} text of a program that uses the package */
async function compile(text) {
  const consumer = path.join(dir, "consumer");
  await mkdir(path.join(consumer, "node_modules/@throughline"), { recursive: true });
  const link = path.join(consumer, "node_modules/@throughline/snippet");
  await symlink(path.join(dir, "package"), link).catch(() => {});
  await writeFile(path.join(consumer, "app.ts"), text);
  const options = ["--strict", "--noEmit", "--module", "nodenext"];
  const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
  const result = await run(process.execPath, [tsc, ...options, path.join(consumer, "app.ts")])
    .catch((error) => error);
  return String(result.stdout);
}

test("a program that uses the package compiles, and a wrong one does not", async () => {
  const right = await compile(`
    import { start, type Decision, type Throughline } from "@throughline/snippet";
    const tl: Throughline = start({ param: "tl", domains: "a.example", clean: true });
    const said: Decision[] = ["full", "CPtcf", { ad_storage: "granted" }];
    for (const one of said) tl.consent(one).then(() => {});
    const token: Promise<string | null> = tl.token();
    const percent: unknown = tl.offer?.percent;
    const name: string | undefined = window.tl?.partner;
    document.addEventListener("tl", () => console.log(token, percent, name));
    (window.tlq ||= []).push(["consent", "session"]);
  `);
  assert.equal(right, "");
  const wrong = await compile(`
    import { start } from "@throughline/snippet";
    start({ clean: 7 }).consent(8);
    start().partner = "me";
  `);
  assert.equal(wrong.match(/error TS/g)?.length, 3, wrong);
});

test("npm packs what is needed and nothing else", async () => {
  const args = ["pack", "--dry-run", "--json"];
  const { stdout } = await run("npm", args, { cwd: path.join(dir, "package") });
  /** @type {{ files: { path: string }[] }[]} */
  const [packed] = JSON.parse(stdout);
  const names = packed?.files.map((file) => file.path).sort();
  assert.deepEqual(names, [
    "LICENSE", "README.md", "api.d.ts", "full.js", "index.d.ts", "index.js", "package.json",
    "tl.js",
  ]);
});
