import { HsmError } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { openEngine } from "../../engine/index.ts";
import type { DomainKeyMode, HsmInfo } from "../hsm.ts";
import { BackingKeys } from "./backing-keys.ts";
import { Cryptoki } from "./cryptoki.ts";
import { Domain } from "./domain.ts";
import { type Profile, profileOf } from "./profile.ts";
import { type Greeting, methods, type Opened, type Role } from "./protocol.ts";
import { TokenRandom } from "./token-random.ts";
import { unpadded } from "./token-selector.ts";
import { testMac, testRandom, type Wrappings, wrappingsBy } from "./wrapping.ts";

/** What one worker does for its role. */
export interface Service {
  /** The answer to the greeting. */
  readonly greeting: unknown;
  /** `method` is a place in the role's list. A promise where the answer takes long. */
  call(method: number, args: readonly unknown[]): unknown;
  /** Whether the process should be replaced. */
  readonly worn: boolean;
  close(): void;
}

/** SoftHSM 2 keeps about 240 bytes for each session object that ever was: 60 MB. */
const mostSessionObjects = 250_000;
/** Milliseconds. */
const sweep = 30_000;

/** Each role loads its own code only: a worker for requests does not have that of administration. */
const roles: Record<Role, (greeting: Greeting) => Promise<Service>> = {
  hsm: async (greeting) => {
    const [{ TokenHsm }, { TokenKeyPairs }] = await Promise.all([
      import("./token-hsm.ts"),
      import("./token-key-pairs.ts"),
    ]);
    const opened = await openToken(greeting);
    const { token, engine, domain, keys, random } = opened;
    domain.load();
    keys.probe(domain.active());
    setInterval(() => keys.expire(), sweep);
    const hsm = new TokenHsm(token, engine, domain, keys, random);
    return served(greeting, [hsm, new TokenKeyPairs(opened, hsm)], opened);
  },
  admin: async (greeting) => {
    const [{ TokenAdmin }, { Transport }] = await Promise.all([import("./token-admin.ts"), import("./transport.ts")]);
    const opened = await openToken(greeting);
    const { token, engine, domain, keys, random, wrappings } = opened;
    domain.load();
    return served(greeting, [new TokenAdmin(domain, keys, new Transport(token, engine, random, wrappings))], opened);
  },
  init: async (greeting) => {
    const { initDomain } = await import("./token-admin.ts");
    const opened = await openToken(greeting);
    initDomain(opened.domain, greeting.mode);
    opened.keys.probe(opened.domain.active());
    return served(greeting, [], opened);
  },
  probe: async (greeting) => done(await (await import("./probe-token.ts")).probeToken(greeting)),
  provision: async (greeting) => done((await import("./init-token.ts")).initToken(greeting)),
};

export const serve = (greeting: Greeting): Promise<Service> => roles[greeting.role](greeting);

export interface OpenToken {
  readonly token: Cryptoki;
  readonly engine: Engine;
  readonly domain: Domain;
  readonly keys: BackingKeys;
  readonly random: TokenRandom;
  readonly wrappings: Wrappings;
  readonly profile: Profile;
}

/** Self-tests before anything else. */
async function openToken(greeting: Greeting): Promise<OpenToken> {
  const engine = await openEngine(greeting.engine);
  if (!greeting.pin) throw new HsmError("internal", "the worker was given no PIN");
  const token = Cryptoki.open(greeting.module, greeting.token, greeting.pin, greeting.initArgs);
  greeting.pin.fill(0);
  testMac(token, engine);
  testRandom(token);
  const profile = await profileOf(token, engine, greeting.profile);
  const wrappings = wrappingsBy(token, profile.wrappings);
  const domain = new Domain(token, wrappings);
  const keys = new BackingKeys(token, engine, domain, wrappings);
  return { token, engine, domain, keys, random: new TokenRandom(engine, token), wrappings, profile };
}

type Method = (...args: readonly unknown[]) => unknown;

function served(
  { role, life }: Greeting,
  targets: readonly object[],
  { token, domain, keys, profile }: OpenToken,
): Service {
  const served = methods[role].map((name) => {
    const target = targets.find((target) => name in target) as Record<string, Method> | undefined;
    return target?.[name]?.bind(target);
  });
  const end = performance.now() + life.hours * 3_600_000;
  let calls = 0;
  return {
    greeting: { info: infoOf(token, domain.state.mode), profile, domainKeys: domain.usable } satisfies Opened,
    call(method, args) {
      calls += 1;
      const serve = served[method];
      if (!serve) throw new HsmError("internal", "the worker has no such method");
      return serve(...args);
    },
    get worn() {
      return keys.unwrapped > mostSessionObjects || calls >= life.calls || performance.now() > end;
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

function infoOf(token: Cryptoki, domainKeyMode: DomainKeyMode): HsmInfo {
  const info = token.tokenInfo();
  return {
    driver: "pkcs11",
    manufacturer: unpadded(info.manufacturerID),
    model: unpadded(info.model),
    serial: unpadded(info.serialNumber),
    firmware: `${info.firmwareVersion.major}.${info.firmwareVersion.minor}`,
    boundary: "call-key",
    domainKeyMode,
  };
}
