import { boardOf } from "../../machine/board.ts";
import { consoleKind } from "../../machine/devices.ts";
import { configArch, type VmConfig } from "../../machine/mod.ts";

/** The id of the port's chardev and device, and the name of its socket in the run directory. */
const ID = "run";
/** The name by which the guest finds a virtio port: `/dev/virtio-ports/org.qeeper.run` where udev is. */
const PORT_NAME = "org.qeeper.run";

/** What `withRunPort` takes beside the config. */
export interface RunPortOptions {
  /**
   * A `virtio` port, which is fast and needs the guest's `virtio_console` driver, or a second `serial` port, which every kernel has and which carries about
   * 100 kB/s under TCG.
   *
   * @default {"virtio" where the board can have one, else "serial"}
   */
  device?: "virtio" | "serial";
}

/**
 * Adds a port for commands to a config, unless it has the guest agent's or such a port already. A shell in the guest has to read it; `linuxGuest()` has
 * one. For an image of your own it is one line of its init, as root, with `virtio_console` loaded:
 *
 * ```sh
 * setsid sh -c 'while echo; do sh; done <>/dev/virtio-ports/org.qeeper.run >&0 2>&1' &
 * ```
 *
 * (without udev the port is `/dev/vport0p1`; a second serial port is `/dev/ttyS1`). The guest needs `setsid`, `cat`, `dd`, `wc`, `head`, `tail`, all of which
 * busybox has, and nothing else: the host brings the rest. An image that only has a login on its console needs no port: log in and give
 * `GuestCommands` the console.
 *
 * @param config The config.
 * @param options Which kind of port.
 * @returns The same config, or a new one with the port at the end of `extraArgs`.
 * @throws {RangeError} When a serial port is wanted where the board can't have a second one.
 *
 * @example
 * ```ts
 * import { withRunPort } from "@qeeper/qeeper/testing";
 * import { assert, assertStrictEquals } from "@std/assert";
 *
 * const config = withRunPort({ kernel: "vmlinuz" });
 * assert(config.extraArgs?.some((arg) => arg.includes("org.qeeper.run")));
 * assertStrictEquals(withRunPort(config), config);
 * ```
 */
export function withRunPort(config: VmConfig, options: RunPortOptions = {}): VmConfig {
  const { extraArgs = [] } = config;
  if (config.agent || findChardev(extraArgs) !== null) return config;
  const arch = configArch(config);
  const board = boardOf(config, { arch });
  const { device = board.virtio === null ? "serial" : "virtio" } = options;
  const chardev = ["-chardev", `socket,id=${ID},path=${ID},server=on,wait=off`];
  if (device === "serial") {
    if (!board.isa || !board.uart) {
      throw new RangeError(
        `Cannot add a serial port to machine ${
          JSON.stringify(config.machine ?? "")
        } of ${arch} as it has no place for a second ` +
          'one: use `device: "virtio"`',
      );
    }
    const ports = extraArgs.filter((arg) => arg === "-serial").length +
      (consoleKind(config, board) === "serial" ? 1 : 0);
    const { append } = config;
    return {
      ...config,
      // What linuxGuest()'s init looks at. Only a kernel that is booted directly has a command line here.
      ...(config.kernel === undefined
        ? {}
        : { append: `${append ?? ""} qeeper.run=ttyS${ports}`.trimStart() }),
      extraArgs: [...extraArgs, ...chardev, "-serial", `chardev:${ID}`],
    };
  }
  const bus = consoleKind(config, board) === "virtio" || extraArgs.some((arg) => /^virtio-serial/.test(arg));
  return {
    ...config,
    extraArgs: [
      ...extraArgs,
      ...chardev,
      ...(bus ? [] : ["-device", `virtio-serial-${board.virtio ?? "pci"},id=${ID}-bus`]),
      "-device",
      `virtserialport,id=${ID},chardev=${ID},name=${PORT_NAME}`,
    ],
  };
}

/** Where a VM's port is. */
export interface RunPort {
  /** The socket, on the host. */
  readonly path: string;
  /** What the guest has at its other end. */
  readonly device: "virtio" | "serial";
}

/**
 * Finds the port in a command line.
 *
 * @param argv QEMU's command line.
 * @param runDir QEMU's directory, which relative paths are in.
 * @returns The port; null when there is none.
 */
export function findRunPort(argv: readonly string[], runDir: string): RunPort | null {
  const chardev = findChardev(argv);
  const path = chardev === null
    ? undefined
    : /,path=((?:[^,]|,,)+)/.exec(chardev)?.[1]?.replaceAll(",,", ",");
  if (path === undefined) return null;
  const device = argv.some((arg) => /^virtserialport,(?:.*,)?chardev=run(?:,|$)/.test(arg))
    ? "virtio"
    : "serial";
  return { path: path.startsWith("/") ? path : `${runDir}/${path}`, device };
}

function findChardev(argv: readonly string[]): string | null {
  return argv.find((arg, at) => argv[at - 1] === "-chardev" && /^socket,(?:.*,)?id=run(?:,|$)/.test(arg)) ??
    null;
}
