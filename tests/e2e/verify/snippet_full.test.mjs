/** All that holds for the core script holds for the full one: the same tests, the other script. */
process.env.SNIPPET = "full";
await import("../browser/snippet.test.mjs");
await import("../browser/snippet_protocol.test.mjs");
