import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type BootOptions, bootVm, GuestFailedError, rom, unirom, wrapVm } from "../../src/testing/mod.ts";
import type { VmConfig } from "../../src/machine/mod.ts";
import { launch } from "../../src/vm/mod.ts";
import { assertWithin } from "./_assert_within.ts";

/** A firmware that obeys one-byte commands, and what it is booted with. */
async function withUnirom(
  body: (config: VmConfig, options: BootOptions & { evidenceDir: string }) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${dir}/unirom`, rom(unirom.code));
    const evidenceDir = `${dir}/evidence`;
    await body({ name: "uni", accel: "tcg", memoryMiB: 16, firmware: { bios: `${dir}/unirom` } }, {
      evidenceDir,
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The folders in which evidence was left. */
async function folders(evidenceDir: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(evidenceDir))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("bootVm() gives a VM that runs, and ends it with the scope with nothing left", async () => {
  await withUnirom(async (config, options) => {
    let pid: number | null, runDir: string | null;
    {
      await using vm = await bootVm(config, options);
      await vm.console.expect("READY");
      assertEquals((await vm.status()).status, "running");
      ({ pid, runDir } = vm);
    }
    assert(pid !== null && runDir !== null);
    await assertRejects(() => Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
    await assertRejects(() => Deno.stat(`${runDir}`), Deno.errors.NotFound);
    assertEquals(await folders(options.evidenceDir), []);
  });
});

Deno.test("a wait rejects within 100 ms of the guest's panic, whatever its time limit", async () => {
  await withUnirom(async (config, options) => {
    await assertWithin(100, async () => {
      await using vm = await bootVm(config, options);
      await vm.console.expect("READY");
      using events = vm.events("GUEST_PANICKED");
      const waiting = assertRejects(
        () => vm.console.expect("never said", { timeoutMs: 600_000 }),
        GuestFailedError,
        "guest panicked",
      );
      await vm.console.write("X");
      await events.next();
      const panickedAt = performance.now();
      const error = await waiting;
      const tookMs = performance.now() - panickedAt;
      assertEquals([error.verdict?.cause, error.verdict?.process], ["guest-panic", "held"]);
      assertStringIncludes(error.message, `evidence: ${error.evidence}`);
      assertStringIncludes(error.message, "READY");
      assertStringIncludes(error.stack ?? "", "testing_boot_test.ts");
      return tookMs;
    });
  });
});

Deno.test("what waits for QEMU itself is told of a panic as well: its end follows", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await vm.console.expect("READY");
    await vm.console.write("X");
    assertEquals((await vm.stopped).cause, "guest-panic");
    await assertRejects(() => vm.status(), GuestFailedError, "guest panicked");
  });
});

Deno.test("a wait rejects at once when QEMU is killed, with the verdict", async () => {
  await withUnirom(async (config, options) => {
    await assertWithin(100, async () => {
      await using vm = await bootVm(config, options);
      await vm.console.expect("READY");
      const never = () => vm.console.expect("never said");
      const waiting = assertRejects(never, GuestFailedError, "QEMU was killed");
      assert(vm.pid !== null);
      Deno.kill(vm.pid, "SIGKILL");
      const killedAt = performance.now();
      assertEquals((await waiting).verdict?.cause, "killed");
      const tookMs = performance.now() - killedAt;
      await assertRejects(() => vm.console.write("x"), GuestFailedError, "QEMU was killed");
      return tookMs;
    });
  });
});

Deno.test("an end that nobody was told of is thrown when the VM is disposed of", async () => {
  await withUnirom(async (config, options) => {
    const error = await assertRejects(
      async () => {
        await using vm = await bootVm(config, options);
        await vm.console.expect("READY");
        await vm.console.write("P");
        await vm.stopped;
      },
      GuestFailedError,
      "guest powered itself off",
    );
    assertStringIncludes(error.message, 'await vm.expectEnd("guest-shutdown", action)');
    assertEquals((await folders(options.evidenceDir)).length, 1);
  });
});

Deno.test("a panic in the very last moment of the test is thrown when the VM is disposed of", async () => {
  await withUnirom(async (config, options) => {
    await assertRejects(
      async () => {
        await using vm = await bootVm(config, options);
        await vm.console.expect("READY");
        await vm.qmp.expect("GUEST_PANICKED", () => vm.console.write("X"));
      },
      GuestFailedError,
      "guest panicked",
    );
  });
});

Deno.test("a test is not told twice of one failure", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await assertRejects(
      () => vm.console.expect("READY").then(() => vm.console.write("X")).then(() => vm.console.expect("y")),
      GuestFailedError,
    );
    await assertRejects(() => vm.hmp("info status"), GuestFailedError);
  });
});

Deno.test("signal is aborted with the failure, for what is not the kit's", async () => {
  await withUnirom(async (config, options) => {
    const error = await assertRejects(
      async () => {
        await using vm = await bootVm(config, options);
        const aborted = new Promise((resolve) =>
          vm.signal.addEventListener("abort", resolve, { once: true })
        );
        await vm.console.expect("READY");
        await vm.console.write("T");
        await aborted;
        assertInstanceOf(vm.signal.reason, GuestFailedError);
      },
      GuestFailedError,
      "guest reset itself by a triple fault",
    );
    assertEquals(error.verdict?.tripleFault, true);
  });
});

Deno.test("ends that the test asks for are no failure: shutdown(), kill(), reset(), each with its verdict", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await vm.console.expect("READY");
    await vm.reset();
    await vm.console.expect("READY");
    assertEquals((await vm.shutdown({ powerdownMs: 0 })).cause, "host-quit");
    await using other = await bootVm(config, options);
    assertEquals((await other.kill()).cause, "killed");
    assertEquals(await folders(options.evidenceDir), []);
  });
});

Deno.test("expectEnd() returns the verdict on each end that is wanted, and none of them is a failure", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await vm.console.expect("READY");
    const reset = await vm.expectEnd("guest-reset", () => vm.console.write("R"));
    assertEquals([reset.cause, reset.process], ["guest-reset", "running"]);
    await vm.console.expect("READY");
    const panic = await vm.expectEnd(["guest-panic", "guest-shutdown"], () => vm.console.write("X"));
    assertEquals([panic.cause, panic.process], ["guest-panic", "held"]);
    assertEquals((await vm.status()).status, "guest-panicked");
    await vm.reset();
    await vm.console.expect("READY");
    const off = await vm.expectEnd("guest-shutdown", () => vm.console.write("P"));
    assertEquals([off.cause, off.process], ["guest-shutdown", "ended"]);
    assertEquals(vm.signal.aborted, false);
    assertEquals(await folders(options.evidenceDir), []);
    await assertRejects(() => vm.expectEnd("guest-shutdown"), Error, "it has ended already (guest-shutdown)");
  });
});

Deno.test("a guest that was held at a wanted end is no failure when the test shuts it down", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await vm.console.expect("READY");
    await vm.expectEnd("guest-panic", () => vm.console.write("X"));
    assertEquals((await vm.shutdown()).cause, "guest-panic");
    assertEquals(vm.signal.aborted, false);
  });
});

Deno.test("expectEnd() rejects when the guest ends in another way, and says what was expected", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await vm.console.expect("READY");
    await assertRejects(
      () => vm.expectEnd("guest-shutdown", () => vm.console.write("X")),
      GuestFailedError,
      "expected: guest-shutdown",
    );
  });
});

Deno.test("expectEnd() rejects with what its action throws, and in time when no end comes", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, { ...options, evidence: "never" });
    await vm.console.expect("READY");
    await assertRejects(
      () => vm.expectEnd("guest-shutdown", () => Promise.resolve(), { timeoutMs: 20 }),
      Error,
      'VM "uni" did not end by guest-shutdown within 20 ms',
    );
  });
});

Deno.test("expectEnd() ends what its action still waits for when the end has come", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await vm.console.expect("READY");
    const verdict = await vm.expectEnd("guest-reset", async (signal) => {
      await vm.console.write("R");
      await vm.console.expect("never said", { signal });
    });
    assertEquals(verdict.cause, "guest-reset");
    assertEquals(await folders(options.evidenceDir), []);
  });
});

Deno.test("allowEnds lets a guest end by itself", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, { ...options, allowEnds: ["guest-reset"] });
    await vm.console.expect("READY");
    await vm.console.write("R");
    await vm.console.expect("READY");
    assertEquals(vm.signal.aborted, false);
  });
});

Deno.test("an error of a VM's own call names the folder with the evidence, which is complete once the VM is disposed of", async () => {
  await withUnirom(async (config, options) => {
    let named: string | undefined;
    {
      await using vm = await bootVm({ ...config, vga: "std" }, options);
      const error = await assertRejects(
        () => vm.console.expect("never said", { timeoutMs: 20 }),
        Error,
        "within 20 ms",
      );
      named = /^ {2}evidence: (.*)$/m.exec(error.message)?.[1];
      assertStringIncludes(error.stack ?? "", "testing_boot_test.ts");
    }
    const names = (await Array.fromAsync(Deno.readDir(`${named}`))).map(({ name }) => name);
    for (const name of ["index.html", "screenshot.png", "registers.txt", "argv.sh"]) {
      assert(names.includes(name), `${name} is not among ${names.join(", ")}`);
    }
    assertEquals((await folders(options.evidenceDir)).length, 1);
  });
});

Deno.test("the evidence of a guest that panicked has what only a living QEMU can tell", async () => {
  await withUnirom(async (config, options) => {
    let error: GuestFailedError;
    {
      await using vm = await bootVm(config, options);
      await vm.console.expect("READY");
      await vm.console.write("X");
      error = await assertRejects(() => vm.console.expect("never said"), GuestFailedError);
    }
    assertStringIncludes(await Deno.readTextFile(`${error.evidence}/registers.txt`), "EAX=");
    assertStringIncludes(await Deno.readTextFile(`${error.evidence}/verdict.json`), "guest-panic");
  });
});

Deno.test("evidence is left always, or never, where the options say so", async () => {
  await withUnirom(async (config, options) => {
    {
      await using _vm = await bootVm(config, { ...options, evidence: "always" });
    }
    assertEquals((await folders(options.evidenceDir)).length, 1);
    {
      await using vm = await bootVm(config, { ...options, evidence: "never" });
      const error = await assertRejects(() => vm.console.expect("never said", { timeoutMs: 10 }));
      assert(error instanceof Error && !error.message.includes("evidence"));
    }
    assertEquals((await folders(options.evidenceDir)).length, 1);
  });
});

Deno.test("secrets are in no message", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, { ...options, redact: ["hunter2"] });
    await vm.console.expect("READY");
    await vm.console.write("(hunter2)");
    const late = await assertRejects(() => vm.console.expect("never said", { timeoutMs: 50 }), Error);
    assertStringIncludes(late.message, "([redacted])");
    await vm.console.write("X");
    const failed = await assertRejects(() => vm.console.expect("never said"), GuestFailedError);
    assertStringIncludes(failed.message, "([redacted])");
  });
});

Deno.test("what the caller's own signal ends is no failure", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    const giveUp = new AbortController();
    const waiting = assertRejects(
      () => vm.console.expect("never said", { signal: giveUp.signal }),
      Error,
      "enough",
    );
    giveUp.abort(new Error("enough"));
    assertEquals((await waiting).message, "enough");
    await vm.console.expect("READY");
    assertEquals(await folders(options.evidenceDir), []);
  });
});

Deno.test("VMs of one config run side by side, each with what is its own", async () => {
  await withUnirom(async (config, options) => {
    const forward = { ...config, networks: [{ type: "user" as const, forward: [{ guest: 80 }] }] };
    const said = await Promise.all(Array.from("abcdefgh", async (letter) => {
      await using vm = await bootVm(forward, options);
      await vm.console.expect("READY");
      await vm.console.write(`${letter}.`);
      const { text } = await vm.console.expect(/[a-z]\./);
      return { text, port: (await vm.forwards())[0]?.hostPort, runDir: vm.runDir };
    }));
    assertEquals(said.map(({ text }) => text), Array.from("abcdefgh", (letter) => `${letter}.`));
    assertEquals(new Set(said.map(({ port }) => port)).size, 8);
    assertEquals(new Set(said.map(({ runDir }) => runDir)).size, 8);
  });
});

Deno.test("the console of a VM that has none can't be used", async () => {
  await using vm = await bootVm({ machine: "none", accel: "tcg" }, { evidence: "never" });
  assertThrows(() => vm.console.expect("READY"), TypeError, "its config has none");
});

Deno.test("wrapVm() makes a test's VM of one that was launched", async () => {
  await withUnirom(async (config, options) => {
    const launched = await launch({ ...config, actions: { panic: "pause" } }, { paused: true });
    await using vm = wrapVm(launched, options);
    await vm.resume();
    await vm.console.expect("READY");
    await assertRejects(
      () => vm.expectEnd("watchdog", () => vm.console.write("X")),
      GuestFailedError,
      "guest panicked",
    );
  });
});

Deno.test("what faults bring about is no failure", async () => {
  await withUnirom(async (config, options) => {
    await using vm = await bootVm(config, options);
    await vm.console.expect("READY");
    await vm.faults.panicGuest({ by: "pvpanic" });
    await vm.reset();
    await vm.console.expect("READY");
    await vm.faults.freeze();
    // Disposing of it continues QEMU first.
    await using other = await bootVm(config, options);
    assertEquals((await other.faults.killQemu()).cause, "killed");
    assertEquals([vm.signal.aborted, other.signal.aborted], [false, false]);
    assertEquals(await folders(options.evidenceDir), []);
  });
});
