/** Asks a deployment's set-up for a key, with the proof that only its root secret gives. */
import { Stop } from "./console.mjs";
import { setupProof } from "./keyring.mjs";

const ATTEMPTS = 10;
const PAUSE_MS = 3_000;

/** How long an opening of set-up lasts. */
const OPEN_MS = 5 * 60_000;

/** The SQL that opens set-up again, for one key. @param {number} [now] */
export const openSetup = (now = Date.now()) =>
  `INSERT INTO setup_openings (until) VALUES (${now + OPEN_MS})`;

/**
 * The key, or undefined when set-up is closed.
 * @param {string} adminHost @param {string} rootSecret @returns {Promise<string | undefined>}
 */
export async function askForKey(adminHost, rootSecret) {
  const headers = { authorization: `Bearer ${setupProof(rootSecret)}` };
  // A new host takes some seconds until it answers everywhere.
  for (let attempt = 1; ; attempt++) {
    const url = `https://${adminHost}/api/v1/setup`;
    const answer = await fetch(url, { method: "POST", headers }).catch(() => undefined);
    if (answer?.status === 409) return undefined;
    if (answer?.status === 201) {
      return /** @type {{ key: string }} */ (await answer.json()).key;
    }
    if (attempt === ATTEMPTS) {
      const hint = answer?.status === 401 ? " (is this its root secret, newest entry first?)" : "";
      const said = answer?.status ?? "nothing";
      throw new Stop(`${adminHost} answers ${said}${hint}; run this again`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
