import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";

export interface Reply {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A TLS connection to `url` on which octets are written as they are. */
export async function dial(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, ...options }, () =>
    resolve(socket),
  );
  socket.on("error", reject);
  return promise;
}

/** Everything until the server closes. */
export async function drain(socket: TLSSocket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on("close", () => resolve(text));
  return promise;
}

/** One answer with a Content-Length; the connection stays. Rejects when the server closes without one. */
export async function readReply(socket: TLSSocket): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  let text = "";
  const onData = (chunk: Buffer): void => {
    text += chunk.toString("latin1");
    const reply = parseReply(text);
    if (!reply) return;
    socket.off("data", onData);
    resolve(reply);
  };
  socket.on("data", onData);
  socket.once("close", () => reject(new Error(`closed after: ${text}`)));
  return promise;
}

export function parseReply(text: string): Reply | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const body = text.slice(end + 4);
  const length = Number(headers["content-length"]);
  return body.length < length
    ? undefined
    : { status: Number(statusLine.split(" ")[1]), headers, body: body.slice(0, length) };
}

export const requestText = (
  headers: readonly (readonly [string, string])[],
  body = "{}",
  line = "POST / HTTP/1.1",
): string =>
  `${line}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
