import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { parseUri } from "../../../src/hsm/pkcs11/uri.ts";

describe("a PKCS#11 URI", () => {
  it("names a module and a token", () => {
    expect(parseUri("pkcs11:token=kms;serial=0a1b?module-path=/usr/lib/m.so")).toEqual({
      modulePath: "/usr/lib/m.so",
      token: "kms",
      serial: "0a1b",
    });
    const all =
      "pkcs11:manufacturer=Acme%20Inc;model=X;slot-id=7;token=a%3Bb%25?module-path=/m.so&pin-source=file:/run/pin";
    expect(parseUri(all)).toEqual({
      modulePath: "/m.so",
      token: "a;b%",
      manufacturer: "Acme Inc",
      model: "X",
      slotId: 7,
      pinSource: "file:/run/pin",
    });
  });

  it("names the PIN's file in each of the three ways of RFC 7512", () => {
    for (const source of ["file:/run/pin", "file:///run/pin", "/run/pin"]) {
      expect(parseUri(`pkcs11:token=a?module-path=/m&pin-source=${source}`).pinSource).toBe("file:/run/pin");
    }
  });

  it.each([
    ["http:token=a?module-path=/m", /begins with pkcs11:/],
    ["pkcs11:token=a", /module-path/],
    ["pkcs11:?module-path=/m", /names no token/],
    ["pkcs11:token=a;token=b?module-path=/m", /token twice/],
    ["pkcs11:token=a;object=key?module-path=/m", /not known: object/],
    ["pkcs11:token=a?module-path=/m&module-name=x", /not known: module-name/],
    ["pkcs11:module-path=/m;token=a", /not known: module-path/],
    ["pkcs11:token?module-path=/m", /name=value/],
    ["pkcs11:token=?module-path=/m", /empty/],
    ["pkcs11:token=%00?module-path=/m", /NUL/],
    ["pkcs11:token=%ff?module-path=/m", /percent-encoded/],
    ["pkcs11:token=%zz?module-path=/m", /percent-encoded/],
    ["pkcs11:token=a;slot-id=first?module-path=/m", /not a number/],
    ["pkcs11:token=a?module-path=/m?pin-source=file:/p", /one \?/],
    ["pkcs11:token=a?module-path=/m&pin-source=pin", /pin-source/],
    ["pkcs11:token=a?module-path=/m&pin-source=file:relative", /pin-source/],
  ])("is refused: %s", (uri, reason) => {
    expect(() => parseUri(uri)).toThrow(ConfigError);
    expect(() => parseUri(uri)).toThrow(reason);
  });

  it("does not carry the PIN, and its refusal does not repeat it", () => {
    for (const uri of [
      "pkcs11:token=a?module-path=/m&pin-value=13579",
      "pkcs11:token=a;pin-value=13579?module-path=/m",
      "pkcs11:token=a?module-path=/m&pin-source=13579",
      "pkcs11:token=a;slot-id=1357%39?module-path=/m&pin-source=x",
    ]) {
      expect(() => parseUri(uri)).toThrow(ConfigError);
      expect(() => parseUri(uri)).not.toThrow(/1357/);
    }
  });

  it("is parsed or refused, whatever it is", () => {
    const part = fc.constantFrom(
      "token=",
      "serial=",
      "?",
      ";",
      "&",
      "%",
      "module-path=/m",
      "=",
      "a",
      "%41",
      "pin-value=",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string())), (parts) => {
        try {
          expect(parseUri(`pkcs11:${parts.join("")}`).modulePath).not.toBe("");
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
  });

  it("gives back every label that was percent-encoded", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: "grapheme" }).filter((label) => !label.includes("\0")),
        (label) => {
          expect(parseUri(`pkcs11:token=${encodeURIComponent(label)}?module-path=/m`).token).toBe(label);
        },
      ),
    );
  });
});
