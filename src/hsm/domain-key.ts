/** 32 hexadecimal digits. */
export type DomainKeyId = string;

export const domainKeyStates = ["reserved", "readable", "active", "unwrap-only", "quarantined", "destroyed"] as const;
export type DomainKeyState = (typeof domainKeyStates)[number];

export interface DomainKey {
  readonly id: DomainKeyId;
  readonly state: DomainKeyState;
  /** Milliseconds since the epoch, when it entered `state`. */
  readonly since: number;
}
