import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import { isBuilt } from "../../engine/native/addon.ts";
import type { Ceremony } from "../admin.ts";
import type { DomainKeyMode, Pkcs11Config } from "../config.ts";
import { readSecret } from "../secret-reference.ts";
import { Link } from "./link.ts";
import { trustedModule } from "./module-file.ts";
import { PinLatch } from "./pin-latch.ts";
import type { Profile } from "./profile/profile.ts";
import { ProfileFile } from "./profile-file.ts";
import { making, OfficerPinRefused, type Opened, PinRefused, type Role } from "./protocol.ts";
import { parseUri, type TokenUri } from "./uri.ts";

/** Milliseconds. */
const defaultDeadline = 5_000;
/** Loading a module and logging in takes a slow HSM seconds. */
const defaultStartDeadline = 15_000;
/** A first start calls a module a thousand times, and says every few of them that it goes on. */
const startDeadlines = 8;
const leastGenerationDeadline = 120_000;
/** What a worker lives for: 24 hours, a million calls, a GiB. */
const defaultLife = { workerHours: 24, workerCalls: 1_000_000, workerMemory: 1_024 };

/** Of one call, from its coming to its answer. */
export const deadlineOf = (role: Role, { deadline = defaultDeadline }: Pkcs11Config, method?: string): number =>
  role === "hsm" && !making.includes(method ?? "") ? deadline : Math.max(deadline, leastGenerationDeadline);

/** One login after the other, by URI: as many workers with one wrong PIN are as many tries. */
const turns = new Map<string, Promise<unknown>>();

/** By the module's file: what the first worker has found, for those that come after it. */
const profiles = new Map<string, Profile>();
/** Those who look at a token take no one's word for it, and have the next to come do the same. */
const looking: readonly Role[] = ["probe", "inventory"];

export interface Started<Answer> {
  readonly link: Link;
  /** To the greeting. */
  readonly answer: Answer;
}

export interface StartOptions {
  /** The worker asks to be replaced. */
  readonly onRetire?: (link: Link) => void;
  /** Of the domain key that `init` makes. */
  readonly mode?: DomainKeyMode | undefined;
  readonly ceremony?: Ceremony;
}

/** Starts a worker and waits until it is ready. ConfigError, or the HsmError of the start. */
export function startWorker<Answer>(
  role: Role,
  config: Pkcs11Config,
  options: StartOptions = {},
): Promise<Started<Answer>> {
  const before = turns.get(config.uri) ?? Promise.resolve();
  const started = before.then(() => loggedIn<Answer>(role, config, options));
  turns.set(
    config.uri,
    started.catch(() => undefined),
  );
  return started;
}

async function loggedIn<Answer>(
  role: Role,
  config: Pkcs11Config,
  { onRetire, mode, ceremony: { soPin: officerReference, ...ceremony } = {} }: StartOptions,
): Promise<Started<Answer>> {
  const uri = parseUri(config.uri);
  const module = trustedModule(uri.modulePath);
  const environment = { ...checkedEnvironment(config.environment ?? {}), ...compileCache() };
  const reference = config.pin ?? uri.pinSource;
  // To be looked at, a token needs no PIN.
  if (reference === undefined && role !== "probe") {
    throw new ConfigError("no PIN is given: pin, or pin-source in the PKCS#11 URI");
  }
  const name = tokenName(module, uri);
  const { latch, pin } = readPin(name, reference, config.stateDirectory);
  const officer = readPin(`${name}\0security officer`, officerReference, config.stateDirectory);

  if (config.engine === undefined && !isBuilt()) warnOfSlowness();
  const file = new ProfileFile(name, config.stateDirectory);
  if (looking.includes(role)) file.remove();
  const sealed = role === "hsm" ? file.read() : undefined;
  const profile = role === "hsm" ? profiles.get(module) : undefined;
  const { workerHours, workerCalls, workerMemory } = { ...defaultLife, ...config };
  const deadline = deadlineOf(role, config);
  // Other roles make key pairs before they are ready, or have the token do so.
  const startDeadline = Math.max(deadline, config.startDeadline ?? defaultStartDeadline);
  // Half of the time is left for another worker.
  const longestSilence = role === "hsm" ? deadline / 2 : deadline;
  const greeting = {
    role,
    module,
    ...(config.initArgs !== undefined && { initArgs: config.initArgs }),
    token: selectorOf(uri),
    ...(pin && { pin }),
    engine: config.engine ?? (isBuilt() ? "native" : "wasm"),
    boundary: config.boundary ?? "call-key",
    wrapping: config.wrapping ?? "auto",
    life: { hours: workerHours, calls: workerCalls, memory: workerMemory },
    ...(config.sessions !== undefined && { sessions: config.sessions }),
    longestOperation: longestSilence,
    ...(profile && { profile }),
    ...(sealed && { sealed }),
    ...(mode && { mode }),
    ...(officer.pin && { soPin: officer.pin }),
    ...(role === "ceremony" && { ceremony }),
  };
  const link: Link = new Link({
    greeting,
    environment,
    startDeadline,
    longestStart: role === "hsm" ? startDeadlines * startDeadline : startDeadline,
    longestSilence,
    onRetire: () => onRetire?.(link),
    onFault: () => file.doubt(),
  });
  wipe(pin, officer.pin);
  try {
    const answer = (await link.ready) as Answer & Partial<Opened>;
    if (answer.profile) profiles.set(module, answer.profile);
    if (answer.sealed) file.write(answer.sealed);
    return { link, answer };
  } catch (error) {
    if (error instanceof PinRefused) latch?.set();
    if (error instanceof OfficerPinRefused) officer.latch?.set();
    await link.close();
    throw error;
  }
}

/** ConfigError where the PIN of this reference was refused before. */
function readPin(token: string, reference: string | undefined, directory: string | undefined) {
  if (reference === undefined) return {};
  const latch = new PinLatch(token, reference, directory);
  latch.check();
  return { latch, pin: readSecret(reference) };
}

let warned = false;

function warnOfSlowness(): void {
  if (!warned) {
    process.emitWarning("there is no native engine: PKCS#11 workers do one operation after the other (scripts/build)");
  }
  warned = true;
}

/**
 * Where workers keep their code as V8 has compiled it, which halves the start of the next one; found by its content. It is
 * run beside the PIN, so the folder must be one that nobody but this user can have put anything in.
 */
function compileCache(): { readonly NODE_COMPILE_CACHE?: string } {
  const folder = join(tmpdir(), `strongroom-code-${process.geteuid?.()}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    const ours = found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0;
    return ours ? { NODE_COMPILE_CACHE: folder } : {};
  } catch {
    // Then each worker compiles for itself.
    return {};
  }
}

const tokenName = (module: string, { token, serial, slotId }: TokenUri): string =>
  [module, token, serial, slotId].join("\0");

function selectorOf({ token, serial, manufacturer, model, slotId }: TokenUri) {
  return {
    ...(token !== undefined && { label: token }),
    ...(serial !== undefined && { serial }),
    ...(manufacturer !== undefined && { manufacturer }),
    ...(model !== undefined && { model }),
    ...(slotId !== undefined && { slotId }),
  };
}

/** NODE_OPTIONS and its like would load code or open an inspector beside the PIN. */
function checkedEnvironment(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const name of Object.keys(environment)) {
    if (/^NODE_/i.test(name)) throw new ConfigError(`${name} cannot be given to a PKCS#11 worker`);
  }
  return environment;
}
