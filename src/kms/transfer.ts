import { type Bytes, equalBytes } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import type { HsmAdmin, TransportKey } from "../hsm/admin.ts";
import type { ConfiguredHsm } from "../hsm/config.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import type { Ekt } from "../hsm/hsm.ts";
import { openHsmAdmin } from "../hsm/index.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { keyArn, uuidOf } from "../model/arn.ts";
import { parseEkt } from "../model/ekt.ts";
import type { HbkMeta } from "../model/hbk.ts";
import { domainKeyOf } from "./records.ts";

/** An HSM that material leaves. */
export class Source {
  readonly configured: Pick<ConfiguredHsm, "name" | "hsm">;
  readonly admin: HsmAdmin;
  readonly #domainKeys: ReadonlySet<DomainKeyId>;

  private constructor(configured: Source["configured"], admin: HsmAdmin, domainKeys: ReadonlySet<DomainKeyId>) {
    this.configured = configured;
    this.admin = admin;
    this.#domainKeys = domainKeys;
  }

  static async open(configured: Source["configured"]): Promise<Source> {
    const admin = await openHsmAdmin(configured.hsm);
    try {
      return new Source(configured, admin, new Set((await admin.domainKeys()).map(({ id }) => id)));
    } catch (error) {
      await admin.close();
      throw error;
    }
  }

  holds(ekt: Ekt): boolean {
    return this.#domainKeys.has(domainKeyOf(ekt));
  }

  close(): Promise<void> {
    return this.admin.close();
  }
}

/** The material of an HBK, by whichever of `sources` holds one of its tokens; a string says why it does not leave. */
export async function exported(
  sources: readonly Source[],
  tokens: Tokens,
  target: TransportKey,
): Promise<Bytes | string> {
  let reason = "no HSM that answers holds its domain key";
  for (const ekt of tokens) {
    const source = sources.find((candidate) => candidate.holds(ekt));
    if (!source) continue;
    try {
      return await source.admin.exportTo(ekt, target);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      reason = error.message;
    }
  }
  return reason;
}

/** What an HSM will not do with one key, however often it is asked; anything else is a fault. */
export const isRefusal = (error: unknown): error is HsmError =>
  error instanceof HsmError && (error.kind === "refused" || error.kind === "unsupported");

/** What people call a key: its ARN, or what it is for and its id. */
export function nameOf(ekt: Ekt): string {
  const { kind, account, region, keyId }: HbkMeta = parseEkt(ekt).meta;
  return kind.startsWith("kms-") ? keyArn(region, account, uuidOf(keyId)) : `${kind} key ${uuidOf(keyId)}`;
}

export const sameHbk = (a: Ekt, b: Ekt): boolean => equalBytes(parseEkt(a).hbkId, parseEkt(b).hbkId);
