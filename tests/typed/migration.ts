// Dumps, migration, snapshots, transactions and the protocol itself: each command of QEMU 10.2 with what it wants at least, and wrong calls beside. This is checked, never run.
import type { ExecuteQmp } from "./execute.ts";

export async function callMigrationCommands(execute: ExecuteQmp): Promise<void> {
  await execute("dump-guest-memory", { paging: false, protocol: "file:/tmp/dump" });
  // @ts-expect-error no such format
  await execute("dump-guest-memory", { paging: false, protocol: "file:/d", format: "raw" });
  await execute("query-dump");
  await execute("query-dump-guest-memory-capability");
  await execute("query-migrate");
  await execute("migrate-set-capabilities", { capabilities: [{ capability: "xbzrle", state: true }] });
  // @ts-expect-error the capability is called events
  await execute("migrate-set-capabilities", { capabilities: [{ capability: "event", state: true }] });
  await execute("query-migrate-capabilities");
  await execute("migrate-set-parameters", { "max-bandwidth": 1048576 });
  // @ts-expect-error a misspelled member
  await execute("migrate-set-parameters", { "max-bandwith": 1 });
  await execute("query-migrate-parameters");
  await execute("migrate-start-postcopy");
  await execute("x-colo-lost-heartbeat");
  await execute("migrate_cancel");
  await execute("migrate-continue", { state: "pre-switchover" });
  // @ts-expect-error no such state
  await execute("migrate-continue", { state: "go" });
  await execute("migrate", { uri: "unix:/tmp/migrate" });
  // @ts-expect-error the member is called uri
  await execute("migrate", { url: "unix:/tmp/migrate" });
  await execute("migrate-incoming", { uri: "unix:/tmp/migrate" });
  await execute("xen-save-devices-state", { filename: "/tmp/state" });
  await execute("xen-set-global-dirty-log", { enable: true });
  await execute("xen-load-devices-state", { filename: "/tmp/state" });
  await execute("xen-set-replication", { enable: true, primary: true });
  await execute("query-xen-replication-status");
  await execute("xen-colo-do-checkpoint");
  await execute("query-colo-status");
  await execute("migrate-recover", { uri: "unix:/tmp/migrate" });
  await execute("migrate-pause");
  await execute("calc-dirty-rate", { "calc-time": 1 });
  // @ts-expect-error no such mode
  await execute("calc-dirty-rate", { "calc-time": 1, mode: "fast" });
  await execute("query-dirty-rate");
  await execute("set-vcpu-dirty-limit", { "dirty-rate": 1 });
  // @ts-expect-error dirty-rate is missing
  await execute("set-vcpu-dirty-limit", { "cpu-index": 0 });
  await execute("cancel-vcpu-dirty-limit");
  await execute("query-vcpu-dirty-limit");
  await execute("query-migrationthreads");
  await execute("snapshot-save", { "job-id": "job0", tag: "snap0", vmstate: "node0", devices: ["disk0"] });
  // @ts-expect-error devices is missing
  await execute("snapshot-save", { "job-id": "job0", tag: "s0", vmstate: "n0" });
  await execute("snapshot-load", { "job-id": "job0", tag: "snap0", vmstate: "node0", devices: ["disk0"] });
  await execute("snapshot-delete", { "job-id": "job0", tag: "snap0", devices: ["disk0"] });
  await execute("transaction", { actions: [{ type: "abort", data: {} }] });
  // @ts-expect-error a misspelled action
  await execute("transaction", { actions: [{ type: "abor", data: {} }] });
  await execute("trace-event-get-state", { name: "qmp_*" });
  await execute("trace-event-set-state", { name: "qmp_*", enable: true });
  // @ts-expect-error enable is missing
  await execute("trace-event-set-state", { name: "qmp_*" });
  await execute("qmp_capabilities");
  // @ts-expect-error the capability is called oob
  await execute("qmp_capabilities", { enable: ["out-of-band"] });
  await execute("query-version");
  // @ts-expect-error the command has a dash
  await execute("query_version");
  await execute("query-commands");
  await execute("quit");
  // @ts-expect-error it takes no arguments
  await execute("quit", { force: true });
  await execute("query-qmp-schema");
}
