// Sets the product up for the shop, through its public API and nothing else: a program, two
// partners with a link each, a key for the shop's server, and two places that events go to.
import { randomBytes } from "node:crypto";
import { Stop } from "../../../tools/console.mjs";

/** @typedef {import("../../../tools/stack.mjs").Stack} Stack */
/**
 * What the API handed out; the demo keeps it between starts.
 * @typedef {{ adminKey?: string, program?: string, trackKey?: string, metaToken?: string,
 *   webhook?: { id: string, secret: string }, meta?: { id: string },
 *   partners: Record<string, { id: string, link: string }> }} Settings
 */

export const SHOP_HOST = "shop.localhost";

/** By the slug of their links. */
export const PARTNERS = Object.freeze({ anna: "Anna Bell", northstar: "Northstar Reviews" });

/** Ten per cent of each sale and two dollars for each sign-up, for 30 days after the click. */
const PLAN = {
  window_days: 30,
  sale: { rate_bps: 1000, flat: null },
  lead: { flat: { amount: 200, currency: "USD" } },
};

/**
 * Calls the API; an error becomes a sentence.
 * @param {Stack} stack @param {string} key @param {string} method @param {string} path
 * @param {unknown} [body] @returns {Promise<any>}
 */
export async function callApi(stack, key, method, path, body) {
  const answer = await stack.request(method, `/api/v1/${path}`, { key, body });
  if (answer.status >= 200 && answer.status < 300) return answer.text ? answer.json() : null;
  throw new Stop(`${method} /api/v1/${path} was answered with ${answer.status}: ${answer.text}`);
}

/** @param {Stack} stack @param {Settings} settings */
async function adminKey(stack, settings) {
  const made = await stack.setup();
  if (made) settings.adminKey = made.key;
  if (settings.adminKey) return settings.adminKey;
  throw new Stop("This data was set up before, but its admin key is gone. "
    + "Remove the folder under .local/demo and start again.");
}

/**
 * Does what is not done yet, so that it can be repeated and interrupted.
 * @param {Stack} stack
 * @param {{ site: string, webhookUrl: string, metaUrl: string, pixel: string }} at
 * @param {Settings} [settings] @param {() => void} [save] called after each step
 */
export async function provision(stack, at, settings = { partners: {} }, save = () => {}) {
  const admin = await adminKey(stack, settings);
  save();
  /** @param {string} path @param {object} body @returns {Promise<any>} */
  const post = (path, body) => callApi(stack, admin, "POST", path, body);
  const site = `${at.site}/`;

  settings.program ??= (await post("programs", {
    name: "Kettle & Pine partners", hosts: [SHOP_HOST], target_hosts: [SHOP_HOST],
    domain: SHOP_HOST, default_consent: "code", fallback_url: null, plan: PLAN,
  })).id;
  save();
  const { program } = settings;
  for (const [slug, name] of Object.entries(PARTNERS)) {
    if (settings.partners[slug]) continue;
    const partner = await post("partners", { program, name });
    const link = await post("links",
      { program, partner: partner.id, host: SHOP_HOST, slug, target: site });
    settings.partners[slug] = { id: partner.id, link: link.id };
    save();
  }
  settings.trackKey ??= (await post("keys", { name: "shop server", scope: "track", program })).key;
  save();
  if (!settings.webhook) {
    const body = { program, kind: "webhook", url: at.webhookUrl };
    const { id, secret } = await post("destinations", body);
    settings.webhook = { id, secret };
    save();
  }
  settings.metaToken ??= randomBytes(24).toString("base64url");
  settings.meta ??= { id: (await post("destinations", {
    program, kind: "meta", pixel_id: at.pixel, access_token: settings.metaToken,
    api_version: "v24.0", base_url: at.metaUrl, test_event_code: null,
  })).id };
  save();
  return complete(settings);
}

/** All steps are done. @param {Settings} settings */
function complete(settings) {
  const { adminKey, program, trackKey, webhook, meta, metaToken, partners } = settings;
  if (!adminKey || !program || !trackKey || !webhook || !meta || !metaToken) {
    throw new Error("the set-up is incomplete");
  }
  return { adminKey, program, trackKey, webhook, meta, metaToken, partners };
}

/** @typedef {Awaited<ReturnType<typeof provision>>} Provisioned */
