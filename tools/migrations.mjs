/**
 * Applies migrations/*.sql to a local D1 database once each, with the same table that
 * `wrangler d1 migrations apply` keeps, so that both can take turns on one database.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { unstable_splitSqlQuery as splitSql } from "wrangler";

const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/**
 * @typedef {object} Statement
 * @property {(...values: unknown[]) => Statement} bind
 * @property {() => Promise<{ results: any[] }>} all
 * @property {() => Promise<unknown>} run
 *
 * @typedef {object} Database the part of D1 that is used here
 * @property {(sql: string) => Statement} prepare
 * @property {(statements: Statement[]) => Promise<unknown>} batch
 */

/**
 * @param {Database} db
 * @param {string} dir
 * @returns {Promise<string[]>} the names that were applied now
 */
export async function applyMigrations(db, dir) {
  await db.prepare(CREATE_TABLE).run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all();
  const done = new Set(results.map((row) => row.name));
  const names = (await readdir(dir)).filter((name) => name.endsWith(".sql")).sort();
  const applied = [];
  for (const name of names) {
    if (done.has(name)) continue;
    const sql = await readFile(path.join(dir, name), "utf8");
    const statements = splitSql(sql).map((statement) => db.prepare(statement));
    const mark = db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    // One batch is one transaction: a migration that fails leaves nothing behind.
    await db.batch([...statements, mark]);
    applied.push(name);
  }
  return applied;
}
