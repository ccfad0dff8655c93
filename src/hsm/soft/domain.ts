import { mkdirSync } from "node:fs";
import { type Bytes, fromHex, hex } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import type { Boundary } from "../../engine/boundary.ts";
import type { Engine } from "../../engine/engine.ts";
import { isBuilt } from "../../engine/native/addon.ts";
import { domainKeyIdOf, ektHead, ektSuites } from "../../model/ekt.ts";
import type { HbkMeta } from "../../model/hbk.ts";
import type { SoftConfig } from "../config.ts";
import type { DomainKeyId, DomainKeyState } from "../domain-key.ts";
import type { Ekt, HsmInfo } from "../hsm.ts";
import { Folder } from "./folder.ts";
import { type State, StateFile, type StoredDomainKey } from "./state.ts";

const inUse: readonly DomainKeyState[] = ["readable", "active", "unwrap-only"];

/** One process's view of a soft HSM: the domain state, and a boundary that holds the domain keys in use. */
export class Domain {
  readonly file: StateFile;
  readonly info: HsmInfo;
  readonly engine: Engine;
  readonly #boundary: Boundary;
  readonly #held = new Set<DomainKeyId>();
  #state: State;
  #open = true;

  private constructor(engine: Engine, file: StateFile, boundary: Boundary, reason?: string) {
    this.file = file;
    this.engine = engine;
    this.#boundary = boundary;
    this.#state = file.read();
    this.#load();
    this.info = { ...infoOf(engine, file), notices: noticesOf(engine, reason) };
  }

  /** Makes the folder where it is missing, the key file likewise, and a state with one active domain key. */
  static async create(config: SoftConfig, engine: Engine): Promise<HsmInfo> {
    mkdirSync(config.directory, { recursive: true, mode: 0o700 });
    const boundary = engine.boundary();
    try {
      const place = { config, folder: new Folder(config.directory), engine, random: randomOf(boundary) };
      const file = await StateFile.create(place, (root) => {
        boundary.setRoot(root);
        const id = boundary.random(16);
        boundary.generateDomainKey(id);
        const sealed = boundary.sealDomainKey(id).toBase64();
        return { revision: 1, domainKeys: [{ id: hex(id), state: "active", since: Date.now(), sealed }], pinned: [] };
      });
      file.close();
      return infoOf(engine, file);
    } finally {
      boundary.close();
    }
  }

  /** `reason`: why the engine is this one, where the operator left it open. */
  static async open(config: SoftConfig, engine: Engine, reason?: string): Promise<Domain> {
    const boundary = engine.boundary();
    let file: StateFile | undefined;
    try {
      const place = { config, folder: new Folder(config.directory), engine, random: randomOf(boundary) };
      file = await StateFile.open(place, (root) => boundary.setRoot(root));
      return new Domain(engine, file, boundary, reason);
    } catch (error) {
      boundary.close();
      file?.close();
      throw error;
    }
  }

  /** Throws when it is closed. */
  get boundary(): Boundary {
    this.#assertOpen();
    return this.#boundary;
  }

  get state(): State {
    this.#assertOpen();
    return this.#state;
  }

  holds(id: DomainKeyId): boolean {
    return this.#held.has(id);
  }

  reload(): State {
    this.#assertOpen();
    this.#state = this.file.read();
    this.#load();
    return this.#state;
  }

  change(edit: (state: State) => Omit<State, "revision">): State {
    this.#assertOpen();
    this.#state = this.file.change(edit);
    this.#load();
    return this.#state;
  }

  /** The head of a token that is made now: under the key that is active in the file, not the one that was. */
  head(meta: HbkMeta): Bytes {
    this.reload();
    return ektHead(ektSuites.gcm, this.activeId(), undefined, meta);
  }

  activeId(): Bytes {
    const active = this.state.domainKeys.find(({ state }) => state === "active");
    if (!active) throw new HsmError("internal", "no domain key is active");
    return fromHex(active.id);
  }

  /** `ekt`, after reading the state again once if its domain key came into the domain since. */
  met(ekt: Ekt): Ekt {
    const id = hex(domainKeyIdOf(ekt));
    if (this.#held.has(id)) return ekt;
    const known = this.state.domainKeys.find((key) => key.id === id);
    if (!known || known.state === "reserved") this.reload();
    return ekt;
  }

  /** The same key under the active domain key; `meta` may name another region. */
  rewrap(key: Ekt, meta: HbkMeta): Ekt {
    const head = this.head(meta);
    return this.boundary.rewrap(this.met(key), head);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#boundary.close();
    this.file.close();
  }

  #assertOpen(): void {
    if (!this.#open) throw new HsmError("unavailable", "the soft HSM is closed");
  }

  /** Brings the boundary to the state: keys in use are in it, others are not. */
  #load(): void {
    for (const key of this.#state.domainKeys) {
      const held = this.#held.has(key.id);
      if (held && !inUse.includes(key.state)) this.#drop(key.id);
      if (!held && inUse.includes(key.state)) this.#hold(key);
    }
  }

  #drop(id: DomainKeyId): void {
    this.#boundary.dropDomainKey(fromHex(id));
    this.#held.delete(id);
  }

  #hold({ id, sealed = "" }: StoredDomainKey): void {
    if (!this.#boundary.openDomainKey(fromHex(id), Uint8Array.fromBase64(sealed))) {
      throw new HsmError("internal", `the domain key ${id} is not authentic`);
    }
    this.#held.add(id);
  }
}

const randomOf = (boundary: Boundary) => (length: number) => boundary.random(length);

function noticesOf(engine: Engine, reason: string | undefined): string[] {
  const unlocked = "memory with keys may be swapped to disk: the limit on locked memory (RLIMIT_MEMLOCK) is too low";
  const refused = "SM2 keys, and signatures over digests, are refused: the native engine has not been built";
  const notices = [reason, engine.lockedMemory === false ? unlocked : undefined, isBuilt() ? undefined : refused];
  return notices.filter((notice) => notice !== undefined);
}

const infoOf = (engine: Engine, file: StateFile): HsmInfo => ({
  driver: "soft",
  manufacturer: "Strongroom",
  model: "soft HSM",
  serial: hex(file.serial),
  firmware: `${engine.name} engine`,
  boundary: "engine",
  exposed: "process",
  domainKeyMode: "plain",
});
