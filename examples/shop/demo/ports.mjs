// The demo's ports: four in a row, so that one number says where everything is and the addresses
// that the product has stored are still right at the next start.
import { createServer } from "node:net";
import { Stop } from "../../../tools/console.mjs";

const ROLES = ["Throughline", "the shop's server", "the webhook receiver", "the Meta stand-in"];
const BLOCKS = 10;
export const FIRST_PORT = 8787;

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

/** The first port of a block that something else uses. @param {number} first */
async function takenIn(first) {
  for (const [i, role] of ROLES.entries()) {
    if (!await isFree(first + i)) return { port: first + i, role };
  }
  return null;
}

/** @param {number} first */
const block = (first) => ({ web: first, shop: first + 1, webhook: first + 2, meta: first + 3 });

/**
 * @param {number | undefined} wanted only this one, if given
 * @param {(line: string) => void} say
 */
export async function choosePorts(wanted, say) {
  for (let i = 0; i < BLOCKS; i += 1) {
    const first = wanted ?? FIRST_PORT + i * ROLES.length;
    const taken = await takenIn(first);
    if (!taken) return block(first);
    const why = `Port ${taken.port} (for ${taken.role}) is used by another program`;
    if (wanted !== undefined) {
      throw new Stop(`${why}.\nEnd that program, or choose another port: --port ${first + 100}`);
    }
    say(`${why}; trying ${first + ROLES.length}.`);
  }
  throw new Stop("No free ports found. Choose one yourself: --port N (it and the next three).");
}
