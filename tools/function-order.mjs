/**
 * An order for the functions of a wasm module in which gzip finds more to repeat.
 *
 * gzip looks back 32 KB. Functions that the compiler made of one generic source are alike, but lie
 * anywhere in a module of a megabyte; side by side they cost little more than one of them. Each
 * next function is the one that shares most with the few before it.
 */

/** What a function is compared by: all runs of this many bytes. */
const RUN = 4;
/** How many functions before it the next one is compared with. */
const LOOK_BACK = 3;
/** Runs that more functions have than this say nothing. */
const COMMON = 200;
/** Keeps tiny functions from being alike to everything. */
const TINY = 60;

const [CUSTOM, IMPORT, CODE] = [0, 2, 10];
const NAME = Buffer.from("name");

class Bytes {
  /** @param {Buffer} bytes @param {number} [at] */
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** An unsigned LEB128 number. */
  number() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  /** Bytes after their count. */
  counted() {
    const length = this.number();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/** @param {number} value */
function leb(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

/** @param {Uint8Array} bytes */
function counted(bytes) {
  return Buffer.concat([leb(bytes.length), bytes]);
}

/** @param {Buffer} wasm */
function sections(wasm) {
  const found = [];
  const reader = new Bytes(wasm, 8);
  while (reader.at < wasm.length) {
    const from = reader.at;
    const id = reader.byte();
    const content = reader.counted();
    found.push({ id, content, whole: wasm.subarray(from, reader.at) });
  }
  return found;
}

/** @param {Bytes} reader past the limits of a table or a memory */
function skipLimits(reader) {
  const has = reader.byte();
  reader.number();
  if (has & 1) reader.number();
}

/** How many functions are imported. @param {Buffer} content */
function importedFunctions(content) {
  const reader = new Bytes(content);
  let functions = 0;
  for (let left = reader.number(); left > 0; left--) {
    reader.counted();
    reader.counted();
    const kind = reader.byte();
    if (kind === 0) functions += 1;
    if (kind === 0) reader.number();
    else if (kind === 1) reader.byte();
    if (kind === 1 || kind === 2) skipLimits(reader);
    else if (kind === 3) reader.at += 2;
    else if (kind > 3) throw new Error("an import that this does not know");
  }
  return functions;
}

/** @param {Buffer} content */
function bodiesOf(content) {
  const reader = new Bytes(content);
  return Array.from({ length: reader.number() }, () => reader.counted());
}

/** @param {Buffer} body */
function runsOf(body) {
  /** @type {Set<number>} */
  const runs = new Set();
  for (let at = 0; at + RUN <= body.length; at++) runs.add(body.readUInt32LE(at));
  return runs;
}

/**
 * The functions that have a run, for runs that several but not all too many have.
 *
 * @param {Set<number>[]} runs
 */
function owners(runs) {
  /** @type {Map<number, number[]>} */
  const all = new Map();
  for (const [place, own] of runs.entries()) {
    for (const run of own) {
      const known = all.get(run);
      if (known) known.push(place);
      else all.set(run, [place]);
    }
  }
  for (const [run, list] of all) if (list.length < 2 || list.length >= COMMON) all.delete(run);
  return all;
}

/** @param {Buffer[]} bodies @returns {number[]} the places of the bodies, in their new order */
function chain(bodies) {
  const runs = bodies.map(runsOf);
  const owned = owners(runs);
  const shared = new Float64Array(bodies.length);
  const weigh = (/** @type {number} */ place, /** @type {number} */ sign) => {
    for (const run of runs[place]) for (const other of owned.get(run) ?? []) shared[other] += sign;
  };
  /** @type {number[]} */
  const order = [];
  const left = new Set(bodies.keys());
  for (let next = 0; left.size > 0; ) {
    left.delete(next);
    order.push(next);
    weigh(next, 1);
    if (order.length > LOOK_BACK) weigh(order[order.length - 1 - LOOK_BACK], -1);
    let best = -1;
    for (const place of left) {
      const alike = shared[place] / (runs[place].size + TINY);
      if (alike > best) [best, next] = [alike, place];
    }
  }
  return order;
}

/**
 * The module with names by which `wasm-opt --reorder-functions-by-name` gives it that order.
 *
 * @param {Buffer} wasm
 */
export function named(wasm) {
  const all = sections(wasm);
  const imports = all.find(({ id }) => id === IMPORT);
  const code = all.find(({ id }) => id === CODE);
  if (!code) throw new Error("the module has no code");
  const imported = imports ? importedFunctions(imports.content) : 0;
  const order = chain(bodiesOf(code.content));
  /** @type {string[]} */
  const names = Array.from({ length: imported }, (_, place) => `a${place}`);
  for (const [rank, place] of order.entries()) {
    names[imported + place] = `f${String(rank).padStart(6, "0")}`;
  }
  const entries = names.map((name, place) => [leb(place), counted(Buffer.from(name))]);
  const functions = Buffer.concat([leb(names.length), ...entries.flat()]);
  const content = [counted(NAME), Buffer.from([1]), counted(functions)];
  const isName = (/** @type {Buffer} */ custom) => new Bytes(custom).counted().equals(NAME);
  const kept = all.filter(({ id, content }) => id !== CUSTOM || !isName(content));
  const section = Buffer.concat([Buffer.from([CUSTOM]), counted(Buffer.concat(content))]);
  return Buffer.concat([wasm.subarray(0, 8), ...kept.map(({ whole }) => whole), section]);
}
