import { HsmError } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { openEngine } from "../../engine/index.ts";
import type { HsmInfo } from "../hsm.ts";
import { BackingKeys } from "./backing-keys.ts";
import { Cryptoki } from "./cryptoki.ts";
import { Domain } from "./domain.ts";
import { type Greeting, methods, type Role } from "./protocol.ts";
import { TokenRandom } from "./token-random.ts";
import { unpadded } from "./token-selector.ts";
import { findWrappings, testMac, testRandom, type Wrapping } from "./wrapping.ts";

/** What one worker does for its role. */
export interface Service {
  /** The answer to the greeting. */
  readonly greeting: unknown;
  /** `method` is a place in the role's list. */
  call(method: number, args: readonly unknown[]): unknown;
  /** Whether the process should be replaced. */
  readonly worn: boolean;
  close(): void;
}

/** SoftHSM keeps about 240 bytes for each session object that ever was: 60 MB. */
const longestLife = 250_000;
/** Milliseconds. */
const sweep = 30_000;

/** Each role loads its own code only: a worker for requests does not have that of administration. */
const roles: Record<Role, (greeting: Greeting) => Promise<Service>> = {
  hsm: async (greeting) => {
    const { TokenHsm } = await import("./token-hsm.ts");
    const { token, engine, domain, keys, random } = await openToken(greeting);
    domain.load();
    keys.probe(domain.active());
    setInterval(() => keys.expire(), sweep);
    const hsm = new TokenHsm(token, engine, domain, keys, random);
    return served("hsm", hsm, token, keys);
  },
  admin: async (greeting) => {
    const [{ TokenAdmin }, { Transport }] = await Promise.all([import("./token-admin.ts"), import("./transport.ts")]);
    const { token, engine, domain, keys, random, wrappings } = await openToken(greeting);
    domain.load();
    const admin = new TokenAdmin(domain, keys, new Transport(token, engine, random, wrappings));
    return served("admin", admin, token, keys);
  },
  init: async (greeting) => {
    const { initDomain } = await import("./token-admin.ts");
    const { token, domain, keys } = await openToken(greeting);
    initDomain(domain);
    keys.probe(domain.active());
    return served("init", {}, token, keys);
  },
  probe: async (greeting) => done(await (await import("./probe-token.ts")).probeToken(greeting)),
  provision: async (greeting) => done((await import("./init-token.ts")).initToken(greeting)),
};

export const serve = (greeting: Greeting): Promise<Service> => roles[greeting.role](greeting);

interface OpenToken {
  readonly token: Cryptoki;
  readonly engine: Engine;
  readonly domain: Domain;
  readonly keys: BackingKeys;
  readonly random: TokenRandom;
  readonly wrappings: readonly Wrapping[];
}

/** Self-tests before anything else. */
async function openToken({ module, token: selector, pin, engine: name }: Greeting): Promise<OpenToken> {
  const engine = await openEngine(name);
  if (!pin) throw new HsmError("internal", "the worker was given no PIN");
  const token = Cryptoki.open(module, selector, pin);
  pin.fill(0);
  testMac(token, engine);
  testRandom(token);
  const wrappings = findWrappings(token, engine);
  const domain = new Domain(token);
  const keys = new BackingKeys(token, engine, domain, wrappings);
  return { token, engine, domain, keys, random: new TokenRandom(engine, token), wrappings };
}

function served(role: Role, methodsOf: object, token: Cryptoki, keys: BackingKeys): Service {
  const target = methodsOf as Record<string, (...args: unknown[]) => unknown>;
  return {
    greeting: infoOf(token),
    call(method, args) {
      const name = methods[role][method];
      if (name === undefined) throw new HsmError("internal", "the worker has no such method");
      return target[name]?.(...args);
    },
    get worn() {
      return keys.unwrapped > longestLife;
    },
    close: () => token.close(),
  };
}

const done = (greeting: unknown): Service => ({
  greeting,
  call: () => {
    throw new HsmError("internal", "the worker has no methods");
  },
  worn: false,
  close: () => undefined,
});

function infoOf(token: Cryptoki): HsmInfo {
  const info = token.tokenInfo();
  return {
    driver: "pkcs11",
    manufacturer: unpadded(info.manufacturerID),
    model: unpadded(info.model),
    serial: unpadded(info.serialNumber),
    firmware: `${info.firmwareVersion.major}.${info.firmwareVersion.minor}`,
    boundary: "call-key",
    domainKeyMode: "plain",
  };
}
