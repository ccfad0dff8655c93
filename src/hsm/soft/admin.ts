import { type Bytes, hex } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import { parseEkt } from "../../model/ekt.ts";
import { type HbkMeta, isExposed } from "../../model/hbk.ts";
import type { HsmAdmin, TransportKey } from "../admin.ts";
import type { DomainKey, DomainKeyId, DomainKeyState } from "../domain-key.ts";
import type { Ekt, HsmInfo } from "../hsm.ts";
import type { Domain } from "./domain.ts";
import { importNamed } from "./exposed-keys.ts";
import type { State, StoredDomainKey, StoredTransportKey } from "./state.ts";
import { checkTransportKey, generateTransportPair, openEphemeral, sealEphemeral, transportKeyOf } from "./transport.ts";

export class SoftHsmAdmin implements HsmAdmin {
  readonly #domain: Domain;

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  get info(): HsmInfo {
    return this.#domain.info;
  }

  async domainKeys(): Promise<readonly DomainKey[]> {
    return this.#domain.reload().domainKeys.map(({ id, state, since }) => ({ id, state, since }));
  }

  async addDomainKey(): Promise<DomainKeyId> {
    const { boundary } = this.#domain;
    const raw = boundary.random(16);
    const reserved: DomainKey = { id: hex(raw), state: "reserved", since: Date.now() };
    this.#domain.change((state) => ({ ...state, domainKeys: [...state.domainKeys, reserved] }));
    boundary.generateDomainKey(raw);
    const sealed = boundary.sealDomainKey(raw).toBase64();
    // It comes back when the change has been written, from what was sealed: so it can be opened again.
    boundary.dropDomainKey(raw);
    this.#domain.change((state) => moved(state, reserved.id, "reserved", "readable", { sealed }));
    return reserved.id;
  }

  async activateDomainKey(id: DomainKeyId): Promise<void> {
    this.#domain.change((state) => {
      const activated = moved(state, id, "readable", "active");
      const before = state.domainKeys.find((key) => key.state === "active");
      return before ? moved(activated, before.id, "active", "unwrap-only") : activated;
    });
  }

  async quarantineDomainKey(id: DomainKeyId): Promise<void> {
    this.#domain.change((state) => moved(state, id, "unwrap-only", "quarantined"));
  }

  async destroyDomainKey(id: DomainKeyId): Promise<void> {
    this.#domain.change((state) => moved(state, id, "quarantined", "destroyed", { sealed: undefined }));
  }

  keptReason(): undefined {
    return undefined;
  }

  async residentKeys(): Promise<readonly string[]> {
    return [];
  }

  /** There are none. */
  async destroyResidentKey(): Promise<void> {}

  async rewrap(key: Ekt): Promise<Ekt> {
    return this.#domain.rewrap(key, parseEkt(key).meta);
  }

  async transportKey(): Promise<TransportKey> {
    const { transport } = this.#domain.reload();
    if (transport) return transportKeyOf(transport);
    const { spki, pkcs8 } = await generateTransportPair();
    const sealedKey = this.#domain.file.sealTransportKey(pkcs8);
    wipe(pkcs8);
    const made = { spki: spki.toBase64(), oaepHash: "sha256" as const, sealedKey };
    const kept = this.#domain.change((state) => ({ ...state, transport: state.transport ?? made })).transport;
    return transportKeyOf(kept ?? made);
  }

  async pinTransportKey(key: TransportKey): Promise<void> {
    checkTransportKey(key);
    const pin = { spki: key.spki.toBase64(), oaepHash: key.oaepHash };
    this.#domain.change((state) => ({
      ...state,
      pinned: [...state.pinned.filter(({ spki }) => spki !== pin.spki), pin],
    }));
  }

  async pinnedTransportKeys(): Promise<readonly string[]> {
    return this.#domain.reload().pinned.map((pin) => transportKeyOf(pin).fingerprint);
  }

  async unpinTransportKey(fingerprint: string): Promise<boolean> {
    const isMeant = (pin: StoredTransportKey) => transportKeyOf(pin).fingerprint === fingerprint;
    if (!this.#domain.reload().pinned.some(isMeant)) return false;
    this.#domain.change((state) => ({ ...state, pinned: state.pinned.filter((pin) => !isMeant(pin)) }));
    return true;
  }

  async exportTo(key: Ekt, target: TransportKey): Promise<Bytes> {
    const pinned = this.#domain.reload().pinned.find(({ spki }) => spki === target.spki.toBase64());
    if (!pinned) throw new HsmError("refused", "the transport key has not been pinned");
    if (target.direct)
      throw new HsmError("unsupported", "the target lacks KWP, without which this HSM exports nothing");
    const { boundary } = this.#domain;
    return sealEphemeral(pinned, boundary.random(32), (ephemeral) =>
      boundary.wrapFor(this.#domain.met(key), ephemeral),
    );
  }

  async importFrom(meta: HbkMeta, hbkId: Bytes, exported: Bytes): Promise<Ekt> {
    const head = this.#domain.head(meta);
    const { transport } = this.#domain.state;
    if (!transport) throw new HsmError("refused", "this HSM has no transport key yet");
    const pkcs8 = this.#domain.file.unsealTransportKey(transport.sealedKey);
    return openEphemeral(transport, pkcs8, exported, (ephemeral, wrapped) =>
      isExposed(meta)
        ? this.#importExposed(meta, hbkId, ephemeral, wrapped)
        : this.#domain.boundary.unwrapFrom(head, hbkId, ephemeral, wrapped),
    );
  }

  #importExposed(meta: HbkMeta, hbkId: Bytes, ephemeral: Bytes, wrapped: Bytes): Ekt {
    const material = this.#domain.engine.kwpUnwrap(ephemeral, wrapped);
    if (!material) throw new HsmError("refused", "the exported material is not authentic");
    try {
      return importNamed(this.#domain, meta, hbkId, material);
    } finally {
      wipe(material);
    }
  }

  async close(): Promise<void> {
    this.#domain.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** `state` with the domain key `id` gone from one state to the next; refused when it is not in that one. */
function moved(
  state: State,
  id: DomainKeyId,
  from: DomainKeyState,
  to: DomainKeyState,
  change: Pick<StoredDomainKey, "sealed"> = {},
): State {
  const key = state.domainKeys.find((candidate) => candidate.id === id);
  if (key?.state !== from) {
    throw new HsmError("refused", `the domain key ${id} is ${key?.state ?? "unknown"}, not ${from}`);
  }
  const next = { ...key, ...change, state: to, since: Date.now() };
  return { ...state, domainKeys: state.domainKeys.map((other) => (other === key ? next : other)) };
}
