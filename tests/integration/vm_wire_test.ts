// What a launch's tap is told of the monitors of a real QEMU.
import { assert, assertEquals } from "@std/assert";
import { launch } from "../../mod.ts";

Deno.test("launch() tells its tap all that goes over each monitor, from the greeting to the end", async () => {
  const told = new Map<string, string>();
  const note = (monitor: string, direction: string, bytes: Uint8Array) => {
    const key = `${monitor} ${direction}`;
    told.set(key, (told.get(key) ?? "") + new TextDecoder().decode(bytes));
  };
  const config = { machine: "none", accel: "tcg", monitors: [{ id: "own" }] } as const;
  await using vm = await launch(config, { wire: note });
  await vm.status();
  await vm.shutdown({ powerdownMs: 0 });
  for (const monitor of ["control", "watch", "own"]) {
    assert(told.get(`${monitor} received`)?.startsWith('{"QMP":'), `${monitor} has no greeting`);
    assert(told.get(`${monitor} sent`)?.includes("qmp_capabilities"));
    assert(told.get(`${monitor} received`)?.includes('"SHUTDOWN"'), `${monitor} has no end`);
  }
  assertEquals(told.get("control sent")?.match(/query-status/g)?.length, 1);
  assertEquals([...told.keys()].filter((key) => key.endsWith("sent")).length, 3);
});

Deno.test("Vm.stderrTail is what QEMU said on stderr, while it still runs", async () => {
  const extraArgs = ["-global", "nosuchdevice.property=1"]; // a warning is all that QEMU makes of it
  await using vm = await launch({ machine: "none", accel: "tcg", extraArgs });
  assert(vm.stderrTail.includes("nosuchdevice"), JSON.stringify(vm.stderrTail));
});
