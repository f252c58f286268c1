/** The settings: the script's own tag, or what the module's `start` was given. */
import type { Options } from "./api.js";

/** The script's tag, or something in its place. */
export interface Tag {
  dataset: Options;
  src?: string;
}

declare global {
  /** Set where this is built (tools/snippet.mjs): the tag, and whether it is the full script. */
  const TAG: Tag;
  const FULL: boolean;
}

export const { dataset: options, src } = TAG;
/** An address below the mount point. */
export const base = src || location.origin + "/tl/";

/** Name of the token's parameter in URLs. */
export const param = options.param || "tl";
