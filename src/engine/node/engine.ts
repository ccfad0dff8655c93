import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from "node:crypto";
import { type Bytes, concat, uint32 } from "../../base/bytes.ts";
import type { Boundary } from "../boundary.ts";
import { KeyDeriver } from "../deriver.ts";
import type { Deriver, Drbg, Engine } from "../engine.ts";
import { assertLength, keyLength, sm4KeyLength } from "../lengths.ts";
import { NodeBoundary } from "./boundary.ts";
import { CtrDrbg } from "./drbg.ts";
import { NodeGcm } from "./gcm.ts";
import { taken } from "./taken.ts";

const aesGcm = new NodeGcm("aes-256-gcm", keyLength);
const sm4Gcm = new NodeGcm("sm4-gcm", sm4KeyLength);
const longestWrapped = 8192;
/** The alternative initial value of KWP: SP 800-38F §6.3, ICV2. */
const kwpIv = Uint8Array.of(0xa6, 0x59, 0x59, 0xa6);

/**
 * The reference: every primitive as node:crypto (OpenSSL) has it, written to be read and to check the other engine
 * against. Keys live in JavaScript memory made by `secret` and wiped after use; OpenSSL cleanses its own copies when its
 * contexts are collected, which is not at once. Where keys should stay inside a wall of their own, use the wasm engine.
 */
class NodeEngine implements Engine {
  readonly name = "node";
  readonly sm4 = sm4Gcm.isThere ? sm4Gcm : undefined;

  sha256(message: Bytes): Bytes {
    return taken(createHash("sha256").update(message).digest());
  }

  hmacSha256(key: Bytes, message: Bytes): Bytes {
    return taken(createHmac("sha256", key).update(message).digest());
  }

  kbkdf(key: Bytes, fixedInput: Bytes): Bytes {
    const counter = uint32(1);
    return taken(createHmac("sha256", key).update(counter).update(fixedInput).digest());
  }

  gcmSeal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, out?: Bytes): Bytes {
    return aesGcm.seal(key, iv, aad, plaintext, out);
  }

  gcmOpen(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null {
    return aesGcm.open(key, iv, aad, sealed, out);
  }

  deriver(hbk: Bytes): Deriver {
    return new KeyDeriver(this, hbk);
  }

  kwpWrap(kek: Bytes, material: Bytes): Bytes {
    assertLength(kek, keyLength);
    if (material.length < 1 || material.length > longestWrapped) throw new RangeError("material length");
    const cipher = createCipheriv("id-aes256-wrap-pad", kek, kwpIv);
    return concat(cipher.update(material), cipher.final());
  }

  kwpUnwrap(kek: Bytes, wrapped: Bytes): Bytes | null {
    assertLength(kek, keyLength);
    if (wrapped.length < 16 || wrapped.length > longestWrapped + 8 || wrapped.length % 8 !== 0) return null;
    const decipher = createDecipheriv("id-aes256-wrap-pad", kek, kwpIv);
    try {
      return taken(decipher.update(wrapped));
    } catch {
      return null;
    }
  }

  equal(a: Bytes, b: Bytes): boolean {
    return a.length === b.length && timingSafeEqual(a, b);
  }

  drbg(entropy: Bytes, personalization: Bytes): Drbg {
    return new CtrDrbg(entropy, personalization);
  }

  boundary(): Boundary {
    return new NodeBoundary(this);
  }
}

export const open = async (): Promise<Engine> => new NodeEngine();
