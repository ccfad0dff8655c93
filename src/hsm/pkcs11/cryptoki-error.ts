/** A function of the module returned something else than CKR_OK. Only code that expects it catches it. */
export class CryptokiError extends Error {
  readonly code: number;

  constructor(name: string, value: string, code: number, cause: unknown) {
    super(`${name} of the PKCS#11 module answered ${value}`, { cause });
    this.code = code;
  }
}
