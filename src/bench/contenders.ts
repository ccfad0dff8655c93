import { type ChildProcess, fork, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import type { BareSettings } from "./bare-server.ts";
import { Load } from "./load.ts";
import { type Signer, signedRequest } from "./signed-request.ts";

/** A server in a process of its own, under load. */
export interface Contender {
  readonly name: string;
  /** What the others are held against. */
  readonly isBare: boolean;
  readonly pid: number;
  connect(connections: number): Promise<Load>;
  /** A request that is signed for this server now. */
  request(operation: string, body: object): string;
  stop(): Promise<void>;
}

/** Of our programs, compiled or not. */
const extension = extname(import.meta.url);

/** Node's flags are this process's own: those that scripts/strongroom starts the service with. */
const node = (program: string): readonly string[] => [...process.execArgv, join(import.meta.dirname, program)];

const newSigner = (): Signer => ({
  accessKeyId: `AKIA${randomBytes(8).toHex().toUpperCase()}`,
  secretAccessKey: randomBytes(20).toHex(),
});

/** `strongroom dev` with a new home in `folder`. */
export async function startService(hsm: string, folder: string): Promise<Contender> {
  const home = join(folder, hsm);
  const signer = newSigner();
  const secret = "STRONGROOM_BENCH_SECRET_ACCESS_KEY";
  const options = [
    ...["--home", home, "--hsm", hsm, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
    ...["--access-key-id", signer.accessKeyId, "--secret-access-key", `env:${secret}`],
  ];
  const child = spawn(process.execPath, [...node(`../main${extension}`), "dev", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, [secret]: signer.secretAccessKey },
  });
  const port = await started(child, readyPort(child));
  return contender({ name: `strongroom ${hsm}`, isBare: false, child, port, ca: join(home, "ca.pem"), signer });
}

/** A handler of node:https that answers what it is given, with the certificate of the service in `folder`. */
export async function startBare(answers: BareSettings["answers"], folder: string): Promise<Contender> {
  const home = join(folder, "soft");
  const child = fork(join(import.meta.dirname, `bare-server${extension}`));
  const settings = { key: join(home, "tls/server-key.pem"), cert: join(home, "tls/server.pem"), answers };
  child.send(settings satisfies BareSettings);
  const port = await started(
    child,
    once(child, "message").then(([port]) => port as number),
  );
  const name = "bare node:https";
  return contender({ name, isBare: true, child, port, ca: join(home, "ca.pem"), signer: newSigner() });
}

/** Ends with this process at the latest, and before its folder is removed. */
function started<T>(child: ChildProcess, ready: Promise<T>): Promise<T> {
  process.prependOnceListener("exit", () => child.kill("SIGKILL"));
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`a server ended with ${code} before it was ready`);
  });
  return Promise.race([ready, gone]);
}

async function readyPort(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (line.startsWith("ready ")) return Number(new URL(line.slice("ready ".length)).port);
  }
  return new Promise(() => undefined);
}

interface Parts {
  readonly name: string;
  readonly isBare: boolean;
  readonly child: ChildProcess;
  readonly port: number;
  /** A file. */
  readonly ca: string;
  readonly signer: Signer;
}

function contender({ name, isBare, child, port, ca, signer }: Parts): Contender {
  const endpoint = { port, ca: readFileSync(ca, "utf8") };
  return {
    name,
    isBare,
    pid: child.pid as number,
    connect: (connections) => Load.open(endpoint, connections),
    request: (operation, body) => signedRequest(`127.0.0.1:${port}`, operation, JSON.stringify(body), signer),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill();
      await exit;
    },
  };
}

/** The body of the answer to one request. */
export async function ask(contender: Contender, operation: string, body: object): Promise<string> {
  const load = await contender.connect(1);
  let answer = "";
  await load.run(
    [contender.request(operation, body)],
    (sent) => sent === 0,
    (body) => {
      answer = body;
    },
  );
  load.close();
  return answer;
}
