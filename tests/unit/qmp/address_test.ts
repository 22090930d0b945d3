import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertAddress, formatAddress, type MonitorAddress } from "../../../src/qmp/address.ts";
import { QmpClient } from "../../../src/qmp/mod.ts";

Deno.test("formatAddress() writes addresses as QEMU's own tools do", () => {
  const cases: [MonitorAddress, string][] = [
    [{ transport: "unix", path: "/run/vm/qmp" }, "unix:/run/vm/qmp"],
    [{ transport: "unix", path: "\0abstract" }, "unix:@abstract"],
    [{ transport: "tcp", host: "localhost", port: 4444 }, "tcp:localhost:4444"],
    [{ transport: "tcp", host: "::1", port: 4444 }, "tcp:[::1]:4444"],
    [{ transport: "stdio" }, "stdio"],
  ];
  for (const [address, written] of cases) {
    assertAddress(address);
    assertEquals(formatAddress(address), written);
  }
});

Deno.test("QmpClient.connect() says what an address looks like when it is given something else", async () => {
  const circle: Record<string, unknown> = { transport: "unix" };
  circle["path"] = circle;
  const cases: [unknown, string][] = [
    [undefined, "undefined"],
    [null, "null"],
    ["tcp:localhost:4444", '"tcp:localhost:4444"'],
    [
      { transport: "tpc", host: "localhost", port: 4444 },
      '{"transport":"tpc","host":"localhost","port":4444}',
    ],
    [{ transport: "unix" }, '{"transport":"unix"}'],
    [
      { transport: "tcp", host: "localhost", port: 65536 },
      '{"transport":"tcp","host":"localhost","port":65536}',
    ],
    [
      { transport: "tcp", host: "localhost", port: "4444" },
      '{"transport":"tcp","host":"localhost","port":"4444"}',
    ],
    [
      { transport: "tcp", host: "localhost", port: 4444n },
      '{"transport":"tcp","host":"localhost","port":"4444n"}',
    ],
    [4444n, '"4444n"'],
    [circle, "an object that has no JSON"],
  ];
  for (const [address, found] of cases) {
    const message = `Cannot use ${found} as a monitor's address: expected { transport: "unix", path }, ` +
      '{ transport: "tcp", host, port } or { transport: "stdio" }';
    assertThrows(() => assertAddress(address), TypeError, message);
    await assertRejects(() => QmpClient.connect(address as MonitorAddress), TypeError, message);
  }
});
