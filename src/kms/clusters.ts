import { randomBytes, scrypt, timingSafeEqual, X509Certificate } from "node:crypto";
import { promisify } from "node:util";
import { type Bytes, base64, fromBase64, utf8 } from "../base/bytes.ts";
import { ConfigError, KmsError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import type { Member } from "../hsm/member.ts";
import { readSecret } from "../hsm/secret-reference.ts";
import type { ClusterConnection, ConnectionErrorCode, CustomKeyStore } from "../model/custom-key-store.ts";
import type { Cluster, Clusters as Configured } from "./key-store-config.ts";

/** HSMs of the configuration as AWS CloudHSM clusters: what keys are made in them stays there. */
export class Clusters {
  readonly #hsms: HsmSet;
  readonly #configured: Configured;

  /** ConfigError: a cluster names an HSM that there is not, or one whose keys do not stay in it. */
  constructor(hsms: HsmSet, configured: Configured) {
    for (const [id, { hsm }] of Object.entries(configured)) {
      const member = hsms.named(hsm);
      if (!member) throw new ConfigError(`keyStores: ${id} names the HSM ${hsm}, which is not configured`);
      if (member.configured.replicaOf !== undefined) {
        throw new ConfigError(
          `keyStores: ${id} names the HSM ${hsm}, whose keys are copied to the one it is a replica of`,
        );
      }
    }
    this.#hsms = hsms;
    this.#configured = configured;
  }

  /** Throws unless the cluster is there, is that of the trust anchor, and serves. */
  async check(id: string, trustAnchor: string, others: readonly CustomKeyStore[]): Promise<void> {
    const cluster = this.#named(id);
    const hsm = this.#memberOf(cluster);
    if (others.some((other) => other.cluster && this.memberOf(other.cluster.id) === hsm)) {
      throw new KmsError("CloudHsmClusterInUseException", "cluster");
    }
    if (!sameCertificate(cluster.trustAnchor, trustAnchor)) {
      throw new KmsError("IncorrectTrustAnchorException", "certificate");
    }
    if (!(await hsm.health()).ok) throw new KmsError("CloudHsmClusterNotActiveException", "cluster");
  }

  /** CloudHsmClusterNotRelatedException unless both are clones of one cluster: they have its certificate in common. */
  checkRelated(id: string, { trustAnchor }: ClusterConnection): void {
    if (!sameCertificate(this.#named(id).trustAnchor, trustAnchor)) {
      throw new KmsError("CloudHsmClusterNotRelatedException", "cluster");
    }
  }

  async connect({ id, password }: ClusterConnection): Promise<ConnectionErrorCode | undefined> {
    const cluster = Object.hasOwn(this.#configured, id) ? this.#configured[id] : undefined;
    if (!cluster) return "CLUSTER_NOT_FOUND";
    if (!(await isPassword(cluster.password, password))) return "INVALID_CREDENTIALS";
    return (await this.#memberOf(cluster).health()).ok ? undefined : "INSUFFICIENT_CLOUDHSM_HSMS";
  }

  /** undefined: the configuration lacks the cluster by now. */
  memberOf(id: string): Member | undefined {
    return Object.hasOwn(this.#configured, id) ? this.#memberOf(this.#configured[id] as Cluster) : undefined;
  }

  #memberOf({ hsm }: Cluster): Member {
    return this.#hsms.named(hsm) as Member;
  }

  #named(id: string): Cluster {
    if (Object.hasOwn(this.#configured, id)) return this.#configured[id] as Cluster;
    throw new KmsError("CloudHsmClusterNotFoundException", "cluster");
  }
}

/** What is kept of a password: enough to know it again when the store is connected. */
export async function hashPassword(password: string): Promise<ClusterConnection["password"]> {
  const salt = randomBytes(16);
  return { salt: base64(salt), hash: base64(await derive(password, salt, 32)) };
}

async function isPassword(reference: string, { salt, hash }: ClusterConnection["password"]): Promise<boolean> {
  const configured = readSecret(reference);
  try {
    return timingSafeEqual(await derive(configured, decode(salt), 32), decode(hash));
  } finally {
    wipe(configured);
  }
}

const derive = promisify<string | Bytes, Bytes, number, Buffer>(scrypt);

const decode = (text: string): Bytes => fromBase64(text) as Bytes;

function sameCertificate(ours: string, theirs: string): boolean {
  try {
    return new X509Certificate(ours).raw.equals(new X509Certificate(utf8(theirs)).raw);
  } catch {
    // Not a certificate at all.
    return false;
  }
}
