import { expect, it } from "vitest";
import { EntropySource } from "../../../src/engine/entropy.ts";
import { WasmBoundary } from "../../../src/engine/wasm/boundary.ts";
import { Core } from "../../../src/engine/wasm/core.ts";
import { compileBuild } from "../../../src/engine/wasm/module.ts";
import { aad, domainKeyId, fault, root, symmetricKey } from "../../conformance/boundary-fixture.ts";

it("a boundary whose entropy fails forgets all keys and serves nothing any more", async () => {
  const module = await compileBuild("strict");
  const core = new Core(module);
  const entropy = new EntropySource();
  const boundary = new WasmBoundary(core, entropy);
  boundary.setRoot(root);
  boundary.generateDomainKey(domainKeyId);
  const ekt = symmetricKey(boundary);
  const ciphertext = boundary.encrypt(ekt, aad, aad);

  entropy.close();
  expect(() => boundary.encrypt(ekt, aad, aad)).toThrow(fault);
  expect(() => boundary.decrypt(ekt, aad, ciphertext)).toThrow(fault);
  expect(() => boundary.random(16)).toThrow(fault);
  expect(core.memory).toEqual(new Core(module).memory);
});

it("a boundary is not made from a device that repeats itself", async () => {
  const core = new Core(await compileBuild("strict"));
  expect(() => new WasmBoundary(core, new EntropySource("/dev/zero"))).toThrow(fault);
});
