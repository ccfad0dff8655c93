import type { IncomingMessage } from "node:http";
import { KmsError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";

/**
 * The body of a request; undefined when the client went away before its end.
 * @throws KmsError RequestEntityTooLarge as soon as it is known that there are more than `limit` octets
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const chunks: Buffer[] = [];
  let length = 0;
  const refuse = (): void => {
    request.pause().removeAllListeners("data");
    wipe(...chunks);
    reject(new KmsError("RequestEntityTooLarge", "body", { limit }));
  };
  if (Number(request.headers["content-length"]) > limit) {
    refuse();
    return promise;
  }
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    chunks.push(chunk);
    if (length > limit) refuse();
  });
  request.on("end", () => resolve(chunks.length === 1 ? chunks[0] : joined(chunks)));
  // The error is that of an aborted connection, and `close` follows it.
  request.on("error", () => {});
  request.on("close", () => {
    if (!request.complete) wipe(...chunks);
    resolve(undefined);
  });
  return promise;
}

/** The parts are wiped: plaintexts are in them. */
function joined(chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  wipe(...chunks);
  return body;
}
