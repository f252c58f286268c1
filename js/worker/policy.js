/**
 * Does a Content Security Policy let a page run our script, and with which nonce? (CSP level 3.)
 *
 * The policy itself is never changed: a tag gets the nonce that the page gives its own scripts, or
 * is left out. What is not understood counts as a refusal.
 */

const NONCE = /^'nonce-([A-Za-z0-9+/_-]+={0,2})'$/i;
const HASH = /^'sha(256|384|512)-/i;
const SPACE = /[\t\n\f\r ]+/;
/** Bytes of a policy that are looked at; browsers take less in a header. */
const LONGEST = 65_536;

/**
 * The policies of a header or a `<meta>`, each as the sources that decide about script elements;
 * nothing stands for a policy that says nothing of scripts.
 *
 * @param {string | null} text
 * @returns {string[][]}
 */
export function scriptSources(text) {
  if (!text) return [];
  if (text.length > LONGEST) return [[]];
  const found = [];
  for (const policy of text.split(",")) {
    /** @type {Map<string, string[]>} */
    const directives = new Map();
    for (const directive of policy.split(";")) {
      const [name, ...sources] = directive.trim().split(SPACE);
      // The first of a name counts.
      if (name && !directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), sources);
    }
    const names = ["script-src-elem", "script-src", "default-src"];
    const sources = names.map((name) => directives.get(name)).find(Boolean);
    if (sources) found.push(sources);
    // A sandbox without scripts runs none of them.
    const sandbox = directives.get("sandbox");
    if (sandbox && !sandbox.some((flag) => flag.toLowerCase() === "allow-scripts")) found.push([]);
  }
  return found;
}

/** The nonces of sources. @param {string[]} sources */
const noncesOf = (sources) =>
  sources.map((source) => NONCE.exec(source)?.[1]).filter((nonce) => nonce !== undefined);

/**
 * The nonce that our tag needs: empty when it needs none, nothing when no nonce would let it run.
 *
 * @param {string[][]} policies see `scriptSources`; all of them must allow it
 * @param {string[]} given nonces of the page's own scripts
 * @param {URL} script our script's address
 * @returns {string | undefined}
 */
export function nonceFor(policies, given, script) {
  const known = given.filter((nonce) => NONCE.test(`'nonce-${nonce}'`));
  const nonces = [...policies.flatMap(noncesOf), ...known, ""];
  return nonces.find((nonce) => policies.every((sources) => allows(sources, nonce, script)));
}

/** @param {string[]} sources @param {string} nonce @param {URL} script */
function allows(sources, nonce, script) {
  if (nonce && noncesOf(sources).includes(nonce)) return true;
  // With it only nonces and hashes count, and a parser put our tag into the page.
  if (sources.some((source) => source.toLowerCase() === "'strict-dynamic'")) return false;
  return sources.some((source) => !HASH.test(source) && matches(source.toLowerCase(), script));
}

/** Does a source that is no nonce name our script? @param {string} source @param {URL} script */
function matches(source, script) {
  if (source === "'self'" || source === "*") return true;
  if (source.startsWith("'")) return false;
  const scheme = /^([a-z][a-z0-9+.-]*):$/.exec(source);
  if (scheme) return sameScheme(scheme[1], script);
  const parts = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/:?#]+)(?::(\d+|\*))?(\/[^?#]*)?$/.exec(source);
  if (!parts) return false;
  const [, named, host, port, path] = parts;
  if (named && !sameScheme(named, script)) return false;
  const wild = host.startsWith("*.");
  if (wild ? !script.hostname.endsWith(host.slice(1)) : host !== script.hostname) return false;
  const standard = script.protocol === "https:" ? "443" : "80";
  if (port !== "*" && (port ?? standard) !== (script.port || standard)) return false;
  if (!path || path === "/") return true;
  return path.endsWith("/") ? script.pathname.startsWith(path) : script.pathname === path;
}

/** `http:` names what came over TLS too. @param {string} named @param {URL} script */
const sameScheme = (named, script) =>
  `${named}:` === script.protocol || (named === "http" && script.protocol === "https:");
