import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open as openNodeEngine } from "../../src/engine/node/engine.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import { initHsm, mainHsm, type SoftConfig } from "../../src/hsm/index.ts";
import { openSealed, type SealedOptions, type SealedStore } from "../../src/store/sealed.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";

export const engine = await openNodeEngine();

/** A folder with a soft HSM and the place of a store. */
export class Home {
  readonly folder: string;
  readonly file: string;
  readonly hsmConfig: SoftConfig;

  constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, "store.db");
    this.hsmConfig = softConfig(join(folder, "hsm"));
  }

  static async make(): Promise<Home> {
    const home = new Home(mkdtempSync(join(tmpdir(), "sealed-")));
    await initHsm(home.hsmConfig);
    return home;
  }

  /** The same HSM and store in another folder. */
  copy(): Home {
    const home = new Home(mkdtempSync(join(tmpdir(), "sealed-")));
    cpSync(this.folder, home.folder, { recursive: true });
    return home;
  }

  hsms(config: SoftConfig = this.hsmConfig): Promise<HsmSet> {
    return HsmSet.open(mainHsm(config));
  }

  /** The HSM goes with the store. */
  async open(options: SealedOptions = { create: true }, config: SoftConfig = this.hsmConfig): Promise<SealedStore> {
    const hsms = await this.hsms(config);
    const inner = await openSqlite(this.file, { create: options.create ?? false });
    try {
      const store = await openSealed(inner, hsms, engine, options);
      const close = store.close.bind(store);
      store.close = () => close().finally(() => hsms.close());
      return store;
    } catch (error) {
      await inner.close();
      await hsms.close();
      throw error;
    }
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** The key file lies beside the folder; `init` makes both. */
export const softConfig = (directory: string): SoftConfig => ({
  driver: "soft",
  directory,
  keyFile: `${directory}.key`,
  engine: "node",
});
