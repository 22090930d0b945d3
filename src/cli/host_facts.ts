import { type Accel, chooseAccel, launch, runRoot } from "../vm/mod.ts";
import { findFirmware, type FirmwareFact } from "./firmware.ts";
import { findPrograms, firstLine, isExecutable, type ProgramOutput, runProgram } from "./programs.ts";

/** A QEMU that is installed here, and what became of trying it. */
export interface QemuFact {
  binary: string;
  path: string;
  arch: string;
  /** Null when it did not say. */
  version: string | null;
  /** The accelerators that it was built with. */
  builtIn: readonly string[];
  /** What `accel: "auto"` comes to with it. */
  accelerator: Accel | null;
  reason: string;
  /** Its seccomp filter works. */
  sandbox: boolean;
  /** A machine without devices was started with it, and QMP spoken. */
  works: boolean;
  /** How long that took; null when it failed. */
  launchMs: number | null;
  /** Why it failed. */
  problem: string | null;
}

/** A device file of the host. */
export type DeviceState = "usable" | "missing" | "no access" | "not looked at";

/** Everything that decides what this machine can run. */
export interface HostReport {
  /** Whether there is a QEMU here that works. */
  usable: boolean;
  host: { os: string; arch: string; release: string; cpus: number };
  qemu: readonly QemuFact[];
  kvm: { device: DeviceState; usable: boolean; reason: string };
  firmware: readonly FirmwareFact[];
  tools: { setpriv: string | null; qemuImg: string | null };
  vhostVsock: DeviceState;
  runDirectory: {
    path: string | null;
    socketPathBytes: number | null;
    fits: boolean;
    problem: string | null;
  };
  deno: { version: string; permissions: Record<string, string> };
  /** What to do about what is missing, the most important first. */
  advice: readonly string[];
}

/** What a socket's path in a run directory adds to the root's: a slash, 8 characters, a slash, 12 characters. */
const ADDED_BYTES = 22;
/** How long a QEMU may take until it is ready, in milliseconds: a machine without anything takes 30. */
const TRIAL_MS = 10_000;
/** Where Fedora's relatives keep their only QEMU, which is not on PATH. */
const HIDDEN_QEMU = "/usr/libexec/qemu-kvm";
/** The longest path of a socket. */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Looks at this machine, and tries what it has.
 *
 * @returns What was found.
 */
export async function examineHost(): Promise<HostReport> {
  const runDirectory = await examineRunDirectory();
  const tools = { setpriv: await toolVersion("setpriv"), qemuImg: await toolVersion("qemu-img") };
  // A machine that is only tried must not outlive this process, whatever ends it.
  const trial = { runDir: runDirectory.path, tie: tools.setpriv === null ? "none" : "setpriv" } as const;
  const qemu: QemuFact[] = [];
  const programs = await findPrograms(/^qemu-system-[a-z0-9_]+$|^qemu-kvm$/);
  if (await isExecutable(HIDDEN_QEMU)) programs.push([HIDDEN_QEMU, HIDDEN_QEMU]);
  for (const [binary, path] of programs) qemu.push(await examineQemu(binary, path, trial));
  const found = {
    usable: qemu.some(({ works }) => works),
    host: {
      os: Deno.build.os,
      arch: Deno.build.arch,
      release: allowed(() => Deno.osRelease()) ?? "",
      cpus: navigator.hardwareConcurrency,
    },
    qemu,
    kvm: await examineKvm(qemu),
    firmware: await findFirmware(),
    tools,
    vhostVsock: await deviceState("/dev/vhost-vsock"),
    runDirectory,
    deno: { version: Deno.version.deno, permissions: await permissions() },
  };
  return { ...found, advice: adviceFor(found) };
}

async function examineQemu(
  binary: string,
  path: string,
  { runDir, tie }: { runDir: string | null; tie: "setpriv" | "none" },
): Promise<QemuFact> {
  // As a launch names it, so that what is measured here is remembered for it.
  const arch = /^qemu-system-(.*)$/.exec(binary)?.[1] ?? Deno.build.arch;
  const said = await runProgram(binary, ["--version"]);
  const version = /version (\d+(?:\.\d+)*)/.exec(said.stdout)?.[1] ?? null;
  if (version === null) return { ...noQemu(binary, path, arch), problem: noVersion(said) };
  const builtIn = (await runProgram(binary, ["-accel", "help"])).stdout.split("\n").slice(1).filter((word) =>
    word
  );
  const sandbox = (await runProgram(binary, ["-sandbox", "on", "-version"])).code === 0;
  const fact = { binary, path, arch, version, builtIn, sandbox };
  const failed = { accelerator: null, reason: "", works: false, launchMs: null };
  if (runDir === null) return { ...fact, ...failed, problem: "there is no run directory to try it in" };
  const dir = `${runDir}/doctor-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await Deno.mkdir(dir, { mode: 0o700 });
    const { accel, reason } = await chooseAccel("auto", { binary, arch, dir, tie });
    const startMs = performance.now();
    await using _vm = await launch({ binary, machine: "none", accel }, {
      signal: AbortSignal.timeout(TRIAL_MS),
    });
    const launchMs = Math.round(performance.now() - startMs);
    return { ...fact, accelerator: accel, reason, works: true, launchMs, problem: null };
  } catch (error) {
    return { ...fact, ...failed, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    await Deno.remove(dir, { recursive: true }).catch(() => {});
  }
}

/** What there is to say of a program that is only called like a QEMU. */
function noQemu(binary: string, path: string, arch: string): Omit<QemuFact, "problem"> {
  return {
    ...{ binary, path, arch, version: null, builtIn: [], sandbox: false },
    ...{ accelerator: null, reason: "", works: false, launchMs: null },
  };
}

function noVersion({ code, stdout }: ProgramOutput): string {
  const words = firstLine(stdout);
  const why = code === null
    ? "could not be run, or did not end"
    : `ended with exit code ${code} and said ${words ? JSON.stringify(words) : "nothing"}`;
  return `It does not tell its version: --version ${why}`;
}

async function examineKvm(qemu: readonly QemuFact[]): Promise<HostReport["kvm"]> {
  const device = await deviceState("/dev/kvm");
  const native = qemu.find(({ arch, works }) => works && arch === Deno.build.arch);
  if (native?.accelerator === "kvm") return { device, usable: true, reason: native.reason };
  switch (device) {
    case "missing":
      return { device, usable: false, reason: "there is no /dev/kvm" };
    case "no access":
      return { device, usable: false, reason: "/dev/kvm is there, but not for this user" };
    case "not looked at":
      return { device, usable: false, reason: native?.reason ?? "this process may not look at /dev/kvm" };
    case "usable":
      return {
        device,
        usable: false,
        reason: native?.reason ?? `/dev/kvm is there, but no QEMU for ${Deno.build.arch} guests that works`,
      };
  }
}

async function examineRunDirectory(): Promise<HostReport["runDirectory"]> {
  try {
    const path = await runRoot();
    const socketPathBytes = new TextEncoder().encode(path).length + ADDED_BYTES;
    return { path, socketPathBytes, fits: socketPathBytes <= MAX_SOCKET_PATH_BYTES, problem: null };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { path: null, socketPathBytes: null, fits: false, problem };
  }
}

async function deviceState(path: string): Promise<DeviceState> {
  try {
    using _file = await Deno.open(path, { read: true, write: true });
    return "usable";
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "not looked at";
    return error instanceof Deno.errors.NotFound ? "missing" : "no access";
  }
}

async function toolVersion(name: string): Promise<string | null> {
  const { code, stdout } = await runProgram(name, ["--version"]);
  return code === 0 ? firstLine(stdout) : null;
}

async function permissions(): Promise<Record<string, string>> {
  const names = ["run", "read", "write", "net", "env", "sys"] as const;
  const states = await Promise.all(names.map((name) => Deno.permissions.query({ name })));
  return Object.fromEntries(names.map((name, index) => [name, states[index]?.state ?? "unknown"]));
}

/**
 * Whether programs that were not found are not there. Else it may be that this process could not look.
 *
 * @param permissions What this process is allowed.
 * @returns Whether they are not.
 */
export function sawPrograms({ run, read, env }: Readonly<Record<string, string>>): boolean {
  return [run, read, env].every((state) => state === "granted");
}

function adviceFor(found: Omit<HostReport, "advice">): string[] {
  const advice: string[] = [];
  const { qemu, kvm, tools, runDirectory, deno } = found;
  const denied = Object.entries(deno.permissions).filter(([, state]) => state !== "granted").map(([name]) =>
    name
  );
  if (denied.length > 0 || kvm.device === "not looked at") {
    const missing = denied.length > 0 ? ` (missing: ${denied.join(", ")})` : "";
    advice.push(`Not all could be looked at: run with --allow-all${missing}`);
  }
  const saw = sawPrograms(deno.permissions);
  if (qemu.length === 0 && saw) {
    advice.push(
      "Install QEMU: Debian, Ubuntu: apt-get install qemu-system-x86; Fedora: dnf install qemu-system-x86; " +
        "Arch: pacman -S qemu-base; macOS: brew install qemu",
    );
  } else if (!found.usable && saw) {
    advice.push("No QEMU here works: see the problems above, and reinstall its packages");
  }
  const sawPlaces = deno.permissions.write === "granted" && deno.permissions.read === "granted";
  if (!runDirectory.fits && sawPlaces) {
    advice.push(
      "Give run directories a shorter or better place: set XDG_RUNTIME_DIR or TMPDIR, or name a runDir",
    );
  }
  if (kvm.device === "no access") advice.push("For KVM, give this user access to /dev/kvm (the group kvm)");
  if (Deno.build.os === "linux" && tools.setpriv === null && saw) {
    advice.push(
      "Install util-linux for setpriv: without it a QEMU outlives a script that is killed with SIGKILL",
    );
  }
  return advice;
}

function allowed<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
