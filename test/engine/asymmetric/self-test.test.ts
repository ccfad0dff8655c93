import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Bytes } from "../../../src/base/bytes.ts";
import { Asymmetric } from "../../../src/engine/asymmetric/asymmetric.ts";
import { openAsymmetric, tested } from "../../../src/engine/asymmetric/self-test.ts";
import type { EncryptionAlgorithm, MessageType, SigningAlgorithm } from "../../../src/model/key-spec.ts";

const failing = (primitive: string) =>
  expect.objectContaining({ name: "HsmError", kind: "internal", message: `the self-test of ${primitive} fails` });

it("what works passes, once a process, with the native engine and without", async () => {
  expect(await openAsymmetric()).toBe(await openAsymmetric());
  await tested(new Asymmetric(null));
});

it("a digest that is hashed again is found", async () => {
  class Hashing extends Asymmetric {
    override sign(algorithm: SigningAlgorithm, pkcs8: Bytes, message: Bytes, type: MessageType): Promise<Bytes> {
      if (type !== "DIGEST") return super.sign(algorithm, pkcs8, message, type);
      return super.sign(algorithm, pkcs8, createHash("sha256").update(message).digest(), type);
    }
  }
  await expect(tested(new Hashing())).rejects.toThrow(failing("the ECDSA of a digest"));
});

it("a verification that takes anything is found", async () => {
  class Credulous extends Asymmetric {
    override async verify(): Promise<boolean> {
      return true;
    }
  }
  await expect(tested(new Credulous())).rejects.toThrow(failing("ECDSA"));
});

it("a wrong signature, and a plaintext that is another, are found", async () => {
  class Wrong extends Asymmetric {
    override async sign(): Promise<Bytes> {
      return new Uint8Array(256);
    }
  }
  class Other extends Asymmetric {
    override decrypt(algorithm: EncryptionAlgorithm, pkcs8: Bytes, ciphertext: Bytes): Bytes | null {
      return super.decrypt(algorithm, pkcs8, ciphertext)?.with(0, 0) ?? null;
    }
  }
  for (const wrong of [new Wrong(), new Other()]) await expect(tested(wrong)).rejects.toThrow(failing("RSA"));
});
