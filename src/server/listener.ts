import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { createServer, type Server } from "node:https";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../base/clock.ts";
import { answerHeaders, Exchange } from "./exchange.ts";
import { type Listener, start } from "./lifecycle.ts";
import { defaultLimits, httpOptions, type Limits } from "./limits.ts";
import { ServerLog } from "./log.ts";
import type { AccessKey, Services } from "./services.ts";
import { SigV4Verifier } from "./sigv4.ts";
import { type TlsIdentity, tlsOptions } from "./tls.ts";

export interface ListenerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly tls: TlsIdentity;
  /** The regions served, all by this one endpoint. */
  readonly regions: readonly string[];
  readonly clock: Clock;
  readonly services: Services;
  readonly limits?: Partial<Limits>;
  /** Where the lines of the security and failure logs go; standard error when absent. */
  readonly writeLog?: (line: string) => void;
}

/** The API: AWS JSON 1.1 in HTTP/1.1 over TLS, `POST /` alone. */
export async function listen({ host, port, tls, clock, ...options }: ListenerOptions): Promise<Listener> {
  const limits = { ...defaultLimits, ...options.limits };
  const verifier = new SigV4Verifier<AccessKey>({
    service: "kms",
    regions: new Set(options.regions),
    clock,
    find: (id, sessionToken) => findAccessKey(options.services, id, sessionToken),
  });
  const securityLog = new ServerLog(clock, options.writeLog);
  const failureLog = new ServerLog(clock, options.writeLog);
  const exchange = new Exchange({ services: options.services, verifier, limits, securityLog, failureLog });
  const server = createServer({
    ...httpOptions(limits),
    ...tlsOptions(tls),
    handshakeTimeout: limits.handshakeTimeout,
  });
  server.on("request", (request, response) => exchange.serve(request, response));
  answerUnreadable(server, exchange, securityLog);
  const listener = await start(server, {
    scheme: "https",
    host,
    port,
    maxConnections: limits.maxConnections,
    log: failureLog,
  });
  return {
    url: listener.url,
    async close(deadline) {
      exchange.draining = true;
      await listener.close(deadline);
      verifier.close();
    },
  };
}

async function findAccessKey(
  services: Services,
  id: string,
  sessionToken: string | undefined,
): Promise<AccessKey | undefined> {
  // Nobody issues session tokens here.
  if (sessionToken !== undefined) return undefined;
  const key = await services.accessKey(id);
  return key?.active ? key : undefined;
}

/** What is not TLS, not HTTP, or too slow. */
function answerUnreadable(server: Server, exchange: Exchange, log: ServerLog): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const { code = "" } = error;
    // A client that merely went away is no news.
    if (code !== "ECONNRESET" && code !== "EPIPE") {
      log.write("unreadable", { address: (socket as TLSSocket).remoteAddress, reason: code });
    }
    const isHttp = code.startsWith("HPE_") || code.startsWith("ERR_HTTP_");
    // With a request in flight, the answer would be taken for that one's.
    if (isHttp && socket.writable && !exchange.hasInFlight(socket)) {
      socket.end(rawAnswer(code), () => socket.destroy());
    } else {
      socket.destroy();
    }
  });
}

function rawAnswer(code: string): string {
  const [status, type] =
    code === "HPE_HEADER_OVERFLOW"
      ? [431, "RequestEntityTooLarge"]
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? [408, "RequestTimeout"]
        : [400, "MalformedHttpRequestException"];
  const body = JSON.stringify({ __type: type });
  const fields = answerHeaders(randomUUID(), body);
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n`;
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${head}\r\n${body}`;
}
