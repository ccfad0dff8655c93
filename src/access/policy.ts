/** A policy document, checked and compiled when it is put. */
export interface CompiledPolicy {
  readonly statements: readonly unknown[];
}
