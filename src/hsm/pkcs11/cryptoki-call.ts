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
    const match = /(CKR_\w+)(?::(\d+))?/.exec(error instanceof Error ? error.message : "");
    if (!match || error instanceof CryptokiError) throw error;
    throw new CryptokiError(name, match[1] as string, (error as { code?: number }).code ?? Number(match[2]), error);
  }
}
