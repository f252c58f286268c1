/** The part that tools/snippet.mjs puts into the module. */
declare module "throughline:script" {
  const run: (tag: import("./settings.js").Tag) => void;
  export default run;
}
