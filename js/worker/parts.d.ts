/** The parts that tools/build.mjs puts together with the entry. */
declare module "throughline:wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "throughline:snippet/core" {
  const text: string;
  export default text;
}
declare module "throughline:snippet/full" {
  const text: string;
  export default text;
}
declare module "throughline:core" {
  export function initSync(options: { module: WebAssembly.Module }): unknown;
  export function __wbg_reset_state(): void;
  export function answer(told: Uint8Array, body: string, now: number): string | undefined;
  export function clicks(): string;
  export function passes(url: string, now: number): boolean;
  export function form_headers(number: number): string;
  export function away(): string;
  export function wanted(): string;
  export function prepare(env: unknown, wanted: string): Promise<void>;
  export function fetch(request: Request, env: unknown, ctx: unknown): Promise<Response>;
  export function queue(batch: unknown, env: unknown, ctx: unknown): Promise<void>;
  export function scheduled(event: unknown, env: unknown, ctx: unknown): Promise<void>;
}

/** What Workers have beside the web platform. */
interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void;
}
interface Response {
  readonly webSocket?: unknown;
}
declare class HTMLRewriter {
  on(selector: string, handlers: {
    element(element: { append(content: string, options: { html: boolean }): unknown }): void;
  }): HTMLRewriter;
  transform(response: Response): Response;
}
declare const scheduler: { wait(ms: number): Promise<void> };
