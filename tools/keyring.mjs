/**
 * The two secrets of a deployment as texts: `ROOT_SECRET`, a list of entries `<id>:<base64url>`,
 * newest first, and `PSEUDONYM_SECRET`. src/domain/seal.rs and pseudonym.rs read them.
 */
import { hkdfSync, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { Stop } from "./console.mjs";

/** The entry that `newRootSecret` makes; pseudonyms came from it before they had a secret. */
const FIRST_ENTRY = 1;

/** @returns {string} a root secret as the Worker expects it */
export const newRootSecret = () => `${FIRST_ENTRY}:${newPseudonymSecret()}`;

/** @returns {string} */
export const newPseudonymSecret = () => randomBytes(32).toString("base64url");

/** @param {string} rootSecret @returns {{ id: number, secret: string }[]} newest first */
export function entriesOf(rootSecret) {
  return rootSecret.split(",").map((entry) => {
    const [id, secret = ""] = entry.trim().split(":");
    if (!/^\d{1,3}$/.test(id) || Buffer.from(secret, "base64url").length < 32) {
      throw new Stop("a root secret is <id>:<base64url of 32 bytes>, with commas between several");
    }
    return { id: Number(id), secret };
  });
}

/** @param {ReturnType<typeof entriesOf>} entries */
export const listOf = (entries) => entries.map(({ id, secret }) => `${id}:${secret}`).join(",");

/** @param {string} secret @param {string} purpose */
function derive(secret, purpose) {
  const bytes = Buffer.from(secret, "base64url");
  const key = hkdfSync("sha256", bytes, Buffer.alloc(0), `throughline/v1/${purpose}`, 32);
  return Buffer.from(key).toString("base64url");
}

/**
 * The proof that lets its holder make the first API key: derived from the newest entry.
 * @param {string} rootSecret
 */
export const setupProof = (rootSecret) => `tls_${derive(entriesOf(rootSecret)[0].secret, "setup")}`;

/**
 * The pseudonym secret with which customers keep the names that an entry gave them.
 * @param {string} rootSecret @param {number} [entry]
 */
export function pseudonymSecretOf(rootSecret, entry = FIRST_ENTRY) {
  const found = entriesOf(rootSecret).find(({ id }) => id === entry);
  if (!found) throw new Stop(`the root secret has no entry ${entry}: take one from your backup`);
  return derive(found.secret, "customer");
}

/** @param {string} folder */
export const filesIn = (folder) => ({
  root: path.join(folder, "root-secret"), pseudonyms: path.join(folder, "pseudonym-secret"),
});

/** What a file holds, or undefined when it is not there. @param {string} file */
export async function readSecret(file) {
  const text = await readFile(file, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.trim() || undefined;
}

/** Written beside and moved, so that an interrupted write loses nothing.
 * @param {string} file @param {string} secret */
export async function writeSecret(file, secret) {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${secret}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/**
 * The secrets that a folder keeps; what is not there is made, the pseudonym secret of a root secret
 * that was there before from that.
 * @param {string} folder
 */
export async function secretsIn(folder) {
  const files = filesIn(folder);
  const known = await readSecret(files.root);
  const rootSecret = known ?? newRootSecret();
  if (!known) await writeSecret(files.root, rootSecret);
  let pseudonymSecret = await readSecret(files.pseudonyms);
  if (!pseudonymSecret) {
    pseudonymSecret = known ? pseudonymSecretOf(known) : newPseudonymSecret();
    await writeSecret(files.pseudonyms, pseudonymSecret);
  }
  return { rootSecret, pseudonymSecret };
}
