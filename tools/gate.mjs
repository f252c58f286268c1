/**
 * A Miniflare plugin that puts a gate in front of the real local KV, queue and D1 services.
 * The Worker keeps real bindings. Each operation first asks an outside HTTP service, which can
 * let it pass, fail it, keep it waiting, or let it happen and lose the answer. Loaded by
 * tools/stack.mjs for tests; tests/e2e/support/faulty.mjs is such a service.
 *
 * The gate POSTs {"kind","binding","method","url","body"} (no body for KV) and acts on the status:
 * 204 = pass, 202 = do it, then answer 500, 205 = pass, and show the answer by a POST of
 * {"kind","binding","answer"}; any other answer goes to the Worker. Without an outside service
 * everything passes.
 *
 * What D1 refuses in production it refuses here too, in the same words: local D1 takes a little
 * more. https://developers.cloudflare.com/d1/platform/limits/
 */

/** The name under which Miniflare loads this plugin. */
export const PLUGIN = "gate";

/** Bytes of a string and of a row, bytes of a statement, parameters of a statement. */
export const D1_LIMITS = { text: 2_000_000, sql: 100_000, params: 100 };

const SCRIPT = `
const LIMITS = ${JSON.stringify(D1_LIMITS)};
const bytes = (value) => new TextEncoder().encode(value).length;

/** Why D1 would refuse these statements, or undefined. */
function refusal(body) {
  for (const { sql = "", params = [] } of [JSON.parse(body)].flat()) {
    if (bytes(sql) > LIMITS.sql) return "statement too long: SQLITE_TOOBIG";
    if (params.length > LIMITS.params) return "too many SQL variables: SQLITE_ERROR";
    const sizes = params.map((one) => typeof one === "string" ? bytes(one) : 0);
    if (sizes.some((size) => size > LIMITS.text)) return "string or blob too big: SQLITE_TOOBIG";
  }
  return undefined;
}

export default {
  async fetch(request, env) {
    const kind = env.KIND;
    const body = kind !== "kv" && request.body ? await request.clone().text() : null;
    const { method, url } = request;
    const refused = kind === "d1" && body ? refusal(body) : undefined;
    if (refused !== undefined) {
      return Response.json({ success: false, error: "D1_ERROR: " + refused }, { status: 500 });
    }
    if (env.GATE === undefined) return env.REAL.fetch(request);
    const tell = (what) => env.GATE.fetch("http://gate/", {
      method: "POST",
      body: JSON.stringify({ kind, binding: env.BINDING, ...what }),
    });
    const verdict = await tell({ method, url, body });
    if (verdict.status === 204) return env.REAL.fetch(request);
    if (verdict.status === 205) {
      const real = await env.REAL.fetch(request);
      await tell({ answer: await real.clone().text() });
      return real;
    }
    if (verdict.status !== 202) {
      // A sender waits until its body is read, whatever the answer.
      await request.arrayBuffer();
      return verdict;
    }
    const real = await env.REAL.fetch(request);
    await real.arrayBuffer();
    return new Response("the answer was lost", { status: 500 });
  },
};
`;

/**
 * @typedef {object} GateBinding
 * @property {string} name
 * @property {{ kind: "kv" | "queue" | "d1", real: string, address?: string }} options
 */

/** @param {GateBinding} binding */
function serviceName(binding) {
  return `${PLUGIN}:${binding.options.kind}:${binding.name}`;
}

/** @param {GateBinding} binding */
function toWorkerBinding(binding) {
  const service = { name: serviceName(binding) };
  const { kind } = binding.options;
  if (kind === "kv") return { name: binding.name, kvNamespace: service };
  if (kind === "queue") return { name: binding.name, queue: service };
  const innerBindings = [{ name: "fetcher", service }];
  const wrapped = { moduleName: "cloudflare-internal:d1-api", innerBindings };
  return { name: binding.name, wrapped };
}

/** @param {GateBinding} binding */
function toServices(binding) {
  const { kind, real, address } = binding.options;
  const outside = `${serviceName(binding)}:outside`;
  const asked = address !== undefined;
  return [
    ...(asked ? [{ name: outside, external: { address, http: {} } }] : []),
    {
      name: serviceName(binding),
      worker: {
        compatibilityDate: "2026-04-01",
        modules: [{ name: "gate.js", esModule: SCRIPT }],
        bindings: [
          { name: "KIND", text: kind },
          { name: "BINDING", text: binding.name },
          ...(asked ? [{ name: "GATE", service: { name: outside } }] : []),
          { name: "REAL", service: { name: real } },
        ],
      },
    },
  ];
}

export const plugins = {
  [PLUGIN]: {
    options: undefined,
    /** @param {GateBinding[]} bindings */
    getBindings: (bindings) => bindings?.map(toWorkerBinding),
    getNodeBindings: () => ({}),
    /** @param {{ options: GateBinding[] }} args */
    getServices: ({ options }) => options?.flatMap(toServices),
  },
};
