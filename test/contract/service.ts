import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { KMS } from "@aws-sdk/client-kms";
import { afterAll, afterEach } from "vitest";
import { type HsmChoice, placed } from "./hsms.ts";

export const checkout = fileURLToPath(new URL("../..", import.meta.url));

/** A `strongroom dev` of its own, as a user starts it. */
export interface Service {
  readonly home: string;
  readonly endpoint: string;
  readonly admin: string;
  readonly caFile: string;
  /** The variables of the printed `export` lines. */
  readonly environment: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
  /** Standard error so far. */
  log(): string;
  client(credentials?: { accessKeyId: string; secretAccessKey: string }, region?: string): KMS;
  /** A dev endpoint of the admin listener. */
  dev(path: "/dev/reset" | "/dev/clock", body?: object): Promise<Response>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export const temporaryHome = (): string => mkdtempSync(join(tmpdir(), "strongroom-test-"));
/** A process that ends now may write to its files meanwhile. */
export const removeHome = (home: string): void => rmSync(home, { recursive: true, force: true, maxRetries: 10 });

export async function startService(
  home: string,
  hsm: HsmChoice = "soft",
  extra: readonly string[] = [],
): Promise<Service> {
  const { options, inside } = await placed(home, hsm);
  const addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  return launch(home, ["dev", "--home", home, ...options, ...addresses, ...extra], inside);
}

const started: { readonly child: ChildProcess; readonly log: () => string }[] = [];
/** What a failed test has left running ends with its file. */
afterAll(() => {
  for (const { child } of started) child.kill("SIGKILL");
});
/** The end of what its services said, in characters. */
const told = 4000;
afterEach(({ task }) => {
  if (task.result?.state !== "fail") return;
  for (const { log } of started) if (log()) console.error(`a service's log:\n${log().slice(-told)}`);
});

/** `strongroom <command>`, whose CA's certificate is in `home`. `inside`: what stands before it. */
export async function launch(
  home: string,
  command: readonly string[],
  inside: readonly string[] = [],
): Promise<Service> {
  const [program, ...args] = [...inside, join(checkout, "scripts/strongroom"), ...command] as [string, ...string[]];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  started.push({ child, log: () => log });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const lines = await readUntilReady(child, exit, () => log);
  const value = (word: string): string => {
    const line = lines.find((text) => text.startsWith(`${word} `));
    if (!line) throw new Error(`no line "${word}" among:\n${lines.join("\n")}`);
    return line.slice(word.length + 1);
  };
  const environment = Object.fromEntries(
    lines.flatMap((line) => {
      const found = /^export (\w+)='?([^']*)'?$/.exec(line);
      return found ? [[found[1] as string, found[2] as string]] : [];
    }),
  );
  const [endpoint, admin] = [value("endpoint"), value("admin")];
  const caFile = join(home, "ca.pem");
  const kill = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return exit;
  };
  return {
    home,
    endpoint,
    admin,
    caFile,
    environment,
    process: child,
    log: () => log,
    kill,
    stop: () => kill("SIGTERM"),
    client: (credentials = administrator(home), region) => kmsClient(endpoint, caFile, credentials, region),
    dev: (path, body) =>
      fetch(`${admin}${path}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${readFileSync(join(home, "dev-token"), "utf8").trim()}` },
        body: JSON.stringify(body ?? {}),
      }),
  };
}

/** The administrator's access key, from the credentials file. */
export function administrator(home: string): { accessKeyId: string; secretAccessKey: string } {
  const text = readFileSync(join(home, "aws/credentials"), "utf8");
  const field = (name: string): string => new RegExp(`^${name}\\s*=\\s*(.+)$`, "m").exec(text)?.[1] as string;
  return { accessKeyId: field("aws_access_key_id"), secretAccessKey: field("aws_secret_access_key") };
}

export function kmsClient(
  endpoint: string,
  caFile: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
  region = "us-east-1",
): KMS {
  const ca = readFileSync(caFile);
  return new KMS({
    endpoint,
    region,
    credentials,
    maxAttempts: 1,
    requestHandler: { httpsAgent: { ca, keepAlive: true, maxSockets: 64 } },
  });
}

/** Waits for the end of what ConnectCustomKeyStore or DisconnectCustomKeyStore has begun, as scripts do. */
export async function settledStore(kms: KMS, CustomKeyStoreId: string): Promise<void> {
  for (;;) {
    const { CustomKeyStores: [store] = [] } = await kms.describeCustomKeyStores({ CustomKeyStoreId });
    if (!store?.ConnectionState?.endsWith("ING")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function readUntilReady(
  child: ChildProcess,
  exit: Promise<number | null>,
  log: () => string,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      lines.push(line);
      if (line.startsWith("ready ")) resolve();
    });
  });
  const gone = exit.then((code) => {
    throw new Error(`the service ended with ${code} before it was ready:\n${log()}`);
  });
  await Promise.race([ready, gone]);
  return lines;
}
