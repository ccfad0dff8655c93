import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { utf8 } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { ConfigError, KmsError } from "../base/errors.ts";
import { readJsonObject } from "../model/json.ts";
import { readBody } from "./body.ts";
import { toWire } from "./errors.ts";
import { type Listener, start } from "./lifecycle.ts";
import { defaultLimits, httpOptions, type Limits } from "./limits.ts";
import { describeFailure, ServerLog } from "./log.ts";

export interface Readiness {
  readonly ok: boolean;
  /** By part of the service: "ok", or what is wrong with it. */
  readonly checks: Readonly<Record<string, string>>;
}

/** What forgets keys and moves time: for `dev` alone. */
export interface DevControls {
  /** The bearer token that a call needs: any web page can POST to a loopback address. */
  readonly token: string;
  reset(): Promise<void>;
  advanceClock(seconds: number): Promise<void>;
}

export interface AdminOptions {
  /** 127.0.0.1 or ::1. */
  readonly host: string;
  readonly port: number;
  readonly ready: () => Promise<Readiness>;
  readonly dev?: DevControls;
  readonly limits?: Partial<Limits>;
  /** Where failures are logged; standard error when absent. */
  readonly writeLog?: (line: string) => void;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Health and readiness, and in `dev` its controls, in plain HTTP on the loopback interface.
 * @throws ConfigError for any other address
 */
export async function listenAdmin(options: AdminOptions): Promise<Listener> {
  const { host, port } = options;
  if (host !== "127.0.0.1" && host !== "::1") {
    throw new ConfigError(`the admin listener must be on 127.0.0.1 or ::1, not on ${host}`);
  }
  const limits = { ...defaultLimits, maxBody: 4096, maxConnections: 64, ...options.limits };
  const log = new ServerLog(systemClock, options.writeLog);
  const server = createServer(httpOptions(limits), async (request, response) => {
    let answered: Answer;
    try {
      answered = await answer(request, options, limits.maxBody);
    } catch (error) {
      if (!(error instanceof KmsError)) log.write("failure", describeFailure(error));
      answered =
        error instanceof KmsError ? refusal(toWire(error).status, error.message) : refusal(500, "internal error");
    }
    send(request, response, answered);
  });
  return start(server, { scheme: "http", host, port, maxConnections: limits.maxConnections, log });
}

async function answer(request: IncomingMessage, { ready, dev }: AdminOptions, maxBody: number): Promise<Answer> {
  if (!isLocal(request)) return refusal(403, "the Host or Origin is not this listener's");
  switch (`${request.method} ${request.url}`) {
    case "GET /healthz":
      return { status: 200, body: { ok: true } };
    case "GET /readyz": {
      const { ok, checks } = await ready();
      return { status: ok ? 200 : 503, body: { ok, checks } };
    }
    case "POST /dev/reset":
      return control(request, dev, maxBody, (controls) => controls.reset());
    case "POST /dev/clock":
      return control(request, dev, maxBody, (controls, { advanceSeconds }) => {
        if (!Number.isSafeInteger(advanceSeconds) || (advanceSeconds as number) < 0) {
          throw new KmsError("ValidationException", "advanceSeconds");
        }
        return controls.advanceClock(advanceSeconds as number);
      });
  }
  return refusal(404, "not found");
}

/** Whether the request was meant for this listener: a name that was made to resolve to loopback is not among these. */
function isLocal({ headers, socket }: IncomingMessage): boolean {
  const { host, origin } = headers;
  const names = ["127.0.0.1", "[::1]", "localhost"].map((name) => `${name}:${socket.localPort}`);
  return names.includes(host ?? "") && (origin === undefined || origin === `http://${host}`);
}

async function control(
  request: IncomingMessage,
  dev: DevControls | undefined,
  maxBody: number,
  run: (controls: DevControls, parameters: Record<string, unknown>) => Promise<void>,
): Promise<Answer> {
  if (!dev) return refusal(404, "not found");
  if (!isBearer(request.headers.authorization, dev.token)) return refusal(401, "a bearer token is needed");
  const body = await readBody(request, maxBody);
  if (!body) return refusal(400, "the request was cut off");
  await run(dev, readJsonObject(body));
  return { status: 200, body: { ok: true } };
}

function isBearer(authorization: string | undefined, token: string): boolean {
  const given = utf8(authorization ?? "");
  const expected = utf8(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const refusal = (status: number, error: string): Answer => ({ status, body: { error } });

function send(request: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
  const text = JSON.stringify(body);
  if (!request.complete) response.shouldKeepAlive = false;
  response
    .writeHead(status, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(text),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    })
    .end(text);
}
