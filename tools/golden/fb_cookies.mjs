// Makes tests/golden/fb_cookies.json by running Meta's parameter builder, whose values we compare
// with and whose code is no part of this project. In a directory where
// `npm install capi-param-builder-nodejs@1.3.2` has run:
//   node <project>/tools/golden/fb_cookies.mjs > fb_cookies.json
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const { ParamBuilder } = require("capi-param-builder-nodejs");

const NOW = 1_795_334_400_000;
const RANDOM = 0.4567891234;
Date.now = () => NOW;
Math.random = () => RANDOM;

/** Host and its registrable domain, as the caller of the builder resolves it. */
const hosts = [
  ["www.example.com", "example.com"], ["example.com", "example.com"],
  ["go.shop.example.co.uk", "example.co.uk"], ["a.b.c.tokyo.jp", "b.c.tokyo.jp"],
  ["x.github.io", "x.github.io"], ["127.0.0.1", "127.0.0.1"], ["[::1]:8080", "[::1]"],
];
const old = "fb.1.1732230000000";
const values = [
  undefined, `${old}.IwAR1`, `${old}.IwAR_x-Y`, `${old}.IwAR1.AQ`, `${old}.IwAR1.Bg`,
  `${old}.IwAR1.AQQCAQMC`, `${old}.IwAR1.AQcCAQMC`, `${old}.IwAR1.XX`, `${old}.IwAR1.aq`,
  `${old}.IwAR1.AQ.AQ`, `${old}.`, `${old}`, "fb.x.1.y", "fb.1..y", "fc.1.1.y", "FB.1.1.y", "",
  "fb.0.1.IwAR1", "fb.12.99999999999999.iwar1", `${old}.IwAR1.`, "fb.1.1.1098115397",
];
const clicks = [undefined, "IwAR1", "IwAR_x-Y", "iwar1", "1098115397"];

/** The first four segments. @param {string} value */
const core = (value) => value.split(".").slice(0, 4).join(".");

/** @param {string} host @param {string} domain @param {any} cookies @param {any} fbclid */
function run(host, domain, cookies, fbclid) {
  const builder = new ParamBuilder({ resolveETLDPlus1: () => domain });
  const set = builder.processRequest(host, fbclid === undefined ? {} : { fbclid }, cookies);
  /** @type {[string, string][]} */
  const due = [];
  for (const { name, value, maxAge } of set) {
    if (maxAge !== 7_776_000) throw new Error(`lives ${maxAge}`);
    // A mark that is glued to a cookie which stays is no news: we write none.
    if (cookies[name] === undefined || core(cookies[name]) !== core(value)) {
      due.push([name, core(value)]);
    }
  }
  return { domain, cookies, fbclid, due: due.sort() };
}

const cases = [];
for (const fbc of values) {
  for (const fbclid of clicks) {
    cases.push(run("www.example.com", "example.com", { _fbc: fbc }, fbclid));
  }
  cases.push(run("www.example.com", "example.com", { _fbp: fbc, _fbc: values[1] }, "IwAR1"));
}
for (const [host, domain] of hosts) {
  cases.push(run(String(host), String(domain), {}, "IwAR1"));
  cases.push(run(String(host), String(domain), { _fbc: values[2] }, "IwAR1"));
}
const source = "npm capi-param-builder-nodejs 1.3.2";
const made_by = "tools/golden/fb_cookies.mjs";
const payload = Math.floor(RANDOM * 2147483647);
const lines = cases.map((one) => `    ${JSON.stringify(one)}`).join(",\n");
console.log(`{\n  "source": "${source}",\n  "made_by": "${made_by}",`);
console.log(`  "now": ${NOW},\n  "payload": ${payload},\n  "cases": [\n${lines}\n  ]\n}`);
