import { connect, type TLSSocket } from "node:tls";

/** Where a contender listens, on 127.0.0.1. */
export interface Endpoint {
  readonly port: number;
  /** PEM of the CA that its certificate is under. */
  readonly ca: string;
}

/**
 * Keep-alive connections, each with one request in flight. Written to cost little beside the server. Open for a while
 * only: a server closes what is idle.
 */
export class Load {
  readonly #connections: readonly Connection[];

  private constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  static async open(endpoint: Endpoint, connections: number): Promise<Load> {
    return new Load(await Promise.all(Array.from({ length: connections }, () => Connection.open(endpoint))));
  }

  /**
   * Sends `requests` in turn and over again for as long as `more` says so, each connection its next one when its last is
   * answered. Resolves to the number of answers; rejects when one is not 200.
   */
  async run(
    requests: readonly string[],
    more: (sent: number) => boolean,
    seen: (body: string) => void = () => undefined,
  ): Promise<number> {
    let sent = 0;
    const next = (): string | undefined => (more(sent) ? requests[sent++ % requests.length] : undefined);
    await Promise.all(this.#connections.map((connection) => connection.run(next, seen)));
    return sent;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

class Connection {
  readonly #socket: TLSSocket;
  #received = "";
  #answered: (status: number, body: string) => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.setNoDelay();
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", (error) => this.#failed(error));
    socket.on("close", () => this.#failed(new Error("the server has closed a connection")));
  }

  static async open({ port, ca }: Endpoint): Promise<Connection> {
    const socket = connect({ host: "127.0.0.1", port, ca, ALPNProtocols: ["http/1.1"] });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("secureConnect", resolve).once("error", reject);
    await promise;
    return new Connection(socket);
  }

  /** Sends what `next` gives, one at a time, until it gives no more. */
  run(next: () => string | undefined, seen: (body: string) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const step = (): void => {
      const request = next();
      if (request === undefined) resolve();
      else this.#socket.write(request, "latin1");
    };
    this.#failed = reject;
    this.#answered = (status, body) => {
      if (status !== 200) return reject(new Error(`answered ${status}: ${body}`));
      seen(body);
      step();
    };
    step();
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Both contenders say the length of every body. */
  #receive(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf("\r\n\r\n");
    if (end === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1]);
    const body = this.#received.slice(end + 4);
    if (body.length < length) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = "";
    this.#answered(status, body);
  }
}
