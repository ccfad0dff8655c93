import { type Bytes, concat, fromUtf8, hex, utf8 } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { Engine } from "../../../engine/engine.ts";
import type { Cryptoki } from "../cryptoki/cryptoki.ts";
import type { Domain, DomainKeyPair } from "../keys/domain.ts";
import type { Profile } from "./profile.ts";

/** No key token begins so: the same key makes their MACs. */
const label = utf8("strongroom profile\0");
const idLength = 16;
const macLength = 32;

/**
 * A profile as it may lie in a folder, always the same for the same one: domain key id 16 ‖ MAC 32 ‖ JSON. The MAC is the
 * token's, by the MAC key of that domain key: whoever can write the folder cannot have the driver believe in an algorithm
 * that the token gets wrong.
 */
export function sealProfile(token: Cryptoki, engine: Engine, domain: Domain, profile: Profile): Bytes {
  const pair = domain.active();
  const body = utf8(JSON.stringify(profile));
  return concat(pair.id, macOf(token, engine, pair, body), body);
}

/** undefined unless it was sealed under a domain key that is in use. */
export function openProfile(token: Cryptoki, engine: Engine, domain: Domain, sealed: Bytes): Profile | undefined {
  const pair = inUse(domain, hex(sealed.subarray(0, idLength)));
  const body = sealed.subarray(idLength + macLength);
  if (!pair || !engine.equal(macOf(token, engine, pair, body), sealed.subarray(idLength, idLength + macLength))) {
    return undefined;
  }
  return JSON.parse(fromUtf8(body));
}

/** Of a short message: some HSMs take a few thousand octets at a time. */
const macOf = (token: Cryptoki, engine: Engine, { id, mac }: DomainKeyPair, body: Bytes): Bytes =>
  token.hmac(mac, concat(label, id, engine.sha256(body)));

/** undefined: it was destroyed, or is lost. */
function inUse(domain: Domain, id: string): DomainKeyPair | undefined {
  try {
    return domain.pair(id);
  } catch (error) {
    if (error instanceof HsmError) return undefined;
    throw error;
  }
}
