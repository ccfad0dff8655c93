import type { DomainKeyMode, Pkcs11Boundary, Pkcs11Config, Pkcs11Wrapping } from "../config.ts";
import type { CryptokiInterface } from "./cryptoki/native-cryptoki.ts";
import type { ImportAbilities } from "./profile/import-abilities.ts";
import type { Refused, Served } from "./profile/served.ts";
import { startWorker } from "./start.ts";

/** What a module and its token are, and what they can do for this driver. Plain data. */
export interface ProbeReport {
  readonly module: {
    readonly path: string;
    readonly manufacturer: string;
    readonly description: string;
    readonly version: string;
    readonly cryptoki: string;
  };
  readonly token: {
    readonly label: string;
    readonly manufacturer: string;
    readonly model: string;
    readonly serial: string;
    readonly firmware: string;
    readonly hardware: string;
    /** Names of CKF_ flags. */
    readonly flags: readonly string[];
  };
  /** Of PKCS#11 3.0; none before. Absent without a PIN or native code that shares the state. */
  readonly interfaces?: readonly CryptokiInterface[] | undefined;
  /** As the module lists them, which proves nothing. */
  readonly mechanisms: readonly string[];
  /** Known-answer tests, in order; none without a PIN. */
  readonly tests: readonly ProbeTest[];
  readonly serves: readonly Served[];
  /** With the reasons. */
  readonly refuses: readonly Refused[];
  /** Which key material comes in from outside, by wrapping algorithm. */
  readonly imports: ImportAbilities;
  /** Those that the token has; `resident` is tried when it is asked for, as it leaves objects. */
  readonly wrappings: readonly Pkcs11Wrapping[];
  /** Those that the token can be. */
  readonly boundaries: readonly Pkcs11Boundary[];
  /** Of the domain key that the token has; absent where it has none, or there is no PIN. */
  readonly domainKeyMode?: DomainKeyMode;
  /** Those that `hsm init` can give it. */
  readonly domainKeyModes: readonly DomainKeyMode[];
  /** What it lacks to serve, to have its keys moved, and for each mode and boundary. */
  readonly lacks: readonly string[];
}

export interface ProbeTest {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Reads, and makes session objects only: the token is as it was. ConfigError or HsmError where it does not open. */
export async function probe(config: Pkcs11Config): Promise<ProbeReport> {
  const { link, answer } = await startWorker<ProbeReport>("probe", config);
  await link.close();
  return answer;
}
