import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import type { DomainKeyState, HsmAdmin, HsmConfig } from "../../src/hsm/index.ts";
import {
  aad,
  algorithm,
  closeBench,
  domainKeyOf,
  expectHsmError,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  openBench,
  useBench,
} from "./hsm-fixture.ts";

const unknownId = "00".repeat(16);

export function domainKeyClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("domain keys", () => {
    const bench = useBench(fixture);
    const stateOf = async (id: string) => (await bench().admin.domainKeys()).find((key) => key.id === id)?.state;
    const activeId = async () => (await activeOf(bench().admin)).id;

    /** A new active domain key; answers the one that was. */
    async function rotate(): Promise<{ before: string; after: string }> {
      const before = await activeId();
      const after = await bench().admin.addDomainKey();
      await bench().admin.activateDomainKey(after);
      return { before, after };
    }

    it("begin with one active", async () => {
      const fresh = await openBench(fixture);
      const [first, ...others] = await fresh.admin.domainKeys();
      expect(others).toEqual([]);
      expect(first).toMatchObject({ state: "active", id: expect.stringMatching(/^[0-9a-f]{32}$/) });
      expect(Math.abs(Date.now() - (first?.since ?? 0))).toBeLessThan(60_000);
      await closeBench(fresh);
    });

    it("are readable when added, and serve new tokens when activated", async () => {
      const before = await activeId();
      const added = await bench().admin.addDomainKey();
      expect(await stateOf(added)).toBe("readable");
      expect(await activeId()).toBe(before);
      await bench().hsm.reload();
      expect(domainKeyOf(await bench().hsm.generateKey(metaOf("record")))).toBe(before);
      await bench().admin.activateDomainKey(added);
      expect(await stateOf(before)).toBe("unwrap-only");
      await bench().hsm.reload();
      expect(domainKeyOf(await bench().hsm.generateKey(metaOf("record")))).toBe(added);
    });

    it("are held while they unwrap, as far as the HSM has read", async () => {
      const { hsm, admin } = bench();
      const { before, after } = await rotate();
      await hsm.reload();
      expect([before, after, unknownId].map((id) => hsm.holds(id))).toEqual([true, true, false]);
      await admin.quarantineDomainKey(before);
      await hsm.reload();
      expect([before, after].map((id) => hsm.holds(id))).toEqual([false, true]);
    });

    it("go from state to state in order, and no other way", async () => {
      const { admin } = bench();
      const { before, after } = await rotate();
      const readable = await admin.addDomainKey();
      for (const id of [before, after, unknownId]) await expectHsmError("refused", admin.activateDomainKey(id), id);
      for (const id of [after, readable, unknownId]) await expectHsmError("refused", admin.quarantineDomainKey(id), id);
      for (const id of [before, after, readable, unknownId]) {
        await expectHsmError("refused", admin.destroyDomainKey(id), id);
      }
      const reached: (DomainKeyState | undefined)[] = [await stateOf(before)];
      await admin.quarantineDomainKey(before);
      reached.push(await stateOf(before));
      await expectHsmError("refused", admin.quarantineDomainKey(before));
      await expectHsmError("refused", admin.activateDomainKey(before));
      await admin.destroyDomainKey(before);
      reached.push(await stateOf(before));
      await expectHsmError("refused", admin.destroyDomainKey(before));
      expect(reached).toEqual(["unwrap-only", "quarantined", "destroyed"]);
      expect([await stateOf(after), await stateOf(readable)]).toEqual(["active", "readable"]);
    });

    it("rotate under a key, whose HBK id stays and whose old ciphertexts open", async () => {
      const { hsm, admin } = bench();
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      const ciphertext = await hsm.encrypt(key, algorithm, utf8("old"), aad);
      const { before, after } = await rotate();
      const rewrapped = await admin.rewrap(key);
      expect([domainKeyOf(key), domainKeyOf(rewrapped)]).toEqual([before, after]);
      expect(hbkIdOf(rewrapped)).toEqual(hbkIdOf(key));
      await hsm.reload();
      expect(await hsm.decrypt(rewrapped, algorithm, ciphertext, aad)).toEqual(utf8("old"));
      expect(await hsm.decrypt(key, algorithm, ciphertext, aad), "unwrap-only").toEqual(utf8("old"));
      const again = await hsm.encrypt(key, algorithm, utf8("new"), aad);
      expect(await hsm.decrypt(rewrapped, algorithm, again, aad)).toEqual(utf8("new"));
    });

    it("rewrap tokens of every kind", async () => {
      const { hsm, admin } = bench();
      const [record, index] = [await hsm.generateKey(metaOf("record")), await hsm.generateKey(metaOf("index"))];
      const sigv4 = await hsm.importKey(metaOf("sigv4"), utf8("AWS4a"));
      const before = [await hsm.release(record), await hsm.release(index), await hsm.mac(sigv4, aad)];
      await rotate();
      const [record2, index2, sigv42] = [
        await admin.rewrap(record),
        await admin.rewrap(index),
        await admin.rewrap(sigv4),
      ];
      await hsm.reload();
      expect([await hsm.release(record2), await hsm.release(index2), await hsm.mac(sigv42, aad)]).toEqual(before);
      for (const kind of ["audit", "import"] as const) {
        const key = await hsm.generateKey(metaOf(kind));
        expect(hbkIdOf(await admin.rewrap(key))).toEqual(hbkIdOf(key));
      }
    });

    it("come to a running Hsm that meets a token under one that it does not know", async () => {
      const running = await fixture.driver.open(bench().config);
      const key = await running.generateKey(metaOf("kms-symmetric"));
      const ciphertext = await running.encrypt(key, algorithm, utf8("x"), aad);
      await rotate();
      const rewrapped = await bench().admin.rewrap(key);
      expect(await running.decrypt(rewrapped, algorithm, ciphertext, aad)).toEqual(utf8("x"));
      await running.close();
    });

    it("refuse every use in quarantine, and after", async () => {
      const { hsm, admin, config } = bench();
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      const ciphertext = await hsm.encrypt(key, algorithm, utf8("x"), aad);
      const { before } = await rotate();
      const rewrapped = await admin.rewrap(key);
      for (const next of ["quarantineDomainKey", "destroyDomainKey"] as const) {
        await admin[next](before);
        await hsm.reload();
        const opened = await fixture.driver.open(config);
        for (const each of [hsm, opened]) {
          await expectHsmError("refused", each.encrypt(key, algorithm, aad, aad), next);
          await expectHsmError("refused", each.decrypt(key, algorithm, ciphertext, aad), next);
          await expectHsmError(
            "refused",
            each.reEncrypt({ key, algorithm, ciphertext, aad }, { key: rewrapped, algorithm, aad }),
          );
          expect(await each.decrypt(rewrapped, algorithm, ciphertext, aad)).toEqual(utf8("x"));
          expect(await each.health()).toMatchObject({ ok: true });
        }
        await expectHsmError("refused", admin.rewrap(key), next);
        await opened.close();
      }
    });

    it("are one state for two administrators", async () => {
      const other = await fixture.driver.openAdmin(bench().config);
      const [mine, theirs] = [await bench().admin.addDomainKey(), await other.addDomainKey()];
      await bench().admin.activateDomainKey(theirs);
      await other.activateDomainKey(mine);
      expect(await activeId()).toBe(mine);
      expect(await other.domainKeys()).toEqual(await bench().admin.domainKeys());
      await other.close();
    });
  });
}

async function activeOf(admin: HsmAdmin) {
  const active = (await admin.domainKeys()).filter(({ state }) => state === "active");
  expect(active).toHaveLength(1);
  return active[0] as (typeof active)[0];
}
