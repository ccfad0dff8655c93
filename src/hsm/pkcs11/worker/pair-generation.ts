import { HsmError } from "../../../base/errors.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import { CryptokiError } from "../cryptoki/cryptoki.ts";
import { generationOf } from "../keys/private-key.ts";
import { publicKeyOf } from "../keys/public-key.ts";
import type { TestedKey } from "../profile/pair-test.ts";
import type { OpenToken } from "./service.ts";

/**
 * Gives `use` the private key of a new pair, which may be moved and goes afterwards. A length that the token makes no keys
 * of after all is no fault of this worker, which another one would not meet.
 */
export async function generated<Answer>(
  { token, keys, domain }: OpenToken,
  meta: Pick<HbkMeta, "spec" | "usage">,
  use: (key: TestedKey) => Answer,
): Promise<Answer> {
  const { spec } = meta;
  const { mechanism, publicKey, privateKey } = generationOf(meta);
  try {
    return await token.withKeyPair(mechanism, publicKey, privateKey, (pair) => {
      token.restrict(pair.privateKey, privateKey);
      return use({ handle: pair.privateKey, spki: publicKeyOf(token, pair.publicKey, spec), spec });
    });
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    keys.probe(domain.active());
    throw new HsmError("internal", `the token works, and makes no ${spec} keys: ${error.message}`, { cause: error });
  }
}
