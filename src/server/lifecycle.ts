import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ConfigError } from "../base/errors.ts";
import { describeFailure, type ServerLog } from "./log.ts";

export interface Listener {
  /** With the port that was bound, when port 0 was asked for. */
  readonly url: string;
  /**
   * Stops accepting, closes idle connections, and resolves when the requests in flight are answered. What is left after
   * `deadline` milliseconds is cut off.
   */
  close(deadline: number): Promise<void>;
}

export interface StartOptions {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly maxConnections: number;
  readonly log: ServerLog;
}

/** Starts `server`. ConfigError when the address cannot be had; later failures are logged. */
export async function start(
  server: Server,
  { scheme, host, port, maxConnections, log }: StartOptions,
): Promise<Listener> {
  server.maxConnections = maxConnections;
  // The connections that Node lists as a server's lack those in the TLS handshake.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const unbound = (cause: Error) => reject(new ConfigError(`cannot listen on ${authority(host, port)}`, { cause }));
  server.once("error", unbound);
  server.listen(port, host, resolve);
  await promise;
  server.off("error", unbound);
  // Out of file descriptors, for one: without a listener this would end the process.
  server.on("error", (error) => log.write("failure", describeFailure(error)));
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `${scheme}://${authority(host, bound)}`,
    close: (deadline) => stop(server, sockets, deadline),
  };
}

const authority = (host: string, port: number): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

async function stop(server: Server, sockets: ReadonlySet<Socket>, deadline: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, deadline);
  await promise;
  clearTimeout(timer);
}
