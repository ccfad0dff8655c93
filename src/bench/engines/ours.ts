import { randomBytes } from "node:crypto";
import type { Bytes } from "../../base/bytes.ts";
import type { Boundary } from "../../engine/boundary.ts";
import type { Engine } from "../../engine/engine.ts";
import { selfTest } from "../../engine/self-test.ts";
import { openWith } from "../../engine/wasm/engine.ts";
import { type Build, compileBuild } from "../../engine/wasm/module.ts";
import { ektHead, ektSuites } from "../../model/ekt.ts";
import type { Contender } from "./contender.ts";

/** Throws where the module is not built, or this Node does not take it. */
export const openWasm = async (build: Build): Promise<Engine> => openWith(await compileBuild(build));

/** An engine that has passed its self-tests; each answer is a new array. */
export function contenderOf(name: string, engine: Engine): Contender {
  selfTest(engine);
  return { name, asynchronous: false, benches: { ...calls(engine, () => undefined), ...fused(engine) } };
}

/** The same without a result to allocate: each answer is in the buffer of the one before it. */
export const givenBuffer = (name: string, engine: Engine): Contender => ({
  name: `${name}, given buffer`,
  asynchronous: false,
  benches: calls(engine, (length) => new Uint8Array(length)),
});

const messagesPerRun = 32;
const longestOfMany = 4096;

/** Many messages in one call; each run answers the last of them. */
export const manyAtOnce = (name: string, engine: Engine): Contender => ({
  name: `${name}, ${messagesPerRun} a call`,
  asynchronous: false,
  messagesPerRun,
  benches: {
    "kms-encrypt": ({ hbk, plaintext, ...rest }) => {
      if (plaintext.length > longestOfMany) return undefined;
      const deriver = engine.deriver(hbk);
      const messages = new Array(messagesPerRun).fill({ ...rest, text: plaintext });
      return () => deriver.sealEach(messages).at(-1) as Bytes;
    },
    "kms-decrypt": ({ hbk, sealedByDerived, ...rest }) => {
      if (sealedByDerived.length > longestOfMany + 16) return undefined;
      const deriver = engine.deriver(hbk);
      const messages = new Array(messagesPerRun).fill({ ...rest, text: sealedByDerived });
      return () => deriver.openEach(messages).at(-1) as Bytes;
    },
  },
});

const calls = (engine: Engine, buffer: (length: number) => Bytes | undefined): Contender["benches"] => ({
  "kms-encrypt": ({ hbk, fixedInput, iv, aad, plaintext, sealed }) => {
    const deriver = engine.deriver(hbk);
    const out = buffer(sealed.length);
    return () => deriver.seal(fixedInput, iv, aad, plaintext, out);
  },
  "kms-decrypt": ({ hbk, fixedInput, iv, aad, plaintext, sealedByDerived }) => {
    const deriver = engine.deriver(hbk);
    const out = buffer(plaintext.length);
    return () => deriver.open(fixedInput, iv, aad, sealedByDerived, out) as Bytes;
  },
  "gcm-seal": ({ key, iv, aad, plaintext, sealed }) => {
    const out = buffer(sealed.length);
    return () => engine.gcmSeal(key, iv, aad, plaintext, out);
  },
  "gcm-open": ({ key, iv, aad, plaintext, sealed }) => {
    const out = buffer(plaintext.length);
    return () => engine.gcmOpen(key, iv, aad, sealed, out) as Bytes;
  },
});

export function fused(engine: Engine): Contender["benches"] {
  return {
    "fused-encrypt": ({ aad, plaintext }) => {
      const boundary = engine.boundary();
      const key = newKey(boundary);
      return () => boundary.encrypt(key, aad, plaintext);
    },
  };
}

/** A token in a boundary that has nothing in it yet. */
export function newKey(boundary: Boundary): Bytes {
  const id = randomBytes(16);
  boundary.setRoot(randomBytes(32));
  boundary.generateDomainKey(id);
  const head = ektHead(ektSuites.gcm, id, undefined, {
    kind: "kms-symmetric",
    spec: "SYMMETRIC_DEFAULT",
    usage: "ENCRYPT_DECRYPT",
    origin: "AWS_KMS",
    account: "111122223333",
    region: "us-east-1",
    keyId: randomBytes(16),
  });
  return boundary.generate(head, 32);
}
