import pkcs11js from "pkcs11js";
import { expect, it } from "vitest";
import { CryptokiError } from "../../../../src/hsm/pkcs11/cryptoki/cryptoki-call.ts";
import { orNull, twice } from "../../../../src/hsm/pkcs11/cryptoki/second-try.ts";

const failing = (code: number): CryptokiError => new CryptokiError("C_Decrypt", `${code}`, code, undefined);

/** Answers a call with each of `answers` in its turn, as a token does; how often it was asked, and proven. */
function tried(...answers: readonly (string | CryptokiError)[]) {
  const left = [...answers];
  let proofs = 0;
  const use = () => {
    const answer = left.shift();
    if (typeof answer !== "string") throw answer;
    return answer;
  };
  const ask = () =>
    twice(
      () => orNull(use),
      (answer) => answer !== null,
      () => {
        proofs += 1;
      },
    );
  return { ask, proofs: () => proofs, left };
}

it("what works at once is asked for once, and nothing is proven", () => {
  const { ask, proofs, left } = tried("plaintext", "again");
  expect([ask(), proofs(), left]).toEqual(["plaintext", 0, ["again"]]);
});

it.each([pkcs11js.CKR_DEVICE_ERROR, pkcs11js.CKR_GENERAL_ERROR, pkcs11js.CKR_SESSION_CLOSED])(
  "what fails once, by %i, is right when the token has been proven",
  (code) => {
    const { ask, proofs } = tried(failing(code), "plaintext");
    expect([ask(), proofs()]).toEqual(["plaintext", 1]);
  },
);

it("what fails on either side of what works is wrong, unless the code is about no octets", () => {
  const wrong = tried(failing(pkcs11js.CKR_GENERAL_ERROR), failing(pkcs11js.CKR_ENCRYPTED_DATA_INVALID));
  expect([wrong.ask(), wrong.proofs()]).toEqual([null, 1]);
  const memory = failing(pkcs11js.CKR_DEVICE_MEMORY);
  expect(tried(memory, memory).ask).toThrow(expect.objectContaining({ name: "HsmError", kind: "internal" }));
});
