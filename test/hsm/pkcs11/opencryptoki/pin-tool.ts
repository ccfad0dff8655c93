import pkcs11js from "pkcs11js";

/** `lock`: three wrong PINs. `unlock`: the security officer sets the PIN again. Arguments: module, label, SO PIN, PIN, command. */
const [path, label, soPin, pin, command] = process.argv.slice(2) as [string, string, string, string, string];
const module = new pkcs11js.PKCS11();
module.load(path);
module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
const slot = module.C_GetSlotList(true).find((slot) => module.C_GetTokenInfo(slot).label.trim() === label) as Buffer;
const session = module.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
if (command === "lock") {
  for (let tries = 0; tries < 3; tries++) {
    try {
      module.C_Login(session, pkcs11js.CKU_USER, "99999999");
    } catch {
      // As it should.
    }
  }
} else {
  module.C_Login(session, pkcs11js.CKU_SO, soPin);
  module.C_InitPIN(session, pin);
}
module.C_Finalize();
