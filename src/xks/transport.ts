import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { Bytes } from "../base/bytes.ts";
import { XksError } from "./failure.ts";

/** How to reach one proxy. */
export interface ProxyRoute {
  /** Where it listens, if that is not port 443 of its host name. */
  readonly address?: { readonly host: string; readonly port: number };
  /** PEM: who signs its certificate, in place of the public authorities. */
  readonly ca?: string;
  /** For one try, milliseconds; the specification's is 250. */
  readonly timeout?: number;
}

/** By host name. Others are not spoken to: whoever may create key stores does not choose where this service connects. */
export type ProxyRoutes = Readonly<Record<string, ProxyRoute>>;

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

const timeout = 250;
/** Far more than the longest answer, 4,300 bytes of ciphertext in base64. */
const longestAnswer = 65_536;

/** TLS connections to the proxies of the configuration, kept open. */
export class XksTransport {
  readonly #routes: ProxyRoutes;
  readonly #agents = new Map<string, Agent>();

  constructor(routes: ProxyRoutes) {
    this.#routes = routes;
  }

  /** Tries once more when the first try ended without an answer. `headers` are made anew for each. */
  async post(host: string, path: string, headers: () => Promise<Record<string, string>>, body: Bytes): Promise<Answer> {
    try {
      return await this.#try(host, path, await headers(), body);
    } catch (error) {
      if (!(error instanceof XksError && (error.failure === "timeout" || error.failure === "unreachable"))) throw error;
      return this.#try(host, path, await headers(), body);
    }
  }

  async #try(host: string, path: string, headers: Record<string, string>, body: Bytes): Promise<Answer> {
    const route = Object.hasOwn(this.#routes, host) ? this.#routes[host] : undefined;
    if (!route) throw new XksError("unreachable");
    const signal = AbortSignal.timeout(route.timeout ?? timeout);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = request({
      method: "POST",
      host: route.address?.host ?? host,
      port: route.address?.port ?? 443,
      path,
      headers: { ...headers, Host: host, "Content-Length": String(body.length) },
      agent: this.#agentOf(host, route),
      signal,
    });
    sent.once("response", resolve).once("error", reject).end(body);
    try {
      return await readAnswer(await promise);
    } catch (cause) {
      if (cause instanceof XksError) throw cause;
      throw new XksError(signal.aborted ? "timeout" : kindOf(cause), { cause });
    }
  }

  #agentOf(host: string, { ca }: ProxyRoute): Agent {
    let agent = this.#agents.get(host);
    if (!agent) {
      agent = new Agent({ keepAlive: true, maxSockets: 64, servername: host, minVersion: "TLSv1.2", ca });
      this.#agents.set(host, agent);
    }
    return agent;
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > longestAnswer) throw new XksError("malformed");
    parts.push(part);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(parts) };
}

const network = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);

/** What is not of the network is of OpenSSL, or of the HTTP parser (HPE_…). */
function kindOf(cause: unknown): "unreachable" | "tls" | "malformed" {
  const { code = "" } = cause as NodeJS.ErrnoException;
  if (network.has(code)) return "unreachable";
  return code.startsWith("HPE_") ? "malformed" : "tls";
}
