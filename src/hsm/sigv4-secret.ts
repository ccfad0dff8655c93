import type { Bytes } from "../base/bytes.ts";
import { secret as secretBytes, wipe } from "../base/secret.ts";
import type { Ekt, Hsm } from "./hsm.ts";

/**
 * A secret access key as a key token. SigV4 begins its derivation with HMAC("AWS4" ‖ secret, date): the HSM holds that key,
 * and the host never again.
 */
export async function importSigV4Secret(hsm: Hsm, account: string, secret: string): Promise<Ekt> {
  const material: Bytes = secretBytes(4 + secret.length);
  new TextEncoder().encodeInto(`AWS4${secret}`, material);
  const keyId = await hsm.random(16);
  const meta = { kind: "sigv4", spec: "HMAC_256", usage: "INTERNAL", origin: "AWS_KMS", region: "local" } as const;
  try {
    return await hsm.importKey({ ...meta, account, keyId }, material);
  } finally {
    wipe(material);
  }
}
