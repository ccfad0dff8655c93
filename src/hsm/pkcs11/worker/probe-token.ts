import graphene from "graphene-pk11";
import type pkcs11js from "pkcs11js";
import type { Engine } from "../../../engine/engine.ts";
import { openEngine } from "../../../engine/index.ts";
import { ektSuites } from "../../../model/ekt.ts";
import { type DomainKeyMode, domainKeyModes, type Pkcs11Boundary, pkcs11Boundaries } from "../../config.ts";
import { Cryptoki } from "../cryptoki/cryptoki.ts";
import { NativeCryptoki } from "../cryptoki/native-cryptoki.ts";
import { initOptions, loading, starting } from "../cryptoki/open-token.ts";
import { type Candidate, chooseToken, type TokenSelector, unpadded } from "../cryptoki/token-selector.ts";
import { BackingKeys } from "../keys/backing-keys.ts";
import { openCipher } from "../keys/call-cipher.ts";
import { Domain } from "../keys/domain.ts";
import { requireLocks } from "../keys/locked-mode.ts";
import { rsaSpki } from "../keys/public-key.ts";
import { makePair } from "../keys/rsa.ts";
import { testOaep } from "../keys/transport-key.ts";
import { requireTrustable } from "../keys/trusted-mode.ts";
import { bestOf, findWrappings, keepsKeys, suiteNames } from "../keys/wrapping.ts";
import type { ProbeReport, ProbeTest } from "../probe.ts";
import { profileOf } from "../profile/profile.ts";
import { testMac, testRandom } from "../profile/self-tests.ts";
import { surveyed } from "../profile/served.ts";
import type { Greeting } from "../protocol.ts";

/** In a worker: graphene-pk11 says what there is, known answers say what works. */
export async function probeToken({ module: path, initArgs, token: selector, pin }: Greeting): Promise<ProbeReport> {
  const found = describe(path, selector, initArgs);
  const token = pin && Cryptoki.open(path, selector, pin, initArgs);
  const engine = await openEngine("node");
  const tests = token ? runTests(token, engine) : [];
  pin?.fill(0);
  const failed = (name: string) => tests.some((test) => test.name === name && !test.ok);
  const serves = tests.length > 0 && ![names.mac, names.random, names.wrap].some(failed);
  const mode = token && serves ? modeOf(token, engine) : undefined;
  return {
    ...found,
    ...(token && { interfaces: NativeCryptoki.of(path)?.interfaces() }),
    tests,
    ...(token && serves
      ? surveyed(await profileOf(token, engine, findWrappings(token, engine), initArgs), mode ?? "plain")
      : { serves: [], refuses: [], imports: { takes: {}, lacks: {} } }),
    wrappings: token ? findWrappings(token, engine).flatMap(({ suite }) => suiteNames[suite] ?? []) : [],
    boundaries: serves ? pkcs11Boundaries.filter((boundary) => !failed(boundary)) : [],
    ...(mode && { domainKeyMode: mode }),
    domainKeyModes: serves ? domainKeyModes.filter((mode) => mode === "plain" || !failed(names[mode])) : [],
    lacks: tests.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`),
  };
}

const names = {
  mac: "HMAC-SHA-256",
  random: "random generator",
  wrap: "key wrap",
  keep: "keeping keys",
  move: "moving keys",
  locked: "locked domain keys",
  trusted: "trusted domain keys",
} as const;

function runTests(token: Cryptoki, engine: Engine): ProbeTest[] {
  const wrappings = () => findWrappings(token, engine);
  const openTokenCipher = (boundary: Pkcs11Boundary) => {
    const [known, domain] = [wrappings(), new Domain(token, wrappings())];
    openCipher(boundary, token, engine, new BackingKeys(token, engine, domain, known));
  };
  return [
    test(names.mac, () => {
      testMac(token, engine);
      return "gives the known answer with a secret key that is not extractable";
    }),
    test(names.random, () => {
      testRandom(token);
      return "answers, and does not repeat itself";
    }),
    test(names.wrap, () => {
      bestOf(wrappings());
      const found = wrappings().map(({ description }) => description);
      return `${found.join(", ")}; unwrapped keys cannot be read`;
    }),
    test(names.keep, () => {
      if (!keepsKeys(token, bestOf(wrappings())))
        throw new Error("whoever has the PIN can wrap the domain key and take it out");
      return "C_WrapKey refuses keys that are not extractable";
    }),
    test(names.move, () => {
      const { publicKey, privateKey } = makePair(token, { token: false }, 2048);
      const hash = testOaep(token, privateKey, rsaSpki(token, publicKey));
      if (!hash) throw new Error("needs RSA-OAEP");
      const kwp = wrappings().some(({ suite }) => suite === ektSuites.kwp);
      const form = kwp ? "and RFC 5649 key wrap" : "alone: between PKCS#11 tokens, and not with the soft HSM";
      return `RSA-OAEP with ${hash === "sha256" ? "SHA-256" : "SHA-1"} ${form}`;
    }),
    test("token-gcm", () => {
      openTokenCipher("token-gcm");
      return "AES-256-GCM in the token gives the known answer";
    }),
    test("token", () => {
      openTokenCipher("token");
      return "derives the key of a call by CKM_SP800_108_COUNTER_KDF: it never leaves the token";
    }),
    test(names.locked, () => {
      requireLocks(token, bestOf(wrappings()));
      return "a domain key unwraps keys for use alone: nobody takes one out";
    }),
    test(names.trusted, () => {
      requireTrustable(token, bestOf(wrappings()));
      return "keys leave under no key that the user makes: the rest shows when the security officer has trusted one";
    }),
  ];
}

function modeOf(token: Cryptoki, engine: Engine): DomainKeyMode | undefined {
  const domain = new Domain(token, findWrappings(token, engine));
  return domain.exists ? domain.load().mode : undefined;
}

/** A failure is a finding here, whatever it is. */
function test(name: string, run: () => string): ProbeTest {
  try {
    return { name, ok: true, detail: run() };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

/** C_GetInfo and its kin. ConfigError when the module does not load or no token answers. */
function describe(
  path: string,
  selector: TokenSelector,
  initArgs: string | undefined,
): Pick<ProbeReport, "module" | "token" | "mechanisms"> {
  const module = loaded(path, initArgs);
  const slot = chooseToken([...module.getSlots(true)].map(candidateOf), selector);
  const token = slot.getToken();
  const found = {
    module: {
      path,
      manufacturer: unpadded(module.manufacturerID),
      description: unpadded(module.libraryDescription),
      version: dotted(module.libraryVersion),
      cryptoki: dotted(module.cryptokiVersion),
    },
    token: {
      label: unpadded(token.label),
      manufacturer: unpadded(token.manufacturerID),
      model: unpadded(token.model),
      serial: unpadded(token.serialNumber),
      firmware: dotted(token.firmwareVersion),
      hardware: dotted(token.hardwareVersion),
      flags: Object.entries(graphene.TokenFlag)
        .filter(([, flag]) => typeof flag === "number" && (token.flags & flag) !== 0)
        .map(([name]) => name),
    },
    mechanisms: [...slot.getMechanisms()].map(({ name, type }) =>
      name === "unknown" ? `0x${type.toString(16)}` : name,
    ),
  };
  module.finalize();
  return found;
}

function loaded(path: string, initArgs: string | undefined): graphene.Module {
  const module = loading(path, () => graphene.Module.load(path));
  starting(path, () => module.initialize(initOptions(initArgs)));
  return module;
}

function candidateOf(slot: graphene.Slot): Candidate<graphene.Slot> {
  const { label, serialNumber: serial, manufacturerID: manufacturer, model } = slot.getToken();
  return { slot, token: { label, serial, manufacturer, model, slotId: slot.handle.readUInt32LE(0) } };
}

const dotted = ({ major, minor }: pkcs11js.Version): string => `${major}.${minor}`;
