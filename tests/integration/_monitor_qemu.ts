import { QmpClient, type UnixAddress } from "../../src/qmp/mod.ts";
import { killIfThere } from "./_kill_if_there.ts";
import { tellsItsStart, untilStarted } from "./_started.ts";

/** The longest that a test may take; QEMU is then killed, which ends every wait. */
const LIMIT_MS = 60_000;

/** A QEMU without a machine that owes nothing to the library but its connection, and has one or more QMP monitors. */
export class MonitorQemu implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #dir: string;
  readonly #timer: ReturnType<typeof setTimeout>;

  private constructor(child: Deno.ChildProcess, dir: string) {
    this.#child = child;
    this.#dir = dir;
    this.#timer = setTimeout(() => this.signal("SIGKILL"), LIMIT_MS);
  }

  /**
   * Starts QEMU with the monitors `m0`, `m1` and so on, one for each of these `-mon` properties, such as `pretty=on`.
   * Its start is over then.
   */
  static async start(
    monitors: readonly string[] = [""],
    args: readonly string[] = [],
    binary = "qemu-system-x86_64",
  ): Promise<MonitorQemu> {
    const dir = await Deno.makeTempDir({ prefix: "qeeper-mon-" });
    const child = new Deno.Command(binary, {
      args: [
        ...["-machine", "none", "-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none"],
        ...monitors.flatMap((properties, n) => [
          ...["-chardev", `socket,id=m${n},path=${dir}/m${n},server=on,wait=off`],
          ...["-mon", ["chardev=m" + n, "mode=control", properties].filter((part) => part !== "").join(",")],
        ]),
        ...tellsItsStart(dir),
        ...args,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const qemu = new MonitorQemu(child, dir);
    await untilStarted(dir, child);
    return qemu;
  }

  address(n = 0): UnixAddress {
    return { transport: "unix", path: `${this.#dir}/m${n}` };
  }

  /** A client on a monitor. */
  connect(n = 0): Promise<QmpClient> {
    return QmpClient.connect(this.address(n), { timeoutMs: LIMIT_MS });
  }

  /** Stops the process, and waits until none of its threads runs any more. */
  async stop(): Promise<void> {
    this.signal("SIGSTOP");
    const tasks = `/proc/${this.#child.pid}/task`;
    for await (const { name } of Deno.readDir(tasks)) {
      while (!/^State:\tT/m.test(await Deno.readTextFile(`${tasks}/${name}/status`)));
    }
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** How it ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    killIfThere(this.#child, "SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#dir, { recursive: true });
  }
}
