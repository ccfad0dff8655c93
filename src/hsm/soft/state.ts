import { type Bytes, concat, fromUtf8, utf8 } from "../../base/bytes.ts";
import { ConfigError, HsmError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import type { Engine } from "../../engine/engine.ts";
import { ivLength, tagLength } from "../../model/ciphertext.ts";
import type { TransportKey } from "../admin.ts";
import type { SoftConfig } from "../config.ts";
import type { DomainKey } from "../domain-key.ts";
import type { Folder } from "./folder.ts";
import { headerLength, newSealingKeys, type SealingKeys, sealingKeys } from "./root.ts";

/** The domain state of a soft HSM. Octets are base64. */
export interface State {
  /** Counts the changes. */
  readonly revision: number;
  readonly domainKeys: readonly StoredDomainKey[];
  readonly anchor?: string;
  /** As a source: the transport keys that may receive material. */
  readonly pinned: readonly StoredTransportKey[];
  /** As a target: `sealedKey` is the private key (PKCS#8), sealed a second time so that few processes ever hold it. */
  readonly transport?: StoredTransportKey & { readonly sealedKey: string };
}

export interface StoredDomainKey extends DomainKey {
  /** By the boundary. Absent while reserved and when destroyed. */
  readonly sealed?: string | undefined;
}

export interface StoredTransportKey {
  readonly spki: string;
  readonly oaepHash: TransportKey["oaepHash"];
}

const transportLabel = utf8("SR1-transport");

/** Where a state file is and what it is sealed with. */
export interface Place {
  readonly config: SoftConfig;
  readonly folder: Folder;
  readonly engine: Engine;
  /** The boundary's generator. */
  readonly random: (length: number) => Bytes;
}

/**
 * The file `state` of a soft HSM: `header 61 (root.ts) ‖ IV 12 ‖ ciphertext ‖ tag 16`, the JSON of a `State` under
 * AES-256-GCM with AAD = header. An edited or truncated file is refused, never repaired or made anew; so is one older
 * than this process has seen.
 */
export class StateFile {
  readonly #place: Place;
  readonly #keys: SealingKeys;
  #newest = 0;

  private constructor(place: Place, keys: SealingKeys) {
    this.#place = place;
    this.#keys = keys;
  }

  /** `first` makes the state with the root key, which is wiped then. ConfigError when there is a state. */
  static async create(place: Place, first: (root: Bytes) => State): Promise<StateFile> {
    const { config, folder, engine, random } = place;
    assertNone(folder);
    const keys = await newSealingKeys(config, engine, random);
    const file = new StateFile(place, keys);
    const state = first(keys.root);
    wipe(keys.root);
    folder.locked(() => {
      assertNone(folder);
      file.#write(state);
    });
    return file;
  }

  /** `adopt` is given the root key, which is wiped then. */
  static async open(place: Place, adopt: (root: Bytes) => void): Promise<StateFile> {
    const { config, folder, engine } = place;
    const bytes = folder.readState();
    if (!bytes) throw new ConfigError(`there is no soft HSM in ${folder.path}: \`strongroom hsm init\` makes it`);
    if (bytes.length < headerLength) throw damaged(folder, "truncated");
    const keys = await sealingKeys(config, engine, bytes.subarray(0, headerLength));
    adopt(keys.root);
    wipe(keys.root);
    return new StateFile(place, keys);
  }

  /** Salted by its making: tells one soft HSM from another. */
  get serial(): Bytes {
    return this.#keys.header.subarray(13, 21);
  }

  read(): State {
    const { folder } = this.#place;
    const bytes = folder.readState();
    if (!bytes) throw damaged(folder, "gone");
    const header = bytes.subarray(0, headerLength);
    const json = this.#unseal(header, bytes.subarray(headerLength));
    if (!json) throw damaged(folder, "truncated, edited, or of another soft HSM");
    const state = JSON.parse(fromUtf8(json)) as State;
    wipe(json);
    if (state.revision < this.#newest) throw damaged(folder, "older than it was");
    this.#newest = state.revision;
    return state;
  }

  /**
   * Makes `edit` of the newest state the next one, durably; answers it. No writer is between reading and writing: none
   * is lost. What `edit` throws leaves the state as it was.
   */
  change(edit: (state: State) => Omit<State, "revision">): State {
    return this.#place.folder.locked(() => {
      const before = this.read();
      const after = { ...edit(before), revision: before.revision + 1 };
      this.#write(after);
      return after;
    });
  }

  sealTransportKey(pkcs8: Bytes): string {
    return this.#seal(transportLabel, pkcs8).toBase64();
  }

  /** The caller wipes the PKCS#8. */
  unsealTransportKey(sealed: string): Bytes {
    const pkcs8 = this.#unseal(transportLabel, Uint8Array.fromBase64(sealed));
    if (!pkcs8) throw damaged(this.#place.folder, "edited: its transport key is not authentic");
    return pkcs8;
  }

  close(): void {
    wipe(this.#keys.file);
  }

  #write(state: State): void {
    const { header } = this.#keys;
    this.#place.folder.writeState(concat(header, this.#seal(header, utf8(JSON.stringify(state)))));
    this.#newest = state.revision;
  }

  #seal(aad: Bytes, plaintext: Bytes): Bytes {
    const iv = this.#place.random(ivLength);
    return concat(iv, this.#place.engine.gcmSeal(this.#keys.file, iv, aad, plaintext));
  }

  #unseal(aad: Bytes, sealed: Bytes): Bytes | null {
    if (sealed.length < ivLength + tagLength) return null;
    return this.#place.engine.gcmOpen(this.#keys.file, sealed.subarray(0, ivLength), aad, sealed.subarray(ivLength));
  }
}

function assertNone(folder: Folder): void {
  if (folder.readState()) throw new ConfigError(`there is a soft HSM in ${folder.path} already`);
}

const damaged = (folder: Folder, how: string): HsmError =>
  new HsmError("internal", `the state of the soft HSM in ${folder.path} is ${how}`);
