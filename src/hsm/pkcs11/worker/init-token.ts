import pkcs11js from "pkcs11js";
import { fromUtf8, utf8 } from "../../../base/bytes.ts";
import { ConfigError } from "../../../base/errors.ts";
import { unpadded } from "../cryptoki/token-selector.ts";
import type { Greeting } from "../protocol.ts";

const labelLength = 32;

/** C_InitToken and C_InitPIN in the module's first slot that has no token yet. Answers the new token's serial number. */
export function initToken({ module: path, label, pin, soPin }: Greeting): string {
  if (label !== undefined && utf8(label).length > labelLength)
    throw new ConfigError("a token label has 32 bytes at most");
  if (!label || !pin || !soPin) throw new ConfigError("a token needs a label and two PINs");
  const module = new pkcs11js.PKCS11();
  module.load(path);
  module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  const isFree = (slot: pkcs11js.Handle) => (module.C_GetTokenInfo(slot).flags & pkcs11js.CKF_TOKEN_INITIALIZED) === 0;
  const slot = module.C_GetSlotList(true).find(isFree);
  if (!slot) throw new ConfigError("the module has no slot for a new token");
  // graphene's initToken fails after the fact: it trims an answer that pkcs11js 2 does not give.
  module.C_InitToken(slot, fromUtf8(soPin), label + " ".repeat(labelLength - utf8(label).length));
  const session = module.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  module.C_Login(session, pkcs11js.CKU_SO, fromUtf8(soPin));
  module.C_InitPIN(session, fromUtf8(pin));
  module.C_Logout(session);
  const serial = unpadded(module.C_GetTokenInfo(slot).serialNumber);
  module.C_Finalize();
  return serial;
}
