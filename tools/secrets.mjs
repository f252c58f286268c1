/** Changes the files of a deployment's secrets, step by step of a rotation. */
import path from "node:path";
import { parseArgs } from "node:util";
import { ROOT, Stop, runTool } from "./console.mjs";
import {
  entriesOf, filesIn, listOf, newPseudonymSecret, pseudonymSecretOf, readSecret, writeSecret,
} from "./keyring.mjs";

const HELP = `
Usage: node tools/secrets.mjs pseudonyms [--entry=1] | add | retire <id>   [--folder=.local/deploy]

Changes the files root-secret and pseudonym-secret in a folder and says how to put them onto the
Worker. The steps of a rotation (README, "Rotating the root secret"):

  pseudonyms   once: writes the pseudonym secret with which customers keep the names that an entry
               of the root secret gave them
  add          puts a new entry in front of the root secret; from then on it signs and seals
               (then: new keys for the old ones, POST /api/v1/rotate until the entry is retirable)
  retire <id>  takes an entry out: what it signed or sealed opens no more
`;

/** @param {string} name @param {string} file */
function tellHowToPut(name, file) {
  const shown = path.relative(ROOT, file);
  console.log(`written to ${shown}; back it up, and put it onto the Worker:`);
  const config = path.join(path.dirname(shown), "wrangler.toml");
  console.log(`  npx wrangler secret put ${name} --config ${config} < ${shown}`);
}

/** @param {string} file */
async function rootSecret(file) {
  const known = await readSecret(file);
  if (!known) throw new Stop(`${path.relative(ROOT, file)} is not there: put your backup there`);
  return known;
}

/** @param {ReturnType<typeof filesIn>} files @param {number} entry */
async function pseudonyms(files, entry) {
  const secret = pseudonymSecretOf(await rootSecret(files.root), entry);
  const known = await readSecret(files.pseudonyms);
  if (known && known !== secret) {
    throw new Stop("there is another pseudonym secret, which must never change: nothing was done");
  }
  await writeSecret(files.pseudonyms, secret);
  tellHowToPut("PSEUDONYM_SECRET", files.pseudonyms);
}

/** @param {ReturnType<typeof filesIn>} files */
async function add(files) {
  const entries = entriesOf(await rootSecret(files.root));
  const id = Math.max(...entries.map((entry) => entry.id)) + 1;
  if (id > 255) throw new Stop("an entry's id is at most 255, and none is used twice");
  await writeSecret(files.root, listOf([{ id, secret: newPseudonymSecret() }, ...entries]));
  console.log(`entry ${id} is new`);
  tellHowToPut("ROOT_SECRET", files.root);
}

/** @param {ReturnType<typeof filesIn>} files @param {number} id */
async function retire(files, id) {
  const entries = entriesOf(await rootSecret(files.root));
  if (!(await readSecret(files.pseudonyms))) {
    throw new Stop("there is no pseudonym secret yet: node tools/secrets.mjs pseudonyms");
  }
  const place = entries.findIndex((entry) => entry.id === id);
  if (place === 0) throw new Stop(`entry ${id} is the newest one, which signs: add one first`);
  if (place < 0) throw new Stop(`there is no entry ${id}`);
  await writeSecret(files.root, listOf(entries.toSpliced(place, 1)));
  console.log(`entry ${id} is taken out; first ask POST /api/v1/rotate whether it is retirable`);
  tellHowToPut("ROOT_SECRET", files.root);
}

await runTool(HELP, async (args) => {
  const { values, positionals } = parseArgs({
    args, allowPositionals: true,
    options: {
      folder: { type: "string", default: ".local/deploy" },
      entry: { type: "string", default: "1" },
    },
  });
  const files = filesIn(path.resolve(ROOT, values.folder));
  const [step, id] = positionals;
  if (step === "pseudonyms") return pseudonyms(files, Number(values.entry));
  if (step === "add") return add(files);
  if (step === "retire") return retire(files, Number(id));
  throw new Stop("say one of: pseudonyms, add, retire <id> (--help tells more)");
});
