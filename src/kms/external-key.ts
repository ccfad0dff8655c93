import { type Bytes, equalBytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { namedHbkId } from "../model/ciphertext.ts";
import { buildExternal, externalAad, parseExternal } from "../model/external-ciphertext.ts";
import type { RequestMetadata, XksProxy } from "../xks/proxy.ts";
import { askProxy } from "./xks-errors.ts";

/** The outer layer of a key in an external key store: what its HBK has encrypted, its external key encrypts again. */
export class ExternalKey {
  readonly #proxy: XksProxy;
  readonly #id: string;
  readonly #metadata: RequestMetadata;

  constructor(proxy: XksProxy, id: string, metadata: RequestMetadata) {
    this.#proxy = proxy;
    this.#id = id;
    this.#metadata = metadata;
  }

  /** Of an inner ciphertext. */
  async encrypt(inner: Bytes, binding: Bytes): Promise<Bytes> {
    const hbkId = namedHbkId(inner) as Bytes;
    const aad = externalAad(hbkId, binding);
    const outer = await askProxy("use", () => this.#proxy.encrypt(this.#id, this.#metadata, inner, aad));
    return buildExternal({ hbkId, ...outer });
  }

  /** The inner ciphertext. One that lacks the outer layer is refused: a proxy has seen it. */
  async decrypt(ciphertext: Bytes, binding: Bytes): Promise<Bytes> {
    const outer = parseExternal(ciphertext);
    if (!outer) throw new KmsError("InvalidCiphertextException");
    const aad = externalAad(outer.hbkId, binding);
    const inner = await askProxy("use", () => this.#proxy.decrypt(this.#id, this.#metadata, outer, aad));
    const hbkId = namedHbkId(inner);
    if (hbkId && equalBytes(hbkId, outer.hbkId)) return inner;
    throw new KmsError("KMSInvalidStateException", "proxyPlaintext");
  }
}
