import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { answerHeaders } from "../server/exchange.ts";
import { defaultLimits, httpOptions } from "../server/limits.ts";
import { tlsOptions } from "../server/tls.ts";

/** What the process is told by the one that forks it. It answers the port that it listens on. */
export interface BareSettings {
  /** PEM files. */
  readonly key: string;
  readonly cert: string;
  /** By `X-Amz-Target`: the body that every such request is answered with. */
  readonly answers: Readonly<Record<string, string>>;
}

// The program of a process of its own: node:https with the service's settings, and a handler that does nothing.
process.once("message", ({ key, cert, answers }: BareSettings) => {
  const tls = tlsOptions({ key: readFileSync(key), cert: readFileSync(cert) });
  const server = createServer({ ...httpOptions(defaultLimits), ...tls }, (request, response) => {
    request.resume().on("end", () => {
      const body = answers[request.headers["x-amz-target"] as string] ?? "";
      response.writeHead(200, answerHeaders("00000000-0000-0000-0000-000000000000", body)).end(body);
    });
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
});
process.once("disconnect", () => process.exit());
