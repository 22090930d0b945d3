// What QEMU says, as types: open to what a newer QEMU may say, and told apart by their discriminators. This is checked, never run.
import type { Open, Unlisted } from "../../src/qapi/open.ts";
import type {
  BlockdevOptions,
  BlockJobInfo,
  QmpEvents,
  RunState,
  SocketAddress,
  SocketAddressReceived,
  StatusInfo,
} from "../../src/qapi/qmp.gen.ts";
import type { ExecuteQga, ExecuteQmp } from "./execute.ts";

export async function readReplies(execute: ExecuteQmp, anyName: string): Promise<void> {
  const status = await execute("query-status");
  const running: boolean = status.running;
  const state: Open<RunState> = status.status;
  // @ts-expect-error a newer QEMU may have more states than these
  const listed: RunState = status.status;
  // @ts-expect-error a misspelled member
  status.runing;
  // A member of another QEMU, such as 7.2's "singlestep".
  if ("singlestep" in status) take(status.singlestep);
  const fromNewer: StatusInfo = { running: false, status: "hibernating" };

  const unknownReply: unknown = await execute(anyName, { any: "thing" });
  // @ts-expect-error what a command that is only known at run time returns is not known
  const guessed: StatusInfo = await execute(anyName);
  const pattern: unknown = await execute(`x-com.example_${anyName}`, { any: "thing" });
  // @ts-expect-error a literal name that is none of QEMU's
  await execute("x-com.example_command");
  const options = await execute("query-status", {}, { timeoutMs: 100 });
  const either: "stop" | "cont" = running ? "stop" : "cont";
  await execute(either);
  take(state, listed, fromNewer, unknownReply, guessed, pattern, options);
}

export async function tellVariantsApart(execute: ExecuteQmp): Promise<void> {
  for (const job of await execute("query-block-jobs")) {
    const speed: number | bigint = job.speed;
    const type: string = job.type;
    if (job.type === "mirror") take(job["actively-synced"]);
    // @ts-expect-error only a mirror has it
    take(job["actively-synced"]);
    switch (job.type) {
      case "mirror":
        take(job["actively-synced"]);
        break;
      case "backup":
      case "commit":
        // @ts-expect-error only a mirror has it
        take(job["actively-synced"]);
        break;
      default: {
        const other: BlockJobInfo = job;
        take(other, job.device);
      }
    }
    take(speed, type);
  }
  for (const entity of await execute("query-qmp-schema")) {
    if (entity["meta-type"] === "command") take(entity["arg-type"], entity["ret-type"]);
    if (entity["meta-type"] === "event") take(entity["arg-type"]);
    // @ts-expect-error an event returns nothing
    if (entity["meta-type"] === "event") take(entity["ret-type"]);
  }
}

export function readEvents(events: QmpEvents): void {
  const guest: boolean = events.SHUTDOWN.guest;
  const none: undefined = events.STOP;
  const size: number | bigint = events.BALLOON_CHANGE.actual;
  // @ts-expect-error it may be a bigint
  const narrow: number = events.BALLOON_CHANGE.actual;
  const nospace: boolean | undefined = events.BLOCK_IO_ERROR.nospace;
  take(guest, none, size, narrow, nospace);
}

export function sendAndReceive(received: SocketAddressReceived, sent: SocketAddress): void {
  // What is sent could have been received; not the other way round, since it may be of a newer kind.
  const back: SocketAddressReceived = sent;
  // @ts-expect-error this kind may be unknown here
  const forth: SocketAddress = received;
  if (received.type === "unix") take(received.path);
  const kind: "inet" | "unix" | "vsock" | "fd" | Unlisted = received.type;
  const overlay: BlockdevOptions = {
    driver: "qcow2",
    "node-name": "top",
    file: { driver: "file", filename: "/tmp/top.qcow2" },
    backing: { driver: "nbd", server: { type: "unix", path: "/tmp/nbd" } },
    "l2-cache-size": 2n ** 40n,
  };
  take(back, forth, kind, overlay);
}

export async function callTheAgent(execute: ExecuteQga): Promise<void> {
  await execute("guest-ping");
  const started = await execute("guest-exec", { path: "/bin/true", "capture-output": "merged" });
  const status = await execute("guest-exec-status", { pid: started.pid });
  const code: number | bigint | undefined = status.exitcode;
  await execute("guest-file-seek", { handle: 1, offset: 0, whence: "set" });
  await execute("guest-file-seek", { handle: 1, offset: 0, whence: 2 });
  await execute("guest-shutdown");
  // @ts-expect-error no such way to capture
  await execute("guest-exec", { path: "/bin/true", "capture-output": "all" });
  // @ts-expect-error a misspelled command
  await execute("guest-pong");
  take(code);
}

function take(..._values: unknown[]): void {}
