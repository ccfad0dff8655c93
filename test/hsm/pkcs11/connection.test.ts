import { describe, expect, it } from "vitest";
import { Connection } from "../../../src/hsm/pkcs11/connection.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { isAlive, softTokens, until } from "./tokens.ts";

const token = softTokens();

describe("a connection", () => {
  it("renews its worker under load, and no call fails", async () => {
    const config = await token();
    await driver.init(config);
    const connection = await Connection.open("hsm", config);
    const old = connection.pid as number;
    let calls = 0;
    let busy = true;
    const load = Array.from({ length: 8 }, async () => {
      while (busy) {
        expect(await connection.call("random", 32)).toHaveLength(32);
        calls += 1;
      }
    });
    connection.renew();
    await until(() => !isAlive(old), 10_000);
    const before = calls;
    await until(() => calls > before + 100);
    busy = false;
    await Promise.all(load);
    expect(connection.pid).not.toBe(old);
    await connection.close();
  });

  it("closes while a worker is starting, and leaves none", async () => {
    const config = await token();
    await driver.init(config);
    const connection = await Connection.open("hsm", config);
    process.kill(connection.pid as number, "SIGKILL");
    await until(
      async () =>
        !(await connection.call("health").then(
          () => true,
          () => false,
        )),
    );
    await connection.close();
    await expect(connection.call("health")).rejects.toMatchObject({ kind: "unavailable" });
    expect(isAlive(connection.pid as number)).toBe(false);
  });
});
