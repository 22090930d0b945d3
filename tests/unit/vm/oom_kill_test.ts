import { assertEquals } from "@std/assert";
import { type CountChange, judgeOomKill, type KernelLog, readKernelLog } from "../../../src/vm/oom_kill.ts";

/** As Linux 6 writes it, for a control group and for the whole host. */
const LOG = `<5>[    0.000000] Linux version 6.1.0
<6>[  100.000001] qemu-system-x86 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
<6>[  100.000002] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,task=qemu-system-x86,pid=4242,uid=0
<3>[  100.000003] Memory cgroup out of memory: Killed process 4242 (qemu-system-x86) total-vm:911032kB, anon-rss:65000kB
<3>[  200.000003] Out of memory: Killed process 4243 (qemu-system-aar) total-vm:911032kB, anon-rss:65000kB
<3>[  300.000003] Out of memory: Killed process 4244 (postgres) total-vm:911032kB, anon-rss:65000kB
`;

Deno.test("readKernelLog() finds the QEMU that the kernel says it killed, by its pid", () => {
  assertEquals(readKernelLog(LOG, 4242, 50), "names it");
  assertEquals(readKernelLog(LOG, 4243, 50), "names it");
  for (const pid of [424, 42420, 100]) assertEquals(readKernelLog(LOG, pid, 50), "silent");
  assertEquals(readKernelLog(LOG, 4244, 50), "silent", "a pid that was another program's");
});

Deno.test("readKernelLog() takes no earlier kill for this one's: a pid comes again", () => {
  assertEquals(readKernelLog(LOG, 4242, 101), "names it", "the clocks may differ by so much");
  assertEquals(readKernelLog(LOG, 4242, 103), "unreadable");
  const again = `${LOG}<3>[  400.5] Out of memory: Killed process 4242 (qemu-system-x86) total-vm:1kB\n`;
  assertEquals(readKernelLog(again, 4242, 103), "names it");
});

Deno.test("readKernelLog() says nothing of a process that is older than the log", () => {
  const later = LOG.split("\n").slice(1).join("\n");
  assertEquals(readKernelLog(later, 1, 99.5), "unreadable");
  assertEquals(readKernelLog(later, 1, 100.5), "silent");
  assertEquals(readKernelLog(later, 4242, 99.5), "names it");
  assertEquals(readKernelLog(LOG, 1, 99.5), "silent");
  assertEquals(readKernelLog("", 1, 99.5), "unreadable");
  assertEquals(
    readKernelLog(later.replaceAll(/^<\d+>/gm, ""), 1, 100.5),
    "silent",
    "as dmesg prints it without --raw",
  );
});

Deno.test("judgeOomKill() believes the kernel's log first, then the count of a control group that was QEMU's alone", () => {
  const logs: KernelLog[] = ["names it", "silent", "unreadable"];
  const changes: CountChange[] = ["grew", "unchanged", "unreadable"];
  const table = logs.flatMap((log) =>
    changes.map((change) =>
      `${log}, ${change}: ${judgeOomKill(log, change, true)}, not alone ${judgeOomKill(log, change, false)}`
    )
  );
  assertEquals(table, [
    "names it, grew: true, not alone true",
    "names it, unchanged: true, not alone true",
    "names it, unreadable: true, not alone true",
    "silent, grew: false, not alone false",
    "silent, unchanged: false, not alone false",
    "silent, unreadable: false, not alone false",
    "unreadable, grew: true, not alone unknown",
    "unreadable, unchanged: false, not alone false",
    "unreadable, unreadable: unknown, not alone unknown",
  ]);
});
