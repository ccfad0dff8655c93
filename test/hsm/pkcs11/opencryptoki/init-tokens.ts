import pkcs11js from "pkcs11js";

/** Makes a token in every slot. Arguments: module, PIN, SO PIN, then a label for each. */
const [path, pin, soPin, ...labels] = process.argv.slice(2) as [string, string, string, ...string[]];
const givenSoPin = "87654321";
const module = new pkcs11js.PKCS11();
module.load(path);
module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
for (const [i, slot] of module.C_GetSlotList(true).entries()) {
  module.C_InitToken(slot, givenSoPin, (labels[i] as string).padEnd(32));
  const session = module.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  module.C_Login(session, pkcs11js.CKU_SO, givenSoPin);
  // Until the security officer has changed it, nothing else is allowed.
  module.C_SetPIN(session, givenSoPin, soPin);
  module.C_InitPIN(session, pin);
  module.C_CloseSession(session);
}
module.C_Finalize();
