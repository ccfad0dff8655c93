/** What of an HSM is measured, and what a program that used a PKCS#11 module without us would call instead. */
export const mechanisms = {
  encrypt: ["C_Encrypt AES-GCM"],
  decrypt: ["C_Decrypt AES-GCM"],
  "generate-data-key": ["C_GenerateRandom", "C_Encrypt AES-GCM"],
  mac: ["C_Sign HMAC"],
  sign: ["C_Sign ECDSA P-256"],
  random: ["C_GenerateRandom"],
} as const;
export type Mechanism = keyof typeof mechanisms;

/** Size of the plaintext, of the data key and of the random bytes. */
export const bytes = 32;

/** An HSM behind our interface. */
export interface HsmContender {
  readonly name: string;
  /** Those that it serves. */
  readonly operations: Readonly<Partial<Record<Mechanism, () => Promise<unknown>>>>;
  /** How many calls of a token's module go on at once, for people. */
  readonly parallel?: string;
  /** Of the processes that work for it now. */
  pids(): readonly number[];
  /** Leaves the HSM as it was found. */
  close(): Promise<void>;
}

/** Functions of a PKCS#11 module, each called one after the other in this process. */
export interface BareModule {
  readonly calls: Readonly<Record<string, () => void>>;
  /** What the token cannot do. */
  readonly absent: readonly string[];
}
