/** The cases of the redirect: the product, the same in JavaScript, and the least there can be. */
import { Stop } from "../tools/console.mjs";
import { mustBeEqual, productOpener, twinKeys } from "./equal.mjs";
import { arrived, ask } from "./measure.mjs";
import { end, startHelper } from "./processes.mjs";
import { EARLIER, SNAPSHOTS, cookieOf, newRootSecret, request } from "./visitor.mjs";
import { example, product, serve } from "./workerd.mjs";

/**
 * The journal of a visitor who came by these links.
 * @param {number} port
 * @param {string[]} links
 */
async function journal(port, links) {
  let cookie;
  for (const path of links) {
    const next = cookieOf((await ask(port, request({ cookie, path }))).head);
    if (!next || next === cookie) throw new Stop("the journal is not renewed");
    cookie = next;
  }
  return cookie;
}

/**
 * @param {string} dir folder of the built Worker
 * @param {string[]} [under] what runs workerd
 */
export async function redirectCases(dir, under) {
  const outside = { ours: await startHelper("services.mjs"), js: await startHelper("services.mjs") };
  const rootSecret = newRootSecret();
  const keys = twinKeys();
  const { port } = await outside.ours({ snapshots: SNAPSHOTS });
  const { port: twinPort } = await outside.js({ snapshots: SNAPSHOTS });
  const sources = {
    hello: await example("hello.js"),
    product: await product(dir, { port, rootSecret }),
    js: await example("twin", keys.vars, twinPort),
  };
  const workers = {
    hello: await serve(sources.hello, under), ours: await serve(sources.product, under),
    js: await serve(sources.js, under),
  };
  const clicks = (/** @type {"ours" | "js"} */ side) => async (/** @type {number} */ count) =>
    (await arrived(outside[side], count)).recent;
  const ours = { ...workers.ours, open: productOpener(rootSecret), clicks: clicks("ours") };
  const js = { ...workers.js, open: keys.open, clicks: clicks("js") };
  await mustBeEqual([ours, js], ask);

  const cookies = {
    young: await journal(ours.port, EARLIER.slice(0, 1)), full: await journal(ours.port, EARLIER),
    js: await journal(js.port, EARLIER.slice(0, 1)), jsFull: await journal(js.port, EARLIER),
  };
  for (const side of [outside.ours, outside.js]) await arrived(side, EARLIER.length + 1);
  const product302 = { worker: workers.ours, status: 302, outside: outside.ours };
  const js302 = { worker: workers.js, status: 302, outside: outside.js };
  const text = request({ cookie: cookies.young });
  const cases = [
    { name: "hello", worker: workers.hello, status: 200, request: text },
    { name: "js", ...js302, request: request({ cookie: cookies.js }) },
    { name: "redirect", ...product302, request: text },
    { name: "js_full_journal", ...js302, request: request({ cookie: cookies.jsFull }) },
    { name: "full_journal", ...product302, request: request({ cookie: cookies.full }) },
    { name: "no_cookie", ...product302, request: request() },
    { name: "code_consent", ...product302, request: request({ country: "DE" }) },
  ];
  const close = () => Promise.all(Object.values(workers).map(({ child }) => end(child)));
  return { cases, sources, close };
}
