import type { Ceremony, CeremonyReport, HsmAdmin } from "./admin.ts";
import type { DomainKeyMode, HsmConfig } from "./config.ts";
import type { Hsm, HsmInfo } from "./hsm.ts";

/** One folder of hsm/ each; listed in hsm/index.ts. */
export interface Driver<Config extends HsmConfig> {
  /**
   * Makes the first domain key. A token or folder that has one is refused with a ConfigError, never overwritten. `mode` is
   * for ever; default: plain.
   */
  init(config: Config, mode?: DomainKeyMode): Promise<HsmInfo>;
  /** Self-tests first. ConfigError when the configuration is wrong, HsmError when the HSM is. */
  open(config: Config): Promise<Hsm>;
  /** Absent where no domain key is `trusted`. ConfigError when a step is left to do, or the PIN is refused. */
  trust?(config: Config, ceremony: Ceremony): Promise<CeremonyReport>;
  openAdmin(config: Config): Promise<HsmAdmin>;
}
