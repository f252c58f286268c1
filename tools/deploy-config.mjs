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
 * @property {string} [outboundAllow]
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

/** A route's zone, where it names one, and its pattern. @param {string} route */
function splitRoute(route) {
  const [zone, pattern] = route.includes("=") ? route.split("=") : [undefined, route];
  return { zone, pattern, host: pattern.split("/")[0].toLowerCase() };
}

/**
 * The hosts that a route stands for, as `SITE_HOSTS` has them. A star of Cloudflare's may stand at
 * the very beginning: `*.example.com` is all below a name, `*example.com` that and the name itself.
 *
 * @param {string} route
 */
function hostsOf(route) {
  const { zone, host } = splitRoute(route);
  if (!host.startsWith("*")) return [host];
  const rest = host.slice(1);
  if (rest.startsWith(".")) return [host];
  const name = rest || zone;
  if (!name) throw new Stop(`ROUTES: ${route} stands for a whole zone; write zone=${route}`);
  return [name, `*.${name}`];
}

/**
 * The hosts that the site is asked for: those of the routes.
 * @param {string[]} routes
 * @param {string} [adminHost]
 */
export function siteHosts(routes, adminHost) {
  return [...new Set(routes.flatMap(hostsOf))].filter((host) => host !== adminHost);
}

/** @param {string} host @param {string} known */
const matches = (host, known) =>
  (known.startsWith("*") ? host.endsWith(known.slice(1)) : host === known);

/**
 * Stops where a deployment with these settings would answer nobody.
 * @param {Settings} settings
 */
export function checkSettings({ adminHost, siteOrigin, routes }) {
  if (adminHost && !/^[a-z0-9.-]+$/.test(adminHost)) {
    throw new Stop(`ADMIN_HOST is a host name alone, not ${adminHost}`);
  }
  if (siteOrigin && routes.length === 0) {
    throw new Stop("SITE_ORIGIN is set without ROUTES: name the hosts of the site in ROUTES");
  }
  if (routes.length === 0) return;
  if (!adminHost) {
    throw new Stop("ROUTES is set without ADMIN_HOST: the workers.dev address is turned off\n" +
      "once there are routes. Name one of their hosts in ADMIN_HOST");
  }
  if (!routes.flatMap(hostsOf).some((known) => matches(adminHost, known))) {
    throw new Stop(`ADMIN_HOST ${adminHost} is not among ROUTES: add ${adminHost} to them`);
  }
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
    const { zone, pattern } = splitRoute(route);
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
  const hosts = siteHosts(settings.routes, settings.adminHost).join(",");
  text = replaceOnce(text, /^SITE_HOSTS = .*$/, `SITE_HOSTS = ${quoted(hosts)}`);
  const allowed = `OUTBOUND_ALLOW = ${quoted(settings.outboundAllow ?? "")}`;
  text = replaceOnce(text, /^OUTBOUND_ALLOW = .*$/, allowed);
  if (settings.routes.length > 0) {
    text = replaceOnce(text, /^workers_dev = .*$/, "workers_dev = false");
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
