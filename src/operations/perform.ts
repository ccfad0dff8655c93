import { KmsError, StoreError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { Caller } from "../kms/caller.ts";
import { toKmsError } from "../kms/errors.ts";
import type { Kms } from "../kms/kms.ts";
import { readJsonObject } from "../model/json.ts";
import { readRequest } from "../model/shape.ts";
import { operations } from "./index.ts";
import { type Response, secretMembers } from "./operation.ts";

/**
 * Performs one operation for an authenticated caller: read the request, run, and answer once the event is durable.
 * Throws what went wrong; `AuditError` when the event could not be written: then nothing is answered and plaintexts are
 * wiped.
 */
export async function perform(kms: Kms, name: string, caller: Caller, body: Uint8Array): Promise<Response> {
  const operation = operations.get(name);
  if (!operation) throw new KmsError("UnknownOperationException");
  const call = kms.begin(name, caller);
  let response: Response;
  try {
    const request = readRequest(operation.request, readJsonObject(body));
    call.requestParameters = operation.request.audit(request) as Record<string, unknown>;
    try {
      await kms.grants.checkTokens(call, (request as { readonly GrantTokens?: readonly string[] }).GrantTokens);
      response = await withoutConflict(() => operation.run(kms, call, request));
    } finally {
      wipe((request as { readonly Plaintext?: Uint8Array }).Plaintext);
    }
  } catch (error) {
    await kms.conclude(call, operation.readOnly, toKmsError(error));
    throw error;
  }
  try {
    await kms.conclude(call, operation.readOnly);
  } catch (error) {
    for (const name of secretMembers) wipe(response?.[name] as Uint8Array | undefined);
    throw error;
  }
  return response;
}

const tries = 5;

/** A commit that met another one has changed nothing: the operation runs again on what is there now. */
async function withoutConflict<T>(run: () => Promise<T>): Promise<T> {
  for (let left = tries; ; left--) {
    try {
      return await run();
    } catch (error) {
      if (left === 1 || !(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
  }
}
