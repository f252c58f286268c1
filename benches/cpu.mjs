/** CPU time of a process, and what is made of many measurements. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Stop } from "../tools/console.mjs";

/** Microseconds per clock tick of the kernel's accounting. */
const TICK_US = 1_000_000 / ticksPerSecond();

function ticksPerSecond() {
  try {
    return Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })) || 100;
  } catch {
    return 100;
  }
}

/**
 * CPU time of all threads of a process so far, in user and kernel, in microseconds.
 * @param {number} pid
 */
export function cpuTime(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    throw new Stop("the bench reads /proc and so needs Linux, and workerd still running");
  }
  // The second field is a name in brackets that may hold spaces.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}
