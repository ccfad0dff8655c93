import { closeSync, readdirSync, readlinkSync } from "node:fs";
import { expect, it } from "vitest";
import { load } from "../../../src/engine/native/addon.ts";
import { NativeBoundary } from "../../../src/engine/native/boundary.ts";
import { aad, domainKeyId, fault, root, symmetricKey } from "../../conformance/boundary-fixture.ts";

const addon = load();
const openOn = (path: string) => readdirSync("/proc/self/fd").filter((fd) => opens(fd, path));
const generators = () => openOn("/dev/urandom");

function opens(fd: string, path: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === path;
  } catch {
    return false;
  }
}

it("a boundary whose entropy fails serves nothing any more", () => {
  const before = generators();
  const boundary = new NativeBoundary(addon);
  boundary.setRoot(root);
  boundary.generateDomainKey(domainKeyId);
  const ekt = symmetricKey(boundary);
  const ciphertext = boundary.encrypt(ekt, aad, aad);

  const [device] = generators().filter((fd) => !before.includes(fd));
  closeSync(Number(device));
  expect(() => boundary.encrypt(ekt, aad, aad)).toThrow("random generator");
  expect(() => boundary.decrypt(ekt, aad, ciphertext)).toThrow(fault);
  expect(() => boundary.random(16)).toThrow(fault);
  boundary.close();
});

it.each(["/dev/zero", "/dev/null", "/no/such/device", import.meta.filename])(
  "a boundary is not made from %s, and leaves no file open",
  (device) => {
    const before = openOn(device);
    expect(() => new NativeBoundary(addon, device)).toThrow(fault);
    expect(openOn(device)).toEqual(before);
  },
);

it("a boundary that is closed leaves no file open", () => {
  const before = generators().length;
  const boundary = new NativeBoundary(addon);
  expect(generators()).toHaveLength(before + 1);
  boundary.close();
  boundary.close();
  expect(generators()).toHaveLength(before);
});
