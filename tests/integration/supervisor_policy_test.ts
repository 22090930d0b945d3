// What the policy learned, on real guests: dumps, whose reset it was, a spec that is replaced, QEMUs that do not answer.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { tinyGuests, uniCommands, unirom } from "../../src/testing/mod.ts";
import { namesIn, supervised as test, tell } from "./_supervised.ts";

const { panic, reset } = uniCommands;

test(
  "a guest that panics is dumped before its next life, and the report says where",
  async (yard, { supervisor, reports }) => {
    const dir = `${yard.folder}/crash`;
    const onCause = { "guest-panic": { dump: { dir, keep: 1 }, then: "restart" } } as const;
    const { vm } = await supervisor.add(
      await yard.firmware("web", unirom, {
        onCause,
        config: { extraArgs: ["-device", "loader,addr=0x800000,data=0x7370656b65657121,data-len=8"] },
      }),
    );
    await tell(vm, panic);
    const dumped = await reports.until("web", "dumped -> clear-away");
    await reports.until("web", "started");
    assertEquals(reports.of("web").filter((line) => !line.startsWith("dump-progress")), [
      "asked start -> start",
      "started",
      "guest-ended guest-panic -> dump",
      "dumped -> clear-away",
      "ended guest-panic -> start",
      "started",
    ]);
    assert(dumped.kind === "dumped");
    assertEquals((await namesIn(dir)).map((name) => `${dir}/${name}`), [dumped.file]);
    const memory = new TextDecoder("latin1").decode(await Deno.readFile(dumped.file));
    assertStringIncludes(memory, "!qeekeps");
  },
);

test(
  "a dump that fails is reported, and what follows is done all the same: here a reset in place",
  async (yard, { supervisor, reports }) => {
    await Deno.writeTextFile(`${yard.folder}/file`, "in the way");
    const onCause = {
      "guest-panic": { dump: { dir: `${yard.folder}/file/crash` }, then: "reset" },
    } as const;
    const { vm } = await supervisor.add(await yard.firmware("web", unirom, { onCause }));
    await tell(vm, panic);
    await reports.until("web", "dump-failed -> reset");
    await vm?.console?.expect("READY");
    assertEquals([supervisor.get("web")?.phase, supervisor.get("web")?.vm?.pid], ["up", vm?.pid]);
  },
);

test(
  "a guest can be dumped and preserved, and a stop does not wait for a dump",
  async (yard, { supervisor, reports }) => {
    const dir = `${yard.folder}/crash`;
    const kept = { "guest-panic": { dump: { dir, format: "kdump-zlib" }, then: "preserve" } } as const;
    await supervisor.add(await yard.firmware("kept", tinyGuests.panic, { onCause: kept }));
    await reports.until("kept", "dumped -> give up (preserved)");
    assertEquals(supervisor.get("kept")?.phase, "held");

    const slow = await yard.firmware("slow", tinyGuests.panic, {
      onCause: { "guest-panic": { dump: { dir }, then: "restart" } },
      config: { memoryMiB: 1024 },
    });
    const added = supervisor.add(slow);
    await reports.until("slow", "guest-ended guest-panic -> dump");
    const { phase } = await supervisor.stop("slow");
    await added;
    assertEquals([phase, supervisor.get("slow")?.lastVerdict?.cause], ["down", "guest-panic"]);
    await supervisor.remove("slow");
    assertEquals((await namesIn(dir)).filter((name) => name.startsWith("slow")), []);
  },
);

test(
  "an operator's reset is not counted, also where QEMU holds the guest's own",
  async (yard, { supervisor, reports }) => {
    const { vm } = await supervisor.add(
      await yard.disk("web", {
        onCause: { "guest-reset": "restart" },
        limit: { restarts: 1, withinMs: 600_000 },
      }),
    );
    await vm?.console?.expect("READY");
    // By the library, and by hand at a monitor.
    await vm?.reset();
    await vm?.console?.expect("READY");
    assertEquals(reports.of("web"), ["asked start -> start", "started"]);
    await vm?.hmp("system_reset");
    await reports.until("web", "guest-ended guest-reset -> reset");
    await vm?.console?.expect("READY");
    const { phase, restarts } = supervisor.get("web") ?? {};
    assertEquals([phase, restarts, supervisor.get("web")?.vm?.pid], ["up", 0, vm?.pid]);
    // The guest's own is a cold restart, and counts: once, however often SeaBIOS repeats it.
    await vm?.console?.write(reset);
    await reports.until("web", "guest-ended guest-reset -> clear-away");
    await reports.until("web", "started");
    assertEquals(supervisor.get("web")?.restarts, 1);
  },
);

test(
  "a config that is replaced counts from the guest's own reboot on, where that is a cold restart",
  async (yard, { supervisor, reports }) => {
    const spec = await yard.disk("web", { onCause: { "guest-reset": "restart" } });
    const { vm } = await supervisor.add(spec);
    await vm?.console?.expect("READY");
    await supervisor.update("web", { config: { ...spec.config, memoryMiB: 24 }, stop: { powerdownMs: 0 } });
    assertEquals(supervisor.get("web")?.vm?.pid, vm?.pid);
    await vm?.console?.write(reset);
    await reports.until("web", "guest-ended guest-reset -> clear-away");
    await reports.until("web", "started");
    const next = supervisor.get("web")?.vm;
    assert(next?.argv?.includes("size=24M"), next?.argv?.join(" "));
    // The new policy leaves reboots to QEMU.
    await tell(next, reset);
    await reports.until("web", "guest-ended guest-reset");
    await next?.console?.expect("READY");
    assertEquals(supervisor.get("web")?.vm?.pid, next?.pid);
  },
);

test(
  "a guest that failed stays so until that is cleared, and is only started when somebody asks",
  async (yard, { supervisor, reports }) => {
    const limit = { restarts: 0, withinMs: 60_000 };
    const spec = await yard.firmware("web", tinyGuests.panic, { limit });
    await supervisor.add(spec);
    await reports.until("web", "ended guest-panic -> give up (restart-limit)");
    assertEquals(supervisor.get("web")?.phase, "failed");
    const { phase, wanted, restarts } = await supervisor.clear("web");
    assertEquals([phase, wanted, restarts], ["down", "down", 0]);
    await supervisor.start("web");
    await reports.until("web", "started");
  },
);

test(
  "a QEMU that is stopped is put down where the policy has it, and its end is unresponsive",
  async (yard, { supervisor, reports }) => {
    const onStuck = { afterMs: 500, action: "restart" } as const;
    const { vm } = await supervisor.add(await yard.firmware("web", unirom, { onStuck }));
    assert(typeof vm?.pid === "number");
    Deno.kill(vm.pid, "SIGSTOP");
    await reports.until("web", "stuck stopped -> put-down");
    await reports.until("web", "ended unresponsive -> start");
    await reports.until("web", "started");
    assertEquals(supervisor.get("web")?.phase, "up");
  },
);

test(
  "a QEMU that is stopped is only reported by default, and its guest goes on with its life",
  async (yard, { supervisor, reports }) => {
    const { vm } = await supervisor.add(await yard.firmware("web", unirom, { onStuck: { afterMs: 500 } }));
    assert(typeof vm?.pid === "number");
    Deno.kill(vm.pid, "SIGSTOP");
    await reports.until("web", "stuck stopped");
    assertEquals(supervisor.get("web")?.phase, "unresponsive");
    Deno.kill(vm.pid, "SIGCONT");
    await reports.until("web", "unstuck");
    assertEquals([supervisor.get("web")?.phase, supervisor.get("web")?.vm?.pid], ["up", vm.pid]);
  },
);
