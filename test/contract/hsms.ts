import { join } from "node:path";
import { afterAll } from "vitest";
import { newNssToken } from "../hsm/pkcs11/nss.ts";
import { type OpenCryptoki, startOpenCryptoki } from "../hsm/pkcs11/opencryptoki/tokens.ts";

/** What the service is tried over. */
export const hsmChoices = ["soft", "softhsm2", "nss", "opencryptoki"] as const;
export type HsmChoice = (typeof hsmChoices)[number];

/** How `strongroom dev` is told of an HSM. */
interface Placed {
  readonly options: readonly string[];
  /** What stands before the command. */
  readonly inside: readonly string[];
}

/** By home: one that starts again has the token that it had. */
const placements = new Map<string, Placed>();

/** The HSM of `home`, as a user gives it: of a module that is not provisioned by `dev`, a token is made first. */
export async function placed(home: string, hsm: HsmChoice): Promise<Placed> {
  const found = placements.get(home) ?? (await make[hsm](home));
  placements.set(home, found);
  return found;
}

const make: Readonly<Record<HsmChoice, (home: string) => Placed | Promise<Placed>>> = {
  soft: () => ({ options: ["--hsm", "soft"], inside: [] }),
  softhsm2: () => ({ options: ["--hsm", "softhsm2"], inside: [] }),
  nss(home) {
    const { uri, pin, initArgs, environment } = newNssToken(join(home, "nss"));
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    return { options: ["--hsm", uri, "--pin", pin, "--init-args", initArgs], inside: ["env", ...variables] };
  },
  async opencryptoki() {
    openCryptoki ??= startOpenCryptoki(tokensOfFile);
    const { fresh, inside } = await openCryptoki;
    const { uri, pin } = await fresh();
    return { options: ["--hsm", uri, "--pin", pin], inside };
  },
};

/** More than a file has homes. */
const tokensOfFile = 4;
let openCryptoki: Promise<OpenCryptoki> | undefined;
afterAll(async () => (await openCryptoki)?.stop());
