import { KmsError } from "../base/errors.ts";
import { isKeyId, parseArn, partitionOf } from "../model/arn.ts";

/** What a `KeyId` parameter names: a key id, key ARN, alias name or alias ARN. */
export type Reference =
  | { readonly kind: "key"; readonly account: string; readonly id: string }
  | { readonly kind: "alias"; readonly account: string; readonly name: string };

/** Errors as AWS words them; a reference that could be anything is not quoted back. */
export function parseReference(text: string, home: { account: string; region: string }): Reference {
  if (text.startsWith("arn:")) return parseArnReference(text, home.region);
  if (text.startsWith("alias/")) return { kind: "alias", account: home.account, name: text };
  if (isKeyId(text)) return { kind: "key", account: home.account, id: text };
  throw invalidKeyId(text);
}

function parseArnReference(text: string, region: string): Reference {
  const arn = parseArn(text);
  if (arn?.service !== "kms" || !/^\d{12}$/.test(arn.account)) {
    throw new KmsError("InvalidArnException", "arn");
  }
  if (arn.partition !== partitionOf(arn.region)) {
    throw new KmsError("NotFoundException", "region", { region: quotable(arn.partition) });
  }
  if (arn.region !== region) throw new KmsError("NotFoundException", "region", { region: quotable(arn.region) });
  if (arn.resource.startsWith("alias/")) return { kind: "alias", account: arn.account, name: arn.resource };
  const id = arn.resource.startsWith("key/") ? arn.resource.slice(4) : "";
  if (isKeyId(id)) return { kind: "key", account: arn.account, id };
  if (arn.resource.startsWith("key/")) throw new KmsError("NotFoundException", "arnKeyId", { id: quotable(id) });
  throw new KmsError("InvalidArnException", "arn");
}

export const invalidKeyId = (text: string): KmsError =>
  new KmsError("NotFoundException", "keyId", { id: quotable(text) });

/** An identifier may be quoted in an error; anything else might be a secret in the wrong place. */
export const quotable = (text: string): string => (/^[\w:/-]{1,300}$/.test(text) ? text : "…");
