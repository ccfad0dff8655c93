import { equalBytes } from "../../../base/bytes.ts";
import { ConfigError, HsmError } from "../../../base/errors.ts";
import { secretFrom, wipe } from "../../../base/secret.ts";
import type { Engine } from "../../../engine/engine.ts";
import { openEngine } from "../../../engine/index.ts";
import { cipherRefusal } from "../../../engine/suites.ts";
import type { DomainKeyMode, Pkcs11Boundary } from "../../config.ts";
import type { HsmInfo } from "../../hsm.ts";
import { Cryptoki } from "../cryptoki/cryptoki.ts";
import type { SessionPool } from "../cryptoki/session-pool.ts";
import { unpadded } from "../cryptoki/token-selector.ts";
import { BackingKeys } from "../keys/backing-keys.ts";
import { type CallCipher, openCipher, tokensLackSm4 } from "../keys/call-cipher.ts";
import { Domain } from "../keys/domain.ts";
import type { Operations } from "../keys/operations.ts";
import { ParallelOperations } from "../keys/parallel-operations.ts";
import { ResidentKeys } from "../keys/resident-keys.ts";
import { SerialOperations } from "../keys/serial-operations.ts";
import { TokenRandom } from "../keys/token-random.ts";
import { bestOf, findWrappings, preferred, suiteNames, type Wrappings } from "../keys/wrapping.ts";
import { type Profile, profileOf } from "../profile/profile.ts";
import { openProfile, sealProfile } from "../profile/sealed.ts";
import { testMac, testRandom } from "../profile/self-tests.ts";
import { type Found, type Greeting, making, methods, type Opened, type Role } from "../protocol.ts";
import { openSessions } from "./sessions.ts";

/** What one worker does for its role. */
export interface Service {
  /** The answer to the greeting. */
  readonly greeting: unknown;
  /** `method` is a place in the role's list. */
  call(method: number, args: readonly unknown[]): unknown;
  /** Whether an answer to this method that comes later may take so long that the worker says meanwhile that it works. */
  takesLong(method: number): boolean;
  /** Why the process should end at once, when it should. */
  readonly stuck: string | undefined;
  /** Whether the process should be replaced. */
  readonly worn: boolean;
  close(): void;
}

/** SoftHSM 2 keeps about 240 bytes for each session object that ever was: 60 MB. */
const mostSessionObjects = 250_000;
/** A look at the memory costs as much as a short call. */
const callsPerWeighing = 256;
/** Milliseconds. */
const sweep = 30_000;

/** Each role loads its own code only: a worker for requests does not have that of administration. */
const roles: Record<Role, (greeting: Greeting) => Promise<Service>> = {
  hsm: async (greeting) => {
    const [{ TokenHsm }, { TokenKeyPairs }, { TokenImports }] = await Promise.all([
      import("./token-hsm.ts"),
      import("./token-key-pairs.ts"),
      import("./token-imports.ts"),
    ]);
    const opened = await openToken(greeting);
    const { domain, keys } = opened;
    requireTogether(domain.load().mode, greeting.boundary);
    keys.probe(domain.active());
    const found = await profiled(greeting, opened);
    const known = { ...opened, profile: found.profile };
    setInterval(() => keys.expire(), sweep);
    const pool = await openSessions(greeting, opened);
    const operations = pool ? new ParallelOperations(pool, opened.token, greeting.boundary) : opened.operations;
    const hsm = new TokenHsm(opened, operations);
    const targets = [hsm, new TokenKeyPairs(known, operations, hsm), new TokenImports(known)];
    return served(greeting, targets, { ...opened, operations }, found, pool);
  },
  admin: async (greeting) => {
    const [{ TokenAdmin }, { Transport }] = await Promise.all([import("./token-admin.ts"), import("./transport.ts")]);
    const opened = await openToken(greeting);
    const { token, engine, domain, keys, random, wrappings } = opened;
    domain.load();
    const admin = new TokenAdmin(
      domain,
      keys,
      new Transport(token, engine, random, wrappings),
      new ResidentKeys(token),
    );
    return served(greeting, [admin], opened);
  },
  ceremony: async (greeting) => {
    const { holdCeremony } = await import("./ceremony.ts");
    // `loggedIn` wipes the PIN; it is needed again.
    const pin = secretFrom(greeting.pin ?? new Uint8Array());
    const opened = await openToken(greeting);
    const report = holdCeremony(opened, { pin, soPin: greeting.soPin }, greeting.ceremony ?? {});
    wipe(pin, greeting.soPin);
    opened.token.close();
    return done(report);
  },
  init: async (greeting) => {
    const { initDomain } = await import("./token-admin.ts");
    requireTogether(greeting.mode ?? "plain", greeting.boundary);
    const opened = await openToken(greeting);
    initDomain(opened.domain, greeting.mode);
    if (opened.domain.state.keys.length > 0) opened.keys.probe(opened.domain.active());
    return served(greeting, [], opened);
  },
  inventory: async (greeting) => {
    const { TokenInventory } = await import("./token-inventory.ts");
    const token = loggedIn(greeting);
    const call = callsOf(greeting, [new TokenInventory(token)]);
    return { ...idle, greeting: {}, call, close: () => token.close() };
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
  readonly cipher: CallCipher;
  readonly random: TokenRandom;
  readonly operations: Operations;
  readonly wrappings: Wrappings;
}

export interface ProfiledToken extends OpenToken {
  readonly profile: Profile;
}

/** Self-tests before anything else. */
async function openToken(greeting: Greeting): Promise<OpenToken> {
  const engine = await openEngine(greeting.engine);
  const token = loggedIn(greeting);
  testMac(token, engine);
  testRandom(token);
  const { boundary, wrapping } = greeting;
  const wrappings = preferred(findWrappings(token, engine), wrapping);
  const resident = wrapping === "resident";
  if (resident) new ResidentKeys(token).test();
  const domain = new Domain(token, wrappings);
  const keys = new BackingKeys(token, engine, domain, wrappings, { derive: boundary === "token", resident });
  const cipher = openCipher(boundary, token, engine, keys);
  const random = new TokenRandom(engine, token);
  const operations = new SerialOperations(token, cipher, random);
  return { token, engine, domain, keys, cipher, random, operations, wrappings };
}

async function profiled(
  { profile: told, sealed, initArgs }: Greeting,
  { token, engine, domain, wrappings }: OpenToken,
): Promise<Found> {
  const kept = sealed && openProfile(token, engine, domain, sealed);
  const profile = await profileOf(token, engine, wrappings, initArgs, [kept, told]);
  const fresh = sealProfile(token, engine, domain, profile);
  return sealed && equalBytes(fresh, sealed) ? { profile } : { profile, sealed: fresh };
}

/** A key from which others can be derived is one from which readable ones can. */
function requireTogether(mode: DomainKeyMode, boundary: Pkcs11Boundary): void {
  if (mode !== "plain" && boundary === "token") {
    throw new ConfigError(`a ${mode} domain key gives no keys to derive from, as boundary: token needs them`);
  }
}

function loggedIn({ module, token: selector, pin, initArgs }: Greeting): Cryptoki {
  if (!pin) throw new HsmError("internal", "the worker was given no PIN");
  const token = Cryptoki.open(module, selector, pin, initArgs);
  pin.fill(0);
  return token;
}

type Method = (...args: readonly unknown[]) => unknown;

/** The methods of a role, each of the first of `targets` that has it. */
function callsOf({ role }: Greeting, targets: readonly object[]): Service["call"] {
  const served = methods[role].map((name) => {
    const target = targets.find((target) => name in target) as Record<string, Method> | undefined;
    return target?.[name]?.bind(target);
  });
  return (method, args) => {
    const serve = served[method];
    if (!serve) throw new HsmError("internal", "the worker has no such method");
    return serve(...args);
  };
}

function served(
  greeting: Greeting,
  targets: readonly object[],
  opened: OpenToken,
  found?: Found,
  pool?: SessionPool,
): Service {
  const { life, role, longestOperation = Number.POSITIVE_INFINITY } = greeting;
  const { token, domain, keys, operations } = opened;
  const serve = callsOf(greeting, targets);
  const end = performance.now() + life.hours * 3_600_000;
  let calls = 0;
  let weighed = 0;
  const isHeavy = (): boolean => {
    if (calls - weighed < callsPerWeighing) return false;
    weighed = calls;
    return process.memoryUsage.rss() > life.memory * 2 ** 20;
  };
  return {
    greeting: {
      info: infoOf(greeting, opened),
      sessions: pool?.sessions ?? 1,
      domainKeys: domain.usable,
      ...found,
    } satisfies Opened,
    takesLong: (method) => role !== "hsm" || making.includes(methods[role][method] as string),
    get stuck() {
      const longest = pool?.longest ?? 0;
      return longest > longestOperation ? `a call of the PKCS#11 module has taken ${longest} ms` : undefined;
    },
    call(method, args) {
      calls += 1;
      return serve(method, args);
    },
    get worn() {
      const spent = calls >= life.calls || performance.now() > end || isHeavy();
      return spent || keys.unwrapped + operations.made > mostSessionObjects;
    },
    close() {
      pool?.close();
      token.close();
    },
  };
}

const idle = {
  takesLong: () => true,
  stuck: undefined,
  worn: false,
} satisfies Partial<Service>;

const done = (greeting: unknown): Service => ({
  ...idle,
  greeting,
  call: () => {
    throw new HsmError("internal", "the worker has no methods");
  },
  close: () => undefined,
});

function infoOf({ boundary, wrapping }: Greeting, { token, engine, domain, wrappings }: OpenToken): HsmInfo {
  const info = token.tokenInfo();
  return {
    driver: "pkcs11",
    manufacturer: unpadded(info.manufacturerID),
    model: unpadded(info.model),
    serial: unpadded(info.serialNumber),
    firmware: `${info.firmwareVersion.major}.${info.firmwareVersion.minor}`,
    boundary,
    wrapping: wrapping === "resident" ? wrapping : suiteNames[bestOf(wrappings).suite],
    domainKeyMode: domain.state.mode,
    lacksSm4: boundary === "call-key" ? cipherRefusal(engine, "SM4") : tokensLackSm4,
  };
}
