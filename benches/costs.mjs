/** @typedef {object} Counts */
export async function costs(dir) { return undefined; }
