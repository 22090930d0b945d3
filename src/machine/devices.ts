import { type Board, virtioDevice } from "./board.ts";
import type { VmConfig } from "./config.ts";
import type { TpmConfig } from "./device_config.ts";
import { shareId } from "./ids.ts";
import { listeningChardev } from "./monitors.ts";
import { formatOption } from "./options.ts";
import type { RunPaths } from "./run_paths.ts";

/** Where a config's console is: what `VmConfig.console` comes to on a board. */
export type ConsoleKind = "serial" | "virtio" | "none";

/**
 * Where the console of a config is.
 *
 * @param config The config.
 * @param board Its board.
 * @returns The kind of console.
 */
export function consoleKind(config: VmConfig, board: Board): ConsoleKind {
  const { console = board.uart ? "serial" : "none" } = config;
  if (console === false) return "none";
  if (console === true) return board.uart ? "serial" : "virtio";
  return console;
}

/**
 * The arguments for the console and the guest agent's channel, which share a virtio-serial controller.
 *
 * @param config The config.
 * @param board Its board.
 * @param paths Where the sockets and the console's log are.
 * @returns Arguments.
 */
export function channelArgs(config: VmConfig, board: Board, paths: RunPaths): string[] {
  const console = consoleKind(config, board);
  const args: string[] = [];
  if (console === "virtio" || config.agent) {
    args.push("-device", formatOption(virtioDevice(board, "virtio-serial"), { id: "virtio-serial0" }));
  }
  if (console !== "none") {
    args.push(...listeningChardev("console", paths.console, paths.consoleLog));
    if (console === "serial") args.push("-serial", "chardev:console");
    else args.push("-device", formatOption("virtconsole", { id: "console", chardev: "console" }));
  }
  if (config.agent) {
    const port = { id: "agent", chardev: "agent", name: "org.qemu.guest_agent.0" };
    args.push(...listeningChardev("agent", paths.agent), "-device", formatOption("virtserialport", port));
  }
  return args;
}

/**
 * The arguments for the small devices: random numbers, balloon, watchdog, pvpanic, vsock, TPM, screen.
 *
 * @param config The config.
 * @param board Its board.
 * @returns Arguments.
 */
export function deviceArgs(config: VmConfig, board: Board): string[] {
  const args: string[] = [];
  const device = (name: string, values: Parameters<typeof formatOption>[1]) =>
    args.push("-device", formatOption(name, values));
  if (config.rng) {
    args.push("-object", formatOption("rng-builtin", { id: "rng0" }));
    device(virtioDevice(board, "virtio-rng"), { id: "rng0", rng: "rng0" });
  }
  if (config.balloon) device(virtioDevice(board, "virtio-balloon"), { id: "balloon0" });
  if (config.watchdog !== undefined) device(config.watchdog, { id: "watchdog0" });
  if (config.pvpanic ?? (board.isa || board.pci)) {
    device(board.isa ? "pvpanic" : "pvpanic-pci", { id: "pvpanic0" });
  }
  if (config.vsock !== undefined) {
    device(virtioDevice(board, "vhost-vsock"), { id: "vsock0", "guest-cid": config.vsock.cid });
  }
  if (config.tpm !== undefined) args.push(...tpmArgs(config.tpm, board));
  args.push(...screenArgs(config, board));
  return args;
}

function tpmArgs({ socket, model }: TpmConfig, board: Board): string[] {
  return [
    "-chardev",
    formatOption("socket", { id: "tpm0", path: socket }),
    "-tpmdev",
    formatOption("emulator", { id: "tpm0", chardev: "tpm0" }),
    "-device",
    formatOption(model ?? (board.x86 ? "tpm-crb" : "tpm-tis-device"), { id: "tpm0", tpmdev: "tpm0" }),
  ];
}

function screenArgs(config: VmConfig, board: Board): string[] {
  const { display = "none" } = config;
  const args = ["-display", "none"];
  if (display !== "none") args.push("-vnc", formatOption(undefined, { vnc: `unix:${display.vnc}` }));
  const vga = config.vga ?? (display === "none" ? "none" : board.vga ? "std" : "virtio");
  if (vga === "virtio" && !board.vga) {
    args.push("-device", formatOption(virtioDevice(board, "virtio-gpu"), { id: "vga0" }));
  } else if (vga !== "none") {
    args.push("-vga", vga);
  }
  return args;
}

/**
 * The arguments for shared directories.
 *
 * @param config The config.
 * @param board Its board.
 * @returns Arguments.
 */
export function shareArgs(config: VmConfig, board: Board): string[] {
  return (config.shares ?? []).flatMap((share, index) => {
    const id = shareId(index);
    switch (share.type) {
      case "9p": {
        const { path, tag, readonly, security = "mapped-xattr" } = share;
        return [
          "-fsdev",
          formatOption("local", { id, path, security_model: security, readonly }),
          "-device",
          formatOption(virtioDevice(board, "virtio-9p"), { id, fsdev: id, mount_tag: tag }),
        ];
      }
      case "virtiofs":
        return [
          "-chardev",
          formatOption("socket", { id, path: share.socket }),
          "-device",
          formatOption(virtioDevice(board, "vhost-user-fs"), { id, chardev: id, tag: share.tag }),
        ];
    }
  });
}
