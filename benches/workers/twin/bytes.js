/** Numbers and ids in the bytes of the sealed formats. All integers are big-endian. */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** @param {Uint8Array} bytes @param {number} at */
export function readU48(bytes, at) {
  const high = bytes[at] << 8 | bytes[at + 1];
  const low = bytes[at + 2] << 24 | bytes[at + 3] << 16 | bytes[at + 4] << 8 | bytes[at + 5];
  return high * 4294967296 + (low >>> 0);
}

/** @param {Uint8Array} bytes @param {number} at @param {number} value */
export function writeU48(bytes, at, value) {
  const high = Math.floor(value / 4294967296);
  const low = value >>> 0;
  bytes[at] = high >>> 8;
  bytes[at + 1] = high;
  bytes[at + 2] = low >>> 24;
  bytes[at + 3] = low >>> 16;
  bytes[at + 4] = low >>> 8;
  bytes[at + 5] = low;
}

/** The 60 bits of eight bytes as twelve letters. @param {Uint8Array} bytes @param {number} at */
export function idText(bytes, at) {
  const high = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
  const low = bytes[at + 4] << 24 | bytes[at + 5] << 16 | bytes[at + 6] << 8 | bytes[at + 7];
  return ALPHABET[high >>> 23 & 31] + ALPHABET[high >>> 18 & 31] + ALPHABET[high >>> 13 & 31] +
    ALPHABET[high >>> 8 & 31] + ALPHABET[high >>> 3 & 31] +
    ALPHABET[(high << 2 | low >>> 30) & 31] + ALPHABET[low >>> 25 & 31] +
    ALPHABET[low >>> 20 & 31] + ALPHABET[low >>> 15 & 31] + ALPHABET[low >>> 10 & 31] +
    ALPHABET[low >>> 5 & 31] + ALPHABET[low & 31];
}

/** Twelve letters, behind a prefix of three, as eight bytes. @param {string} id */
export function idBytes(id) {
  let number = 0n;
  for (const letter of id.slice(3)) number = number << 5n | BigInt(ALPHABET.indexOf(letter));
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, number);
  return out;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Eight bytes as hex. @param {Uint8Array} bytes @param {number} at */
export function hex(bytes, at) {
  return HEX[bytes[at]] + HEX[bytes[at + 1]] + HEX[bytes[at + 2]] + HEX[bytes[at + 3]] +
    HEX[bytes[at + 4]] + HEX[bytes[at + 5]] + HEX[bytes[at + 6]] + HEX[bytes[at + 7]];
}

const POOL = new Uint8Array(4096);
let used = POOL.length;

/** Random bytes; to be used before the pool comes round again. @param {number} count */
export function random(count) {
  if (used + count > POOL.length) {
    crypto.getRandomValues(POOL);
    used = 0;
  }
  used += count;
  return POOL.subarray(used - count, used);
}
