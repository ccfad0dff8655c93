import { driver } from "../../../src/hsm/soft/driver.ts";

/**
 * A process of its own that changes the state of a soft HSM: `writer.ts <directory> anchors|domain-keys <count>`, then
 * says "done" or the kind of the HsmError. Starts when a line comes in, having said "ready".
 */
const [directory = "", what, count] = process.argv.slice(2);
const config = { driver: "soft", directory, keyFile: `${directory}/key`, engine: "node" } as const;
const hsm = await driver.open(config);
const admin = await driver.openAdmin(config);
console.log("ready");
await new Promise((start) => process.stdin.once("data", start));
try {
  for (let i = 1; i <= Number(count); i++) {
    if (what === "anchors") await hsm.writeAnchor(new Uint8Array(1024).fill(i));
    else await admin.addDomainKey();
  }
  console.log("done");
} catch (error) {
  console.log((error as { kind?: string }).kind);
}
process.exit();
