import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TLSSocket, TlsOptions } from "node:tls";
import { ByteReader, type Bytes } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { Caller } from "../kms/caller.ts";

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface TlsIdentity {
  /** PEM. */
  readonly key: string | Buffer;
  /** PEM, the leaf first. */
  readonly cert: string | Buffer;
  /** 1.3 where absent; 1.2, with ECDHE and AES-256-GCM alone, is for clients that have nothing newer. */
  readonly minVersion?: TlsVersion | undefined;
}

/** The code points of the IANA registry "TLS Supported Groups" that are served, by OpenSSL's names, hybrids first. */
const groups = new Map([
  [0x11ec, "X25519MLKEM768"],
  [0x11eb, "SecP256r1MLKEM768"],
  [0x11ed, "SecP384r1MLKEM1024"],
  [0x001d, "x25519"],
  [0x0017, "secp256r1"],
  [0x0018, "secp384r1"],
]);

const ciphersOf12 = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

/**
 * AES-256-GCM alone: every TLS 1.3 stack that SDKs use has it, so a second suite would be one more to answer for.
 * OpenSSL has the hybrids with NIST curves, but not in its default list: groups must be named.
 * ConfigError where certificate and key are none, or do not go together: every handshake would fail.
 */
export function tlsOptions({ key, cert, minVersion = "TLSv1.3" }: TlsIdentity): TlsOptions {
  if (!certificateOf(cert).checkPrivateKey(privateKeyOf(key))) {
    throw new ConfigError("the key of tls is not that of its certificate: the server's own comes first in that file");
  }
  return {
    key,
    cert,
    minVersion,
    ciphers: `TLS_AES_256_GCM_SHA384${minVersion === "TLSv1.2" ? `:${ciphersOf12}` : ""}`,
    ecdhCurve: [...groups.values()].join(":"),
    honorCipherOrder: true,
    ALPNProtocols: ["http/1.1"],
  };
}

function certificateOf(pem: string | Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new ConfigError("the certificate of tls is none in PEM", { cause });
  }
}

function privateKeyOf(pem: string | Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new ConfigError("the key of tls is no private key in PEM without a passphrase", { cause });
  }
}

export type TlsDetails = NonNullable<Caller["tls"]>;

export function tlsDetails(socket: TLSSocket): Omit<TlsDetails, "clientProvidedHostHeader"> {
  return {
    tlsVersion: socket.getProtocol() ?? "unknown",
    cipherSuite: socket.getCipher().standardName,
    keyExchange: keyExchange(socket),
  };
}

/** On the server's side `getEphemeralKeyInfo` answers null; the group is a member of the session. */
function keyExchange(socket: TLSSocket): string {
  const session = socket.getSession();
  if (!session) return "unknown";
  const group = groupOfSession(session);
  // It holds the resumption secret.
  wipe(session);
  return (group !== undefined && groups.get(group)) || "unknown";
}

/** `kex_group [19] EXPLICIT UINT32` of OpenSSL's SSL_SESSION_ASN1 (ssl/ssl_asn1.c). */
function groupOfSession(der: Bytes): number | undefined {
  const fields = new ByteReader(readTlv(new ByteReader(der)).value);
  while (fields.remaining > 0) {
    const { tag, value } = readTlv(fields);
    if (tag === 0xb3) return readTlv(new ByteReader(value)).value.reduce((number, octet) => number * 256 + octet, 0);
  }
  return undefined;
}

/** Definite lengths up to 65,535 (X.690 §8.1.3). */
function readTlv(reader: ByteReader): { tag: number; value: Bytes } {
  const tag = reader.uint8();
  const first = reader.uint8();
  const length = first < 0x80 ? first : first === 0x81 ? reader.uint8() : reader.uint16();
  return { tag, value: reader.take(length) };
}
