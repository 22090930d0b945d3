// The types of QEMU's events, on real QEMUs: each event that can be caused here is, and what it carries is held against its type.
import { assertEquals } from "@std/assert";
import { pooledMap } from "@std/async/pool";
import { launch, LaunchError } from "../../mod.ts";
import { LinuxGuestError } from "../../src/testing/mod.ts";
import qmpFacts from "../../tools/qapi/facts/qmp.jsonl" with { type: "text" };
import { decodeFacts } from "../../tools/qapi/facts.ts";
import { type EventCause, Witness } from "./_event_cause.ts";
import { BLOCK_CAUSES } from "./_event_causes_block.ts";
import { LINUX_CAUSES } from "./_event_causes_linux.ts";
import { MACHINE_CAUSES } from "./_event_causes_machine.ts";
import { PEER_CAUSES } from "./_event_causes_peer.ts";
import { QEMUS } from "./_qemus.ts";
import { type Deviation, ReplyValidator } from "./_reply_validator.ts";
import { compareWith, KNOWN_EVENT_DEVIATIONS } from "./_schema_deviations.ts";
import { VmHost } from "./_vm_host.ts";

const MODEL = decodeFacts(qmpFacts, "tools/qapi/facts/qmp.jsonl");
const VALIDATOR = new ReplyValidator(MODEL);
/** Those that take longest come first. */
const CAUSES: readonly EventCause[] = [...LINUX_CAUSES, ...MACHINE_CAUSES, ...BLOCK_CAUSES, ...PEER_CAUSES];

/** The events that nothing here can cause, each with the reason. */
const NOT_CAUSED: Readonly<Record<string, string>> = {
  CPU_POLARIZATION_CHANGE: "a guest on s390x",
  DEVICE_UNPLUG_GUEST_ERROR: "a guest on pseries; on x86 a refusal is ACPI_DEVICE_OST",
  HV_BALLOON_STATUS_REPORT: "hv-balloon, whose bus wants KVM's Hyper-V",
  MEMORY_FAILURE: "broken memory, of which only KVM tells the guest",
  PR_MANAGER_STATUS_CHANGED: "a SCSI disk of the host's, with persistent reservations",
  SCLP_CPI_INFO_AVAILABLE: "a guest on s390x",
  VFIO_MIGRATION: "a device of the host's that can be migrated",
  VFU_CLIENT_HANGUP: "a QEMU that was built with libvfio-user",
};

Deno.test("every event of the schema is caused here, or listed with the reason why it can't be", () => {
  const events = [...MODEL.definitions.values()].filter(({ kind }) => kind === "event");
  const caused = new Set(CAUSES.flatMap((cause) => cause.events));
  const listed = [...caused, ...Object.keys(NOT_CAUSED)];
  assertEquals(listed.toSorted(), events.map(({ name }) => name).toSorted());
});

for (const { binary, name: qemu, ignore } of QEMUS) {
  Deno.test(`each event has exactly the members of its type, with ${qemu}`, { ignore }, async (t) => {
    await using host = await VmHost.make();
    const { version, known } = await about(binary);
    const wanted = CAUSES.filter(({ events }) => events.some((event) => known(event)));
    const deviations: Deviation[] = [];
    // Watchdogs and Linux take seconds, so several run beside each other.
    for await (const outcome of pooledMap(4, wanted, (cause) => outcomeOf(host, binary, cause, known))) {
      const { name, kind } = outcome;
      const ignore = kind === "impossible";
      await t.step({
        name: ignore ? `${name} (can't be here: ${outcome.reason})` : name,
        ignore,
        fn() {
          if (kind === "failed") throw outcome.error;
          if (kind !== "caused") return;
          deviations.push(...outcome.deviations);
          assertEquals(compareWith(KNOWN_EVENT_DEVIATIONS, outcome.deviations, version).unknown, []);
        },
      });
    }
    assertEquals(compareWith(KNOWN_EVENT_DEVIATIONS, deviations, version).notMet, [], "listed, but not met");
  });
}

type Outcome =
  & { readonly name: string }
  & (
    | { readonly kind: "caused"; readonly deviations: readonly Deviation[] }
    | { readonly kind: "impossible"; readonly reason: string }
    | { readonly kind: "failed"; readonly error: unknown }
  );

/** Causes events, and waits for all that this QEMU knows. */
async function outcomeOf(
  host: VmHost,
  binary: string,
  cause: EventCause,
  known: (event: string) => boolean,
): Promise<Outcome> {
  const { name } = cause;
  try {
    const dir = await Deno.makeTempDir({ dir: host.dir, prefix: "e" });
    const place = { host, dir };
    const config = await cause.config?.(place) ?? host.config();
    await using vm = await launch({ ...config, binary }, { paused: true });
    await using witness = new Witness(vm.events(), ({ event, data }) => VALIDATOR.checkEvent(event, data));
    await cause.act({ ...place, vm, witness, binary });
    for (const event of cause.events.filter(known)) await witness.saw(event);
    return { name, kind: "caused", deviations: witness.deviations };
  } catch (error) {
    const isMissing = error instanceof LinuxGuestError ||
      error instanceof LaunchError && cause.notBuilt?.test(error.message);
    if (!isMissing || Deno.env.get("CI") === "true") return { name, kind: "failed", error };
    return { name, kind: "impossible", reason: error.message };
  }
}

/** What a QEMU calls itself, and the events that it knows. */
async function about(binary: string): Promise<{ version: string; known: (event: string) => boolean }> {
  await using vm = await launch({ machine: "none", accel: "tcg", binary });
  const { major, minor } = vm.qmp.greeting.version.qemu;
  const schema = await vm.qmp.schema();
  return { version: `${major}.${minor}`, known: (event) => schema.hasEvent(event) };
}
