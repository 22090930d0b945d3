import { delay } from "@std/async/delay";
import { exists } from "../../src/vm/run_dir.ts";
import { QmpClient, type UnixAddress } from "../../src/qmp/mod.ts";

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
   * Its start is over then: it says no more RESUME, and its monitors can be connected to without a risk (up to QEMU 10.2 a client that comes
   * while a monitor's listener changes threads may find it hung).
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
        // The last thing that QEMU makes before its main loop.
        ...["-vnc", `unix:${dir}/started`],
        ...args,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const qemu = new MonitorQemu(child, dir);
    const ended = child.status.then(() => "ended" as const);
    while (!await exists(`${dir}/started`)) {
      if (await Promise.race([ended, delay(1)]) === "ended") break;
    }
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
    try {
      this.signal("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await Deno.remove(this.#dir, { recursive: true });
  }
}
