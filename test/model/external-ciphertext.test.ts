import { describe, expect, it } from "vitest";
import { hex, utf8 } from "../../src/base/bytes.ts";
import { namedHbkId, parseHeader } from "../../src/model/ciphertext.ts";
import { binding } from "../../src/model/encryption-context.ts";
import { buildExternal, externalAad, parseExternal } from "../../src/model/external-ciphertext.ts";

const hbkId = new Uint8Array(32).fill(0xab);
const parts = {
  hbkId,
  metadata: utf8("version=1"),
  iv: new Uint8Array(12).fill(0x1c),
  tag: new Uint8Array(16).fill(0x2d),
  ciphertext: new Uint8Array(5).fill(0x3e),
};

describe("a ciphertext of an external key", () => {
  it("has the layout that is pinned", () => {
    const bytes = buildExternal(parts);
    expect(hex(bytes)).toBe(
      `0102${"ab".repeat(32)}09${hex(parts.metadata)}0c${"1c".repeat(12)}${"2d".repeat(16)}${"3e".repeat(5)}`,
    );
    expect(parseExternal(bytes)).toEqual(parts);
    expect(namedHbkId(bytes)).toEqual(hbkId);
  });

  it("is bound by its head and the hash of key id and context", () => {
    const bound = binding("1234abcd-12ab-34cd-56ef-1234567890ab", { app: "payroll" });
    // SHA-256 of 0024 ‖ key id ‖ 0001 ‖ 00000003 ‖ "app" ‖ 00000007 ‖ "payroll".
    const digest = "1ea4c5eccdac57a708a6a7073ff4489d52ed6e94b2095803d0b7c36c65c115ba";
    expect(hex(externalAad(hbkId, bound))).toBe(`0102${"ab".repeat(32)}${digest}`);
    const other = binding("1234abcd-12ab-34cd-56ef-1234567890ab", { app: "payrolls" });
    expect(externalAad(hbkId, other)).not.toEqual(externalAad(hbkId, bound));
  });

  it("is none to an HSM, and none when it is cut or of other lengths", () => {
    const bytes = buildExternal(parts);
    expect(parseHeader(new Uint8Array(200).fill(0).with(0, 1).with(1, 2))).toBeUndefined();
    const whole = bytes.length - parts.ciphertext.length;
    for (let length = 0; length < whole; length++) expect(parseExternal(bytes.subarray(0, length))).toBeUndefined();
    expect(parseExternal(bytes.with(0, 2))).toBeUndefined();
    expect(parseExternal(bytes.with(1, 1))).toBeUndefined();
    expect(parseExternal(buildExternal({ ...parts, metadata: new Uint8Array(21) }))).toBeUndefined();
    expect(parseExternal(buildExternal({ ...parts, iv: new Uint8Array(13) }))).toBeUndefined();
  });
});
