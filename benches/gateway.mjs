/** The cases of the landing gateway: the product in front of a site, and a Worker that fetches. */
import { Stop } from "../tools/console.mjs";
import { arrived, ask } from "./measure.mjs";
import { end, startHelper } from "./processes.mjs";
import { EARLIER, SNAPSHOTS, cookieOf, newRootSecret, request } from "./visitor.mjs";
import { example, product, serve } from "./workerd.mjs";

const PAGE = "/pages/spring";
const IMAGE = "/images/tea.avif";
/** Of ten requests to a site, one is a page of a visitor with a journal, and one without. */
export const MIX = { document: 1, stranger: 1, asset: 8 };
const ASSET = {
  "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors", "sec-fetch-site": "same-origin",
  "sec-fetch-user": "", "upgrade-insecure-requests": "", "accept": "image/avif,image/webp,*/*;q=0.8",
};
/** A page that is reached from another page of the site. */
const ONWARD = { "sec-fetch-site": "same-origin" };

/** @param {string} dir folder of the built Worker */
export async function gatewayCases(dir) {
  const outside = await startHelper("services.mjs");
  const { port } = await outside({ snapshots: SNAPSHOTS });
  const { port: sitePort } = await (await startHelper("site.mjs"))({});
  const siteOrigin = `http://127.0.0.1:${sitePort}`;
  const source = await product(dir, { port, rootSecret: newRootSecret(), siteOrigin });
  const ours = await serve(source);
  const bare = await serve(await example("bare.js", { SITE_ORIGIN: siteOrigin }));

  const cookie = cookieOf((await ask(ours.port, request({ path: EARLIER[0] }))).head);
  if (!cookie) throw new Stop("the visitor of the gateway has no journal");
  await arrived(outside, 1);
  const texts = {
    document: request({ path: PAGE, cookie, headers: ONWARD }),
    stranger: request({ path: PAGE, headers: ONWARD }),
    asset: request({ path: IMAGE, cookie, headers: ASSET }),
  };
  const cases = [];
  for (const [name, text] of Object.entries(texts)) {
    const answers = [await ask(ours.port, text), await ask(bare.port, text)];
    const [mine, theirs] = answers.map(({ body }) => body);
    if (mine !== theirs) throw new Stop(`the gateway changes what the site answers: ${name}`);
    cases.push({ name: `bare_${name}`, worker: bare, status: 200, request: text });
    cases.push({ name: `gateway_${name}`, worker: ours, status: 200, request: text });
  }
  const close = async () => {
    await end(ours.child);
    await end(bare.child);
  };
  return { cases, close };
}
