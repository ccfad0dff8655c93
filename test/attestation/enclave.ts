import "reflect-metadata";
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { encode } from "cborg";

export const { Extension, KeyUsageFlags } = x509;

x509.cryptoProvider.set(webcrypto as Crypto);
const p384 = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" } as const;
const hour = 3_600_000;

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface IssueOptions {
  readonly issuer?: Authority;
  readonly isCa?: boolean;
  readonly pathLength?: number;
  readonly usage?: x509.KeyUsageFlags;
  readonly until?: number;
  readonly more?: readonly x509.Extension[];
}

/** One certificate of a test's own Nitro PKI. */
export async function issue(name: string, options: IssueOptions = {}): Promise<Authority> {
  const { issuer, isCa = true, pathLength, until = Date.now() + hour, more = [] } = options;
  const keys = (await webcrypto.subtle.generateKey(p384, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const usage = options.usage ?? (isCa ? x509.KeyUsageFlags.keyCertSign : x509.KeyUsageFlags.digitalSignature);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(8).toString("hex"),
    subject: `CN=${name}`,
    issuer: issuer?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(Date.now() - 2 * hour),
    notAfter: new Date(until),
    signingAlgorithm: p384,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(isCa, pathLength, true),
      new x509.KeyUsagesExtension(usage, true),
      ...more,
    ],
  });
  return { certificate, keys };
}

export interface Pki {
  readonly roots: string;
  readonly bundle: readonly Uint8Array[];
  readonly signer: Authority;
}

/** A root, an intermediate CA, and the certificate of a hypervisor. */
export async function newPki(options: { ca?: IssueOptions; signer?: IssueOptions } = {}): Promise<Pki> {
  const root = await issue("test.nitro-enclaves");
  const ca = await issue("zone.test.nitro-enclaves", { issuer: root, ...options.ca });
  const signer = await issue("i-0123456789abcdef0", { issuer: ca, isCa: false, ...options.signer });
  return { roots: root.certificate.toString("pem"), bundle: [der(root), der(ca)], signer };
}

export const der = ({ certificate }: Authority): Uint8Array => new Uint8Array(certificate.rawData);

/** An enclave with a key pair of its own. */
export class Enclave {
  readonly #pki: Pki;
  readonly keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  readonly pcr0 = randomBytes(48);

  constructor(pki: Pki) {
    this.#pki = pki;
  }

  get privatePem(): string {
    return this.keys.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  }

  members(): Map<string, unknown> {
    return new Map<string, unknown>([
      ["module_id", "i-0123456789abcdef0-enc0123456789abcdef"],
      ["digest", "SHA384"],
      ["timestamp", Date.now()],
      ["pcrs", new Map([this.pcr0, randomBytes(48), Buffer.alloc(48)].map((value, i) => [i, new Uint8Array(value)]))],
      ["certificate", der(this.#pki.signer)],
      ["cabundle", this.#pki.bundle],
      ["public_key", new Uint8Array(this.keys.publicKey.export({ type: "spki", format: "der" }))],
      ["user_data", null],
      ["nonce", null],
    ]);
  }

  /** A signed document that says `members`. */
  async document(members: ReadonlyMap<string, unknown> = this.members()): Promise<Uint8Array> {
    return coseSign1(encode(members), await privateKeyOf(this.#pki.signer));
  }
}

export async function privateKeyOf({ keys }: Authority): Promise<KeyObject> {
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
}

/** RFC 9052 §4.2, ES384. */
export function coseSign1(payload: Uint8Array, key: KeyObject, algorithm = -35): Uint8Array {
  const header = encode(new Map([[1, algorithm]]));
  const signed = encode(["Signature1", header, new Uint8Array(), payload]);
  const signature = new Uint8Array(sign("sha384", signed, { key, dsaEncoding: "ieee-p1363" }));
  return encode([header, new Map(), payload, signature]);
}
