import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import type { Hsm, Pkcs11Config } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { hsmDataPath } from "../../conformance/hsm.ts";
import { aad, algorithm, expectHsmError, type HsmFixture, metaOf } from "../../conformance/hsm-fixture.ts";
import { nssTokens } from "./nss.ts";
import { softTokens } from "./tokens.ts";

const soft = softTokens();
const nss = nssTokens();
const fixture = (fresh: () => Promise<Pkcs11Config>, at: Partial<Pkcs11Config>): HsmFixture<Pkcs11Config> => ({
  driver,
  fresh: async () => ({ ...(await fresh()), ...at }),
  stride: 32,
});
const oneByOne = { engine: "wasm" } as const;

hsmDataPath("SoftHSM2, whose token does AES-GCM,", fixture(soft, { boundary: "token-gcm", ...oneByOne }));
hsmDataPath("NSS, whose token derives the key of each call,", fixture(nss, { boundary: "token", sessions: 4 }));

describe("a boundary", () => {
  it.each([
    ["NSS", nss, ["call-key", "token-gcm", "token"], oneByOne],
    ["SoftHSM2", soft, ["call-key", "token-gcm"], { sessions: 2 }],
  ] as const)("of %s makes ciphertexts that open across every other", async (_, fresh, boundaries, way) => {
    const config = { ...(await fresh()), ...way };
    await driver.init(config);
    const hsms = await Promise.all(boundaries.map((boundary) => driver.open({ ...config, boundary })));
    const [first] = hsms as [Hsm, ...Hsm[]];
    const key = await first.generateKey(metaOf("kms-symmetric"));
    for (const [i, hsm] of hsms.entries()) {
      expect(hsm.info.boundary).toBe(boundaries[i]);
      const ciphertext = await hsm.encrypt(key, algorithm, utf8("plaintext"), aad);
      for (const other of hsms) expect(await other.decrypt(key, algorithm, ciphertext, aad)).toEqual(utf8("plaintext"));
    }
    await Promise.all(hsms.map((hsm) => hsm.close()));
  });

  it("in the token has no SM4 keys, and says why, when one is made and when one is used", async () => {
    const config = await nss();
    await driver.init(config);
    const meta = { ...metaOf("kms-symmetric"), spec: "SM4" } as const;
    const outside = await driver.open(config);
    expect(outside.refusal("SM4", "ENCRYPT_DECRYPT")).toBeUndefined();
    const key = await outside.generateKey(meta);
    const ciphertext = await outside.encrypt(key, algorithm, utf8("plaintext"), aad);
    for (const boundary of ["token", "token-gcm"] as const) {
      const hsm = await driver.open({ ...config, boundary });
      expect(hsm.refusal("SM4", "ENCRYPT_DECRYPT")).toMatch(/no token computes .* call-key/);
      await expect(hsm.generateKey(meta)).rejects.toThrow(/no token computes/);
      await expectHsmError("unsupported", hsm.encrypt(key, algorithm, aad, aad));
      await expectHsmError("unsupported", hsm.decrypt(key, algorithm, ciphertext, aad));
      await hsm.close();
    }
    expect(await outside.decrypt(key, algorithm, ciphertext, aad)).toEqual(utf8("plaintext"));
    await outside.close();
  });

  it("is refused where the token cannot be it", async () => {
    const config = { ...(await soft()), boundary: "token" } as const;
    await expect(driver.init(config)).rejects.toThrow(/boundary token: C_DeriveKey .*CKR_MECHANISM_INVALID/);
    await expectHsmError("unsupported", driver.init(config));
  });

  it("inside the token needs keys to derive from, which a locked domain key does not give", async () => {
    const config = { ...(await soft()), boundary: "token" } as const;
    await expect(driver.init(config, "locked")).rejects.toThrow(/locked .*derive/);
  });
});
