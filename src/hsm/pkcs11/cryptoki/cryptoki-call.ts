/** A function of the module returned something else than CKR_OK. Only code that expects it catches it. */
export class CryptokiError extends Error {
  readonly code: number;

  constructor(name: string, value: string, code: number, cause: unknown) {
    super(`${name} of the PKCS#11 module answered ${value}`, { cause });
    this.code = code;
  }
}

/** pkcs11js throws its own errors from some functions and plain ones with the same text from others. */
export function call<Answer>(name: string, use: () => Answer): Answer {
  try {
    return use();
  } catch (error) {
    throw failureOf(name, error);
  }
}

/** The same of a function that answers later. */
export async function called<Answer>(name: string, use: () => Promise<Answer>): Promise<Answer> {
  try {
    return await use();
  } catch (error) {
    throw failureOf(name, error);
  }
}

function failureOf(name: string, error: unknown): unknown {
  const match = /(CKR_\w+)(?::(\d+))?/.exec(error instanceof Error ? error.message : "");
  if (!match || error instanceof CryptokiError) return error;
  return new CryptokiError(name, match[1] as string, (error as { code?: number }).code ?? Number(match[2]), error);
}
