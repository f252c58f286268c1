// The same as tests/e2e/kill.test.mjs, for many more rounds.
process.env.KILL_ROUNDS ??= "60";
await import("../kill.test.mjs");
