import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { Caller } from "../kms/caller.ts";
import { toKmsError } from "../kms/errors.ts";
import { readBody } from "./body.ts";
import { toWire, type WireAnswer } from "./errors.ts";
import { type Headers, readHeaders } from "./headers.ts";
import type { Limits } from "./limits.ts";
import { describeFailure, type ServerLog } from "./log.ts";
import type { AccessKey, Services } from "./services.ts";
import type { SigV4Verifier } from "./sigv4.ts";
import { type TlsDetails, tlsDetails } from "./tls.ts";
import { toJson } from "./wire.ts";

export interface ExchangeParts {
  readonly services: Services;
  readonly verifier: SigV4Verifier<AccessKey>;
  readonly limits: Limits;
  /** Requests that nobody signed. */
  readonly securityLog: ServerLog;
  /** Apart, so that strangers cannot crowd it out. */
  readonly failureLog: ServerLog;
}

/** A TLS connection, and what of a caller does not change from one of its requests to the next. */
interface Connection {
  readonly address: string;
  readonly tls: Omit<TlsDetails, "clientProvidedHostHeader">;
  /** Requests read, but not yet answered. */
  inFlight: number;
}

/** From a request to its answer: read, authenticate, perform, answer. */
export class Exchange {
  /** Answers close their connections. */
  draining = false;
  #inFlight = 0;
  #turn: Promise<void> | undefined;
  readonly #connections = new WeakMap<object, Connection>();
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  hasInFlight(socket: object): boolean {
    return (this.#connections.get(socket)?.inFlight ?? 0) > 0;
  }

  /** Never rejects: a failure is the answer of this one request. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    let caller: Caller | undefined;
    let answer: WireAnswer;
    try {
      checkRequestLine(request);
      const headers = readHeaders(request.rawHeaders);
      const body = await readBody(request, this.#parts.limits.maxBody);
      if (!body) return;
      await this.#endOfTurn();
      const connection = this.#connectionOf(request.socket as TLSSocket);
      this.#enter(connection);
      try {
        caller = await this.#authenticate(headers, body, connection, requestId);
        const result = await this.#parts.services.perform(operationOf(headers), caller, body);
        answer = { status: 200, body: result ? toJson(result) : "" };
      } finally {
        this.#leave(connection);
        wipe(body);
      }
    } catch (error) {
      this.#log(error, request, requestId, caller);
      answer = toWire(toKmsError(error));
    }
    if (this.draining || !request.complete) response.shouldKeepAlive = false;
    response.writeHead(answer.status, answerHeaders(requestId, answer.body));
    if (request.complete) response.end(answer.body);
    else {
      response.write(answer.body);
      linger(request, response, this.#parts.limits.lingerTimeout);
    }
  }

  /**
   * The requests that one turn of the event loop has read go on together: step after step of all of them runs from warm
   * caches, and one look at the version of the store serves them all.
   */
  #endOfTurn(): Promise<void> {
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = undefined;
        resolve();
      });
    });
    return this.#turn;
  }

  #connectionOf(socket: TLSSocket): Connection {
    let connection = this.#connections.get(socket);
    if (!connection) {
      connection = { address: socket.remoteAddress ?? "", tls: tlsDetails(socket), inFlight: 0 };
      this.#connections.set(socket, connection);
    }
    return connection;
  }

  #enter(connection: Connection): void {
    if (this.#inFlight >= this.#parts.limits.maxInFlight) {
      throw new KmsError("ThrottlingException", "rate");
    }
    this.#inFlight++;
    connection.inFlight++;
  }

  #leave(connection: Connection): void {
    this.#inFlight--;
    connection.inFlight--;
  }

  async #authenticate(headers: Headers, body: Bytes, connection: Connection, requestId: string): Promise<Caller> {
    const request = { method: "POST", path: "/", query: "", headers };
    const { credential, region } = await this.#parts.verifier.verify(request, body);
    const [arn, account] = [headers.get("x-amz-source-arn"), headers.get("x-amz-source-account")];
    return {
      principal: credential.principal,
      region,
      requestId,
      address: connection.address,
      userAgent: headers.get("user-agent")?.slice(0, 1024) ?? "",
      ...((arn ?? account) !== undefined && { source: { ...(arn && { arn }), ...(account && { account }) } }),
      tls: { ...connection.tls, clientProvidedHostHeader: headers.get("host") as string },
    };
  }

  #log(error: unknown, request: IncomingMessage, requestId: string, caller?: Caller): void {
    if (!(error instanceof KmsError)) {
      this.#parts.failureLog.write("failure", { requestId, ...describeFailure(error) });
    } else if (!caller) {
      const accessKeyId = /Credential=([A-Z0-9]{16,32})\//.exec(request.headers.authorization ?? "")?.[1];
      const address = request.socket.remoteAddress;
      this.#parts.securityLog.write("unauthenticated", { requestId, address, accessKeyId, reason: error.code });
    }
  }
}

/** Ends an answer that is on its way when the client has sent what nobody wants, or has had long enough to. */
function linger(request: IncomingMessage, response: ServerResponse, timeout: number): void {
  const timer = setTimeout(() => response.end(), timeout);
  request.on("error", () => {});
  request.once("close", () => {
    clearTimeout(timer);
    response.end();
  });
  request.resume();
}

function checkRequestLine({ method, url = "" }: IncomingMessage): void {
  // No SDK signs KMS requests in the query.
  if (url.includes("?")) throw new KmsError("MissingAuthenticationTokenException", "token");
  if (method !== "POST" || url !== "/") {
    throw new KmsError("UnknownOperationException", "path");
  }
}

const targetPrefix = "TrentService.";

function operationOf(headers: Headers): string {
  const target = headers.get("x-amz-target") ?? "";
  return target.startsWith(targetPrefix) ? target.slice(targetPrefix.length) : "";
}

/** In the form that `writeHead` takes as it is. Node adds `Date`, by which SDKs correct their clocks. */
export const answerHeaders = (requestId: string, body: string): string[] => [
  "x-amzn-RequestId",
  requestId,
  "Cache-Control",
  "no-cache, no-store, must-revalidate, private",
  "Expires",
  "0",
  "Pragma",
  "no-cache",
  "Content-Type",
  "application/x-amz-json-1.1",
  "Content-Length",
  String(Buffer.byteLength(body)),
];
