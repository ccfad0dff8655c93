import { utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { readTokens } from "../hsm/tokens.ts";
import { shownArn } from "../model/arn.ts";
import type { CustomKeyStore, ProxyConnection } from "../model/custom-key-store.ts";
import type { KeyRecord } from "../model/key.ts";
import { SigningKeys } from "../sigv4/signing-keys.ts";
import { type RequestMetadata, XksProxy } from "../xks/proxy.ts";
import { type ProxyRoutes, XksTransport } from "../xks/transport.ts";
import type { Call } from "./call.ts";
import { ExternalKey } from "./external-key.ts";

export interface XksProxiesParts {
  readonly hsms: HsmSet;
  readonly clock: Clock;
  readonly routes: ProxyRoutes;
  /** A store's connection as it is now, not out of a cache: its credential may have been wrapped anew. */
  readonly connection: (account: string, region: string, storeId: string) => Promise<ProxyConnection | undefined>;
}

/** External key store proxies, and the signing keys for them. */
export class XksProxies {
  readonly #parts: XksProxiesParts;
  readonly #transport: XksTransport;
  readonly #keys: SigningKeys;
  /** By the record that they are of: another record is another credential or place. */
  readonly #known = new WeakMap<ProxyConnection, XksProxy>();
  #revisions = 0;

  constructor(parts: XksProxiesParts) {
    this.#parts = parts;
    this.#transport = new XksTransport(parts.routes);
    this.#keys = new SigningKeys(parts.clock);
  }

  /** GetHealthStatus of a proxy that no store may have yet. Throws XksError. */
  checkHealth(region: string, connection: ProxyConnection, metadata: RequestMetadata): Promise<void> {
    return this.#proxy(region, connection, async () => connection).checkHealth(metadata);
  }

  /** Throws XksError. */
  isUsable(call: Call, store: CustomKeyStore, xksKeyId: string): Promise<boolean> {
    const metadata = { ...requestMetadata(call), awsPrincipalArn: callerArn(call) };
    return this.#of(call.account, call.region, store).isUsable(xksKeyId, metadata);
  }

  /** The outer layer of a key that `call` uses. */
  externalKey(call: Call, store: CustomKeyStore, key: KeyRecord, arn: string): ExternalKey {
    const metadata = { ...requestMetadata(call), awsPrincipalArn: callerArn(call), kmsKeyArn: arn };
    return new ExternalKey(this.#of(key.account, key.region, store), key.xksKeyId as string, metadata);
  }

  #of(account: string, region: string, { id, proxy }: CustomKeyStore): XksProxy {
    const connection = proxy as ProxyConnection;
    let known = this.#known.get(connection);
    if (!known) {
      known = this.#proxy(region, connection, () => this.#parts.connection(account, region, id));
      this.#known.set(connection, known);
    }
    return known;
  }

  #proxy(
    region: string,
    { endpoint, path, accessKeyId }: ProxyConnection,
    current: () => Promise<ProxyConnection | undefined>,
  ): XksProxy {
    this.#revisions += 1;
    const kDate = async (date: string) => {
      const connection = await current();
      const tokens = connection && readTokens(connection);
      if (!tokens) throw new StoreError("corrupt", "the credential of an external key store has no token");
      return this.#parts.hsms.use(tokens, (ekt, hsm) => hsm.mac(ekt, utf8(date)));
    };
    const credential = { revision: this.#revisions, kDate };
    return new XksProxy({ endpoint, path, accessKeyId, credential, region }, this.#transport, this.#keys);
  }
}

/** Of a service its name, as the specification has it. */
const callerArn = ({ caller, region }: Call): string => shownArn(caller.principal.arn, region);

const requestMetadata = ({ operation, caller }: Call): RequestMetadata => ({
  kmsOperation: operation,
  kmsRequestId: caller.requestId,
});
