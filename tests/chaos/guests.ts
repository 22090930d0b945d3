import type { Phase, SupervisedVm } from "../../mod.ts";
import { chaosRom } from "./guest_code.ts";

/**
 * What kinds of guests there are, by what their policies make of an end: `renew` has a new QEMU for everything; `in-place` goes on in the
 * same one; `keep` is left to a person more often than not; `dump` dumps its memory first, and has its reboots held; `limited` may be
 * restarted twice.
 */
export type Profile = "renew" | "in-place" | "keep" | "dump" | "limited";

/** One after another, so that eight guests have each at least once. */
const PROFILES: readonly Profile[] = [
  ...["renew", "in-place", "keep", "dump", "renew", "in-place", "limited", "dump"] as const,
];

/** What the guest of that number is. */
export function profileOf(index: number): Profile {
  return PROFILES[index % PROFILES.length] ?? "renew";
}

/** No restart limit that a walk of a thousand faults would reach, and no wait that it would notice. */
const AT_ONCE: Pick<SupervisedVm, "restart" | "backoff" | "limit"> = {
  restart: "always",
  backoff: { initialMs: 1, maxMs: 20 },
  limit: { restarts: 10_000, withinMs: 60_000 },
};

/** How long the monitors of a guest may be away, in milliseconds: connecting anew takes up to 250. */
export const GRACE_MS = 2_000;

/** How often `limited` is restarted. */
export const LIMITED_RESTARTS = 2;

const POLICIES: Readonly<Record<Profile, Omit<SupervisedVm, "config">>> = {
  "renew": { ...AT_ONCE, onStuck: { afterMs: 0, action: "restart" } },
  "in-place": {
    ...AT_ONCE,
    onStuck: { afterMs: 0, action: "report" },
    onCause: { "guest-panic": "reset", "guest-shutdown": "reset", "watchdog": "reset", "io-error": "resume" },
  },
  "keep": {
    ...AT_ONCE,
    restart: "on-failure",
    onStuck: { afterMs: 0, action: "report" },
    onCause: { "guest-panic": "preserve" },
  },
  "dump": {
    ...AT_ONCE,
    onStuck: { afterMs: 0, action: "report" },
    onCause: { "guest-panic": { dump: { keep: 1 }, then: "reset" }, "guest-reset": "restart" },
  },
  "limited": { ...AT_ONCE, limit: { restarts: LIMITED_RESTARTS, withinMs: 3_600_000 } },
};

/** The sector whose first write fails, for want of space, in each life of a QEMU. */
export const BAD_SECTOR = 1;

/** A guest of the walk. */
export interface Guest {
  readonly name: string;
  readonly profile: Profile;
  readonly spec: SupervisedVm;
  /** Where it obeys. */
  readonly commandSocket: string;
  /** A QMP monitor that the supervisor knows nothing of. */
  readonly monitorSocket: string;
  /** Where a write of QEMU's hangs. */
  readonly fifo: string;
}

/**
 * Makes the guests of a walk, with a disk each.
 *
 * @param folder Where their files are.
 * @param count How many.
 * @returns The guests.
 */
export async function makeGuests(folder: string, count: number): Promise<Guest[]> {
  const bios = `${folder}/guest.rom`;
  await Deno.writeFile(bios, chaosRom());
  return await Promise.all(Array.from({ length: count }, async (_, index): Promise<Guest> => {
    const name = `g${index}`;
    const profile = profileOf(index);
    const disk = `${folder}/${name}.img`;
    await Deno.writeFile(disk, new Uint8Array(64 * 1024));
    const [commandSocket, monitorSocket] = [`${folder}/${name}.cmd`, `${folder}/${name}.mon`];
    const fifo = `${folder}/${name}.fifo`;
    const rule = ["event=none", "iotype=write", "errno=28", "once=on", `sector=${BAD_SECTOR}`];
    const badSector = rule.map((option) => `inject-error.0.${option}`).join(",");
    const extraArgs = [
      ...[
        "-blockdev",
        `driver=blkdebug,node-name=disk,image.driver=file,image.filename=${disk},${badSector}`,
      ],
      ...["-device", "ide-hd,drive=disk,bus=ide.0"],
      ...["-chardev", `socket,id=orders,path=${commandSocket},server=on,wait=off`],
      ...["-device", "isa-serial,chardev=orders"],
      ...["-chardev", `socket,id=stranger,path=${monitorSocket},server=on,wait=off`],
      ...["-mon", "chardev=stranger,mode=control"],
    ];
    const config = {
      ...{
        name,
        accel: "tcg" as const,
        memoryMiB: 16,
        cpu: "qemu64,-apic",
        firmware: { bios },
        watchdog: "ib700",
      },
      extraArgs,
    };
    const spec = {
      ...POLICIES[profile],
      config,
      stop: { powerdownMs: 0 },
      onUnreachable: { graceMs: GRACE_MS },
    };
    return { name, profile, spec, commandSocket, monitorSocket, fifo };
  }));
}

/** What is to be of a guest when all is over. */
export interface Expected {
  /** The ends that the journal tells of it, each of them once, in this order: `ended killed`. */
  readonly told: readonly string[];
  /** What it may tell as well, at most once each, where that depends on the moment. */
  readonly maybe?: readonly string[];
  readonly phase: Phase;
  /** Whether its QEMU is the one that it had, another one, or none. */
  readonly life: "same" | "new" | "none";
}
