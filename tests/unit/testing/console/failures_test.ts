// What guests say when they fail: what was recorded from real ones, what their sources say, and what only looks like it.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import {
  classifyConsole,
  FAILURE_CLASSIFIERS,
  type FailureName,
} from "../../../../src/testing/console/failures.ts";
import { FailureWatch } from "../../../../src/testing/console/failure_watch.ts";
import { cuts } from "./_chunks.ts";

const RECORDED = new URL("../../../testdata/consoles/", import.meta.url);
const recorded = (name: string) => Deno.readTextFileSync(new URL(`${name}.txt`, RECORDED));

const FROM_REAL_GUESTS: readonly [file: string, name: FailureName, line: string][] = [
  ["linux_panic", "kernel-panic", "Kernel panic - not syncing: sysrq triggered crash"],
  ["linux_out_of_memory", "out-of-memory", "Out of memory: Killed process 109 (dd) total-vm:3284kB"],
  ["linux_hung_task", "hung-task", "INFO: task dd:109 blocked for more than 2 seconds."],
  ["seabios_nothing_to_boot", "no-bootable-device", "No bootable device."],
  ["ovmf_nothing_to_boot", "no-bootable-device", 'BdsDxe: starting Boot0001 "EFI Internal Shell"'],
];

Deno.test("classifyConsole() knows what a real guest said", async (t) => {
  for (const [file, name, line] of FROM_REAL_GUESTS) {
    await t.step(file, () => {
      const found = classifyConsole(recorded(file));
      assertEquals(found?.name, name);
      assertStringIncludes(found?.line ?? "", line);
    });
  }
});

Deno.test("classifyConsole() gives the whole oops of a panic, and nothing else", () => {
  const { text = "" } = classifyConsole(recorded("linux_panic")) ?? {};
  const lines = text.split("\n");
  assertEquals(lines.length, 39);
  assertStringIncludes(lines[0] ?? "", "] Kernel panic - not syncing: sysrq triggered crash");
  assertStringIncludes(text, "] RIP: 0033:0x47b7a0");
  assertStringIncludes(lines.at(-1) ?? "", "---[ end Kernel panic - not syncing: sysrq triggered crash ]---");
});

/** A line of the kernel's log. */
const k = (message: string) => `[    3.141592] ${message}\r\n`;

const KNOWN: readonly [name: FailureName, said: string][] = [
  ["kernel-panic", k("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)")],
  ["kernel-panic", k("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100")],
  ["kernel-panic", "Kernel panic - not syncing: No working init found.\n"],
  ["kernel-panic", "<0>[    3.141592][    T1] Kernel panic - not syncing: x\n"],
  ["kernel-panic", `log${k("Kernel panic - not syncing: x")}in: `],
  ["oops", k("BUG: kernel NULL pointer dereference, address: 0000000000000000")],
  ["oops", k("BUG: unable to handle page fault for address: ffffdead00000000")],
  ["oops", k("Oops: 0002 [#1] PREEMPT SMP NOPTI")],
  ["oops", k("Oops: Oops: 0000 [#1] SMP PTI")],
  [
    "oops",
    k("general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP"),
  ],
  ["oops", k("invalid opcode: 0000 [#1] PREEMPT SMP NOPTI")],
  ["oops", k("Internal error: Oops: 0000000096000004 [#1] SMP")],
  ["oops", k("Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000")],
  ["oops", "BUG: unable to handle page fault for address: ffffdead00000000\n"],
  ["bug", k("kernel BUG at mm/slub.c:305!")],
  ["bug", k("BUG: KASAN: slab-out-of-bounds in kasan_test+0x1/0x2")],
  ["bug", k("BUG: scheduling while atomic: swapper/0/0/0x00000100")],
  ["bug", "kernel BUG at mm/slub.c:305!\n"],
  ["lockup", k("watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:105]")],
  ["lockup", k("BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!")],
  ["lockup", k("watchdog: Watchdog detected hard LOCKUP on cpu 0")],
  ["hung-task", k("INFO: task dd:109 blocked for more than 120 seconds.")],
  ["hung-task", k("INFO: task kworker/u8:2:77 blocked in I/O wait for more than 120 seconds.")],
  ["out-of-memory", k("Out of memory: Killed process 109 (dd) total-vm:3284kB")],
  ["out-of-memory", k("Out of memory: Kill process 109 (dd) score 900 or sacrifice child")],
  ["emergency-shell", 'You are in emergency mode. After logging in, type "journalctl -xb" to view\r\n'],
  ["emergency-shell", "\x1b[0m\r\nGive root password for maintenance\r\n(or press Control-D to continue): "],
  ["emergency-shell", "Cannot open access to console, the root account is locked.\n"],
  ["emergency-shell", "Entering emergency mode. Exit the shell to continue.\n"],
  ["initramfs-shell", "Enter 'help' for a list of built-in commands.\n\n(initramfs) "],
  ["initramfs-shell", "dracut:/# "],
  ["initramfs-shell", "You are now being dropped into an emergency shell.\n"],
  ["initramfs-shell", "initramfs emergency recovery shell launched. Type 'exit' to continue boot\n"],
  ["no-bootable-device", "No bootable device.  Retrying in 60 seconds.\n"],
  ["no-bootable-device", "BdsDxe: No bootable option or device was found.\r\n"],
  ["boot-loader-rescue", "error: no such partition.\r\nEntering rescue mode...\r\ngrub rescue> "],
];

Deno.test("classifyConsole() knows", async (t) => {
  for (const [name, said] of KNOWN) {
    await t.step(`${name}: ${JSON.stringify(said)}`, () => assertEquals(classifyConsole(said)?.name, name));
  }
});

const INNOCENT: readonly string[] = [
  "don't panic: it was only a test of Kernel panic - not syncing\n",
  "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\n",
  "thread 'main' panicked at src/main.rs:2:5:\n",
  "Nov 21 10:00:00 host kernel: Kernel panic - not syncing: yesterday's\n",
  "BUG: my program has one\nOops: I did it again\nfixed BUG: 42\n",
  "Out of memory: cannot allocate 1 GiB\n",
  "java.lang.OutOfMemoryError: Java heap space\n",
  "INFO: task 7 blocked by review\n",
  "type exit at the (initramfs) prompt, or at grub rescue> if you see it\n",
  "The manual says: You are in emergency mode\n",
  "Reboot, or No bootable device.\n",
  "UEFI Interactive Shell v2.2\n",
  k("app[109]: segfault at 0 ip 0000000000401136 sp 00007ffc error 6 in app[401000+1000]"),
  k("traps: app[12] general protection fault ip:401136 sp:7ffc error:0 in app"),
  k("Memory cgroup out of memory: Killed process 109 (dd) total-vm:3284kB"),
  k("WARNING: CPU: 0 PID: 1 at kernel/foo.c:12 foo+0x1/0x2"),
  k("Command line: panic=1 oops=panic"),
  k("random: crng init done") + "Kernel panic - not syncing: written by a program\n",
  k("random: crng init done") + "BUG: unable to handle page fault for address: 0\n",
  k("---[ end Kernel panic - not syncing: x ]---"),
];

Deno.test("classifyConsole() takes nobody for failed who only says such words", async (t) => {
  for (const said of INNOCENT) {
    await t.step(JSON.stringify(said), () => assertEquals(classifyConsole(said), null));
  }
});

Deno.test("classifyConsole() calls an oops that ends in a panic a panic, with the text of both", () => {
  const said = [
    k("------------[ cut here ]------------"),
    k("kernel BUG at mm/slub.c:305!"),
    k("invalid opcode: 0000 [#1] PREEMPT SMP"),
    k("---[ end trace 0000000000000000 ]---"),
    k("Kernel panic - not syncing: Fatal exception"),
    k("---[ end Kernel panic - not syncing: Fatal exception ]---"),
  ];
  const found = classifyConsole(`login: ${said.join("")}`);
  assertEquals([found?.name, found?.line], ["kernel-panic", "Kernel panic - not syncing: Fatal exception"]);
  assertEquals(found?.text, said.join("").replaceAll("\r\n", "\n").trimEnd());
});

Deno.test("classifyConsole() gives what led to a kill for want of memory, and why an initramfs gave up", () => {
  const report = k("dd invoked oom-killer: gfp_mask=0x1") + k("Mem-Info:").repeat(60);
  const killed = classifyConsole(`${k("before")}${report}${k("Out of memory: Killed process 109 (dd) x")}`);
  assertEquals(killed?.text.split("\n").length, 62);
  const shell = classifyConsole(
    "Gave up waiting for root file system device.\nALERT! x does not exist.\n\n(initramfs) ",
  );
  assertEquals(
    shell?.text,
    "Gave up waiting for root file system device.\nALERT! x does not exist.\n\n(initramfs) ",
  );
});

Deno.test("classifyConsole() leaves out what is switched off", () => {
  const said = k("Kernel panic - not syncing: x") + "No bootable device.\n";
  assertEquals(classifyConsole(said, { "kernel-panic": false })?.name, "no-bootable-device");
  assertEquals(classifyConsole(said, { "kernel-panic": false, "no-bootable-device": false }), null);
  assertEquals(classifyConsole(said, false), null);
  for (const { name } of FAILURE_CLASSIFIERS) {
    const [, said] = KNOWN.find(([known]) => known === name) ?? [];
    assert(said !== undefined, `there is no example of ${name}`);
    assert(classifyConsole(said, { [name]: false })?.name !== name);
  }
});

Deno.test("FailureWatch.text() finds the same failure at the same place, whatever chunks the text comes in", () => {
  const part = fc.constantFrom(
    "a\n",
    "BUG: mine\n",
    "(initramfs) ",
    "\n",
    "No bootable device.\n",
    "x".repeat(300),
  );
  const said = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
  /** What was said until a failure was known, and which it was. */
  const until = (chunks: readonly string[]) => {
    const watch = new FailureWatch(FAILURE_CLASSIFIERS);
    let heard = "";
    for (const chunk of chunks) {
      const { taken, failure } = watch.text(chunk);
      heard += chunk.slice(0, taken);
      if (failure) return [heard, watch.gathered?.name];
    }
    return [heard, null];
  };
  fc.assert(
    fc.property(cuts(said), ({ text, chunks }) => {
      assertEquals(until(chunks.filter((chunk) => chunk !== "")), until([text]));
    }),
    { numRuns: 500 },
  );
});

Deno.test("classifyConsole() costs no more than the text is long", async (t) => {
  /** The least of three times that it takes for a text of so many parts, in milliseconds. */
  const leastMs = (part: string, count: number) => {
    const text = part.repeat(count);
    return Math.min(...[1, 2, 3].map(() => {
      const before = performance.now();
      assertEquals(classifyConsole(text), null);
      return performance.now() - before;
    }));
  };
  // Lines that never end, and such as are full of beginnings.
  for (
    const part of [
      "BUG: ",
      "Oops\n",
      "[    1.",
      "[    1.000000] ",
      "<6>[    1.000000] x\n",
      "\x1b]0;",
      "\x1b[1;",
    ]
  ) {
    await t.step(JSON.stringify(part), () => {
      const [one, eight] = [leastMs(part, 4_000), leastMs(part, 32_000)];
      // Its square would be 64 times as much.
      assert(eight < 32 * Math.max(one, 2), `${one} ms, and for eight times as much ${eight} ms`);
    });
  }
});
