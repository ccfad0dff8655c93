import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "../server/certificate.ts";

/** What the proxy does wrong, until it is told otherwise. */
export type Fault =
  /** Answers after `delay` milliseconds. */
  | { readonly kind: "slow"; readonly delay: number }
  /** Says that it is asked, and answers when `until` resolves. */
  | { readonly kind: "held"; readonly until: Promise<void>; asked(): void }
  | { readonly kind: "error"; readonly status: number; readonly errorName: string }
  /** 500 with a page of HTML. */
  | { readonly kind: "broken" }
  /** Of the ciphertext that Encrypt answers, one bit in the tag. */
  | { readonly kind: "wrong tag" }
  /** An authentic answer to Decrypt, of other bytes. */
  | { readonly kind: "wrong plaintext" }
  /** Closes the connection in place of the first answer to come. */
  | { readonly kind: "cut once" };

export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface ProxyRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, never>>;
}

/**
 * A small external key store proxy, written from the specification alone: HTTPS, Signature Version 4, AES-256-GCM under
 * keys of its own, and faults.
 */
export interface ProxyServer {
  readonly port: number;
  /** PEM of who signed its certificate, which is for localhost. */
  readonly ca: string;
  /** Those that it accepts. */
  readonly credentials: Credential[];
  /** External keys by id. */
  readonly keys: Map<string, { readonly key: Buffer; enabled: boolean; spec: string }>;
  readonly requests: ProxyRequest[];
  /** By the last part of the path: encrypt, decrypt, metadata, health; `all`. */
  readonly faults: Map<string, Fault>;
  health: string;
  close(): Promise<void>;
}

/** One of several: digits may follow the first part. */
export const prefix = "/strongroom/kms/xks/v1";

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, name: string) {
    super(name);
    this.status = status;
  }
}

export const newCredential = (): Credential => ({
  accessKeyId: `AKIA${"ABCDEFGHIJKLMNOP"}${randomBytes(2)
    .toString("hex")
    .toUpperCase()
    .replace(/[0189]/g, "7")}`,
  secretAccessKey: randomBytes(32).toString("base64"),
});

export async function startProxy(): Promise<ProxyServer> {
  const { key, cert } = await selfSigned();
  const proxy: Omit<ProxyServer, "port" | "close"> = {
    ca: cert,
    credentials: [],
    keys: new Map(),
    requests: [],
    faults: new Map(),
    health: "ACTIVE",
  };
  const server = createServer({ key, cert, minVersion: "TLSv1.2" }, (request, response) => {
    void serve(proxy, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

async function serve(proxy: Omit<ProxyServer, "port" | "close">, request: IncomingMessage, response: ServerResponse) {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const raw = Buffer.concat(parts);
  const path = request.url ?? "";
  const operation = path.split("/").at(-1) ?? "";
  const fault = proxy.faults.get(operation) ?? proxy.faults.get("all");
  const send = (status: number, answer: unknown) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  };
  if (fault?.kind === "slow") await new Promise((resolve) => setTimeout(resolve, fault.delay));
  if (fault?.kind === "held") {
    fault.asked();
    await fault.until;
  }
  if (fault?.kind === "broken") return send(500, "<html>out of order</html>");
  if (fault?.kind === "error") return send(fault.status, { errorName: fault.errorName });
  if (fault?.kind === "cut once") {
    proxy.faults.clear();
    return request.socket.destroy();
  }
  try {
    if (request.method !== "POST") throw new Refusal(405, "ValidationException");
    authenticate(proxy.credentials, request, raw);
    const [found] = /^\/strongroom\d*\/kms\/xks\/v1(?=\/)/.exec(path) ?? [];
    if (found === undefined) throw new Refusal(404, "InvalidUriPathException");
    const body = JSON.parse(raw.toString()) as ProxyRequest["body"];
    proxy.requests.push({ path, body });
    return send(200, answerOf(proxy, path.slice(found.length), body, fault));
  } catch (error) {
    const [status, errorName] = error instanceof Refusal ? [error.status, error.message] : [500, "InternalException"];
    return send(status, { errorName });
  }
}

function answerOf(
  proxy: Omit<ProxyServer, "port" | "close">,
  path: string,
  body: Readonly<Record<string, string>>,
  fault: Fault | undefined,
): unknown {
  if (path === "/health") {
    return {
      xksProxyFleetSize: 1,
      xksProxyVendor: "Acme",
      xksProxyModel: "Acme proxy 1",
      ekmVendor: "Acme",
      ekmFleetDetails: [{ id: "1", model: "Acme HSM", healthStatus: proxy.health }],
    };
  }
  const [, , id = "", operation] = path.split("/");
  const external = proxy.keys.get(id);
  if (!external) throw new Refusal(404, "KeyNotFoundException");
  if (operation === "metadata") {
    const keyStatus = external.enabled ? "ENABLED" : "DISABLED";
    return { keySpec: external.spec, keyUsage: ["ENCRYPT", "DECRYPT", "WRAP"], keyStatus };
  }
  if (!external.enabled) throw new Refusal(400, "InvalidStateException");
  if (body["encryptionAlgorithm"] !== "AES_GCM") throw new Refusal(400, "ValidationException");
  const octets = (name: string): Buffer => Buffer.from(body[name] ?? "", "base64");
  const aad = octets("additionalAuthenticatedData");
  if (aad.length > 8192) throw new Refusal(400, "ValidationException");
  if (operation === "encrypt") return encrypt(external.key, octets("plaintext"), aad, fault);
  if (operation !== "decrypt") throw new Refusal(404, "InvalidUriPathException");
  const metadata = octets("ciphertextMetadata");
  const decipher = createDecipheriv("aes-256-gcm", external.key, octets("initializationVector"));
  decipher.setAAD(boundAad(aad, metadata)).setAuthTag(octets("authenticationTag"));
  try {
    const plaintext = Buffer.concat([decipher.update(octets("ciphertext")), decipher.final()]);
    if (fault?.kind === "wrong plaintext") plaintext.fill(1);
    return { plaintext: plaintext.toString("base64") };
  } catch {
    throw new Refusal(400, "InvalidCiphertextException");
  }
}

function encrypt(key: Buffer, plaintext: Buffer, aad: Buffer, fault: Fault | undefined): unknown {
  if (plaintext.length > 4300) throw new Refusal(400, "ValidationException");
  const metadata = Buffer.from("version=1");
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(boundAad(aad, metadata));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const tag = cipher.getAuthTag();
  const whole = Buffer.concat([aad, metadata, iv, ciphertext, tag]);
  if (fault?.kind === "wrong tag") tag[0] = (tag[0] as number) ^ 1;
  return {
    ciphertext: ciphertext.toString("base64"),
    ciphertextMetadata: metadata.toString("base64"),
    initializationVector: iv.toString("base64"),
    authenticationTag: tag.toString("base64"),
    ciphertextDataIntegrityValue: createHash("sha256").update(whole).digest("base64"),
  };
}

/** u16 length ‖ AAD ‖ u8 length ‖ metadata, as the specification recommends. */
function boundAad(aad: Buffer, metadata: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(aad.length);
  return Buffer.concat([length, aad, Buffer.of(metadata.length), metadata]);
}

/** Appendix A of the specification. */
function authenticate(credentials: readonly Credential[], request: IncomingMessage, body: Buffer): void {
  const claim =
    /^AWS4-HMAC-SHA256 Credential=([A-Z2-7]{20,30})\/(\d{8})\/([a-z0-9-]+)\/kms-xks-proxy\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    );
  const [, id, date = "", region = "", signedHeaders = "", signature = ""] = claim ?? [];
  const credential = credentials.find(({ accessKeyId }) => accessKeyId === id);
  const timestamp = String(request.headers["x-amz-date"]);
  const names = signedHeaders.split(";");
  const refuse = () => new Refusal(401, "AuthenticationFailedException");
  if (!credential || !names.includes("host") || !names.includes("x-amz-date")) throw refuse();
  const time = Date.parse(timestamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(Date.now() - time) < 300_000) || !timestamp.startsWith(date)) throw refuse();
  const headers = names.map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join("");
  const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
  const canonical = ["POST", request.url, "", headers, signedHeaders, sha256(body)].join("\n");
  const scope = [date, region, "kms-xks-proxy", "aws4_request"];
  const text = ["AWS4-HMAC-SHA256", timestamp, scope.join("/"), sha256(canonical)].join("\n");
  const key = scope.reduce<string | Buffer>(
    (derived, part) => createHmac("sha256", derived).update(part).digest(),
    `AWS4${credential.secretAccessKey}`,
  );
  const expected = createHmac("sha256", key).update(text).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "hex"))) throw refuse();
}
