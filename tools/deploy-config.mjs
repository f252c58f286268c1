/**
 * Writes the configuration of a real deployment: wrangler.toml with the ids and settings of one
 * account put in. The result is never tracked.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ROOT, Stop } from "./console.mjs";

/**
 * @typedef {object} Settings
 * @property {string} [adminHost]
 * @property {string} [siteOrigin]
 * @property {string[]} routes `links.example.com` (a custom domain) or `example.com/go/*`
 * @property {string} [databaseId]
 * @property {string} [namespaceId]
 */

/** @param {string} value */
const quoted = (value) => JSON.stringify(value);

/**
 * Replaces exactly one place, so that a change of wrangler.toml cannot pass unnoticed.
 * @param {string} text
 * @param {RegExp} pattern
 * @param {string} replacement
 */
function replaceOnce(text, pattern, replacement) {
  const count = [...text.matchAll(new RegExp(pattern, "gm"))].length;
  if (count !== 1) throw new Stop(`wrangler.toml: ${pattern} is there ${count} times, not once`);
  return text.replace(new RegExp(pattern, "m"), () => replacement);
}

/** @param {string} route */
function toRoute(route) {
  return route.includes("/")
    ? `{ pattern = ${quoted(route)}, zone_name = ${quoted(zoneOf(route))} }`
    : `{ pattern = ${quoted(route)}, custom_domain = true }`;
}

/**
 * The zone of a pattern: its last two labels, or what stands before `=`, as in
 * `example.co.uk=shop.example.co.uk/go/*`.
 * @param {string} route
 */
function zoneOf(route) {
  const host = route.split("/")[0].replace(/^\*\.?/, "");
  return host.split(".").slice(-2).join(".");
}

/** @param {string[]} routes */
function routesLine(routes) {
  if (routes.length === 0) return "";
  const entries = routes.map((route) => {
    const [zone, pattern] = route.includes("=") ? route.split("=") : [undefined, route];
    if (zone === undefined) return toRoute(pattern);
    return `{ pattern = ${quoted(pattern)}, zone_name = ${quoted(zone)} }`;
  });
  return `routes = [${entries.join(", ")}]\n`;
}

/**
 * @param {string} dir folder of the new file, two levels below the project's
 * @param {Settings} settings
 * @returns {Promise<string>} path of the file
 */
export async function writeDeployConfig(dir, settings) {
  const source = await readFile(path.join(ROOT, "wrangler.toml"), "utf8");
  const file = path.join(dir, "wrangler.toml");
  const up = path.relative(dir, ROOT).split(path.sep).join("/");
  const main = `main = "${up}/target/worker/index.js"\n${routesLine(settings.routes)}`;
  let text = replaceOnce(source, /^main = .*\n/, main);
  text = replaceOnce(text, /^migrations_dir = .*$/, `migrations_dir = "${up}/migrations"`);
  if (settings.adminHost) {
    const line = `ADMIN_HOST = ${quoted(settings.adminHost)}`;
    text = replaceOnce(text, /^ADMIN_HOST = .*$/, line);
  }
  if (settings.siteOrigin) {
    const line = `SITE_ORIGIN = ${quoted(settings.siteOrigin)}`;
    text = replaceOnce(text, /^SITE_ORIGIN = .*$/, line);
  }
  if (settings.databaseId) {
    const lines = `binding = "DB"\ndatabase_id = ${quoted(settings.databaseId)}`;
    text = replaceOnce(text, /^binding = "DB"$/, lines);
  }
  if (settings.namespaceId) {
    const lines = `binding = "SNAPSHOTS"\nid = ${quoted(settings.namespaceId)}`;
    text = replaceOnce(text, /^binding = "SNAPSHOTS"$/, lines);
  }
  await mkdir(dir, { recursive: true });
  await writeFile(file, `# Written by tools/deploy.mjs; changes here are lost.\n${text}`);
  return file;
}
