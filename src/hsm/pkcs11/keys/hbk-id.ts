import { type Bytes, concat, utf8 } from "../../../base/bytes.ts";
import type { Engine } from "../../../engine/engine.ts";
import type { HbkMeta } from "../../../model/hbk.ts";

/** The HBK id of an HMAC key, by its MAC of `namingMessage`, or of a private key, by its SPKI. */
export const committedId = (engine: Engine, { keyId }: HbkMeta, commitment: Bytes): Bytes =>
  engine.sha256(concat(utf8("SR1-keyname"), keyId, commitment));
