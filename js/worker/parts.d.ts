/** The parts that tools/build.mjs puts together with the entry. */
declare module "throughline:wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "throughline:snippet" {
  const text: string;
  export default text;
}
declare module "throughline:core" {
  export function initSync(options: { module: WebAssembly.Module }): unknown;
  export function __wbg_reset_state(): void;
  export function answer(told: Uint8Array, body: string, now: number): string | undefined;
  export function document(told: Uint8Array, now: number): string | undefined;
  export function away(): string;
  export function prepare(url: string, env: unknown): Promise<void>;
  export function fetch(request: Request, env: unknown, ctx: unknown): Promise<Response>;
  export function queue(batch: unknown, env: unknown, ctx: unknown): Promise<void>;
  export function scheduled(event: unknown, env: unknown, ctx: unknown): Promise<void>;
}

/** What Workers have beside the web platform. */
interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void;
}
declare const scheduler: { wait(ms: number): Promise<void> };
