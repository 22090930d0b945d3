import { CRASH_POINTS, type CrashPoint } from "../../src/supervisor/store/mod.ts";
import type { Profile } from "./guests.ts";

/** A kind of fault, and what is to come of it. */
export interface FaultKind {
  readonly name: string;
  /** What is to come of it, in words; `guest_faults.ts` and `supervisor_faults.ts` have it in full. */
  readonly expected: string;
  /** What it needs for itself: a guest, the supervisor, both. */
  readonly takes: "guest" | "supervisor" | "both";
  /** The guests that it is for. */
  readonly profiles: readonly Profile[];
  /** What may happen at the same time to others: anything; anything but the death of the supervisor; nothing. */
  readonly beside: "anything" | "no death" | "nothing";
  /** `slow`: it is noticed after seconds only. */
  readonly pace: "quick" | "slow";
  /** How often it comes, in proportion to the others. */
  readonly weight: number;
}

/** Guests that are started again, whatever happens to them. */
const LIVELY: readonly Profile[] = ["renew", "in-place", "keep", "dump"];
const ALL: readonly Profile[] = [...LIVELY, "limited"];

type Fields = Partial<Omit<FaultKind, "name" | "expected">>;

const onGuest = (name: string, expected: string, fields: Fields = {}): FaultKind => ({
  ...{ name, expected, takes: "guest", profiles: LIVELY, beside: "anything", pace: "quick", weight: 10 },
  ...fields,
});
const onSupervisor = (name: string, expected: string, fields: Fields = {}): FaultKind => ({
  ...{ name, expected, takes: "supervisor", profiles: LIVELY, beside: "anything", pace: "quick", weight: 10 },
  ...fields,
});

/** The name of the fault that is the supervisor's death at a crash point. */
export function deathAt(point: CrashPoint): string {
  return `supervisor dies at ${point}`;
}

const DEATHS: readonly FaultKind[] = CRASH_POINTS.map((point) => {
  const fields: Fields = { takes: point.startsWith("adopt:") ? "supervisor" : "both", weight: 3 };
  return onSupervisor(
    deathAt(point),
    "the next one goes on: nothing twice, nothing lost, no QEMU forgotten",
    fields,
  );
});

/** Every kind of fault, and what is to come of each: fixed before anything is done. */
export const FAULT_KINDS: readonly FaultKind[] = [
  onGuest("kill -9 of QEMU", "ended killed, once; another QEMU"),
  onGuest("SIGSTOP, then SIGCONT", "nothing; the same QEMU", { profiles: ALL }),
  onGuest(
    "SIGSTOP until it is noticed",
    "stuck, then unstuck, the same QEMU; or, by policy, unresponsive and another one",
    {
      ...{ beside: "no death", pace: "slow", weight: 1 },
    },
  ),
  onGuest("main loop blocked", "nothing; the same QEMU", { profiles: ALL }),
  onGuest("main loop blocked until it is noticed", "as with SIGSTOP", {
    beside: "no death",
    pace: "slow",
    weight: 1,
  }),
  onGuest("guest panics", "guest-ended guest-panic, once; restart, reset, dump or held, by policy"),
  onGuest("guest powers off", "guest-ended guest-shutdown, once; restart, reset or down, by policy"),
  onGuest(
    "guest resets",
    "guest-ended guest-reset, once; it goes on, or starts cold where its policy says so",
  ),
  onGuest("triple fault", "the same, known as a triple fault"),
  onGuest("watchdog", "guest-ended watchdog, once; restart or reset, by policy"),
  onGuest("disk error", "guest-ended io-error, once; held for a person, or resumed and the write done"),
  onGuest("watch monitor lost", "unreachable, then reachable; the same QEMU", {
    ...{ profiles: ALL, beside: "no death", pace: "slow", weight: 2 },
  }),
  onGuest("all monitors lost", "unreachable, then reachable; the same QEMU", {
    ...{ profiles: ALL, beside: "no death", pace: "slow", weight: 2 },
  }),
  onGuest(
    "guest ends while its monitors are lost",
    "unreachable, reachable, and then what it would be otherwise, once",
    { beside: "no death", pace: "slow", weight: 4 },
  ),
  onGuest("a stranger at the monitors", "nothing; the same QEMU", { profiles: ALL, weight: 4 }),
  onGuest("socket path stolen", "it goes on over the open connection; a restart brings another QEMU", {
    ...{ beside: "no death", weight: 4 },
  }),
  onGuest(
    "socket path stolen, then the connection lost",
    "unreachable; after its grace ended unresponsive, another QEMU",
    {
      ...{ beside: "no death", pace: "slow", weight: 2 },
    },
  ),
  onGuest("killed too often", "failed, by its limit; started by hand it is up", {
    profiles: ["limited"],
    weight: 4,
  }),
  onGuest("operator stops it", "ended host-quit, down; started by hand it is up"),
  onGuest("operator restarts it", "ended host-quit, once; another QEMU"),
  onGuest("killed as its operator stops it", "stop wins: down"),
  onSupervisor("kill -9 of the supervisor", "the next one takes over; no guest notices", { weight: 30 }),
  ...DEATHS,
  onSupervisor("supervisor leaves", "its guests run on; the next one takes over", { weight: 5 }),
  onSupervisor(
    "socket path stolen, supervisor killed",
    "unreachable; after its grace ended unresponsive, another QEMU",
    {
      ...{ takes: "both", weight: 2 },
    },
  ),
  onSupervisor("a second supervisor", "refused, by the pid of the first", { weight: 5 }),
  onSupervisor("disk full", "the supervision goes on; a gap in the journal owns up to what is missing", {
    ...{ takes: "both", beside: "nothing", weight: 4 },
  }),
  onSupervisor(
    "disk full, supervisor killed",
    "the QEMU of which no record tells is found all the same, and taken over",
    { takes: "both", beside: "nothing", weight: 3 },
  ),
  onSupervisor("clock jumps", "told; no restart too many, none too few", {
    takes: "both",
    beside: "no death",
    weight: 5,
  }),
];
