// The machine: its state, CPUs, memory and statistics: each command of QEMU 10.2 with what it wants at least, and wrong calls beside. This is checked, never run.
import type { ExecuteQmp } from "./execute.ts";

export async function callMachineCommands(execute: ExecuteQmp): Promise<void> {
  await execute("query-status");
  // @ts-expect-error it takes no arguments
  await execute("query-status", { running: true });
  await execute("watchdog-set-action", { action: "reset" });
  // @ts-expect-error no such action
  await execute("watchdog-set-action", { action: "explode" });
  await execute("set-action");
  // @ts-expect-error the member is called reboot
  await execute("set-action", { reset: "shutdown" });
  await execute("query-kvm");
  await execute("x-accel-stats");
  await execute("query-accelerators");
  await execute("query-cpus-fast");
  await execute("query-machines");
  await execute("query-current-machine");
  await execute("query-target");
  await execute("query-uuid");
  await execute("query-vm-generation-id");
  await execute("system_reset");
  await execute("system_powerdown");
  await execute("system_wakeup");
  await execute("inject-nmi");
  await execute("memsave", { val: 0, size: 4096, filename: "/tmp/memory" });
  // @ts-expect-error filename is missing
  await execute("memsave", { val: 0, size: 4096 });
  await execute("pmemsave", { val: 0, size: 4096, filename: "/tmp/memory" });
  await execute("query-memdev");
  await execute("query-hotpluggable-cpus");
  await execute("set-numa-node", { type: "node", nodeid: 0 });
  // @ts-expect-error a number, not a string
  await execute("set-numa-node", { type: "cpu", "node-id": "0" });
  await execute("balloon", { value: 134217728 });
  // @ts-expect-error a number of bytes, not a string
  await execute("balloon", { value: "128M" });
  await execute("query-balloon");
  await execute("query-hv-balloon-status-report");
  await execute("query-memory-size-summary");
  await execute("query-memory-devices");
  await execute("x-query-irq");
  await execute("x-query-jit");
  await execute("x-query-numa");
  await execute("x-query-ramblock");
  await execute("x-query-roms");
  await execute("x-query-usb");
  await execute("dumpdtb", { filename: "/tmp/dump" });
  // @ts-expect-error the member is called filename
  await execute("dumpdtb", { file: "/tmp/dump" });
  await execute("x-query-interrupt-controllers");
  await execute("query-firmware-log");
  await execute("dump-skeys", { filename: "/tmp/dump" });
  await execute("query-cpu-model-comparison", { modela: { name: "qemu64" }, modelb: { name: "max" } });
  await execute("query-cpu-model-baseline", { modela: { name: "qemu64" }, modelb: { name: "max" } });
  await execute("query-cpu-model-expansion", { type: "full", model: { name: "qemu64" } });
  // @ts-expect-error no such expansion
  await execute("query-cpu-model-expansion", { type: "all", model: { name: "max" } });
  await execute("query-cpu-definitions");
  await execute("set-cpu-topology", { "core-id": 1 });
  await execute("query-s390x-cpu-polarization");
  await execute("query-replay");
  await execute("replay-break", { icount: 1000 });
  await execute("replay-delete-break");
  await execute("replay-seek", { icount: 1000 });
  await execute("yank", { instances: [{ type: "chardev", id: "char0" }] });
  // @ts-expect-error a chardev has an id
  await execute("yank", { instances: [{ type: "chardev" }] });
  await execute("query-yank");
  await execute("add_client", { protocol: "vnc", fdname: "fd0" });
  await execute("query-name");
  await execute("query-iothreads");
  await execute("stop");
  await execute("cont");
  await execute("x-exit-preconfig");
  await execute("human-monitor-command", { "command-line": "info status" });
  // @ts-expect-error the member is called command-line
  await execute("human-monitor-command", { command: "info status" });
  await execute("getfd", { fdname: "fd0" });
  // @ts-expect-error the member is called fdname
  await execute("getfd", { name: "fd0" });
  await execute("get-win32-socket", { info: "AAAA", fdname: "fd0" });
  await execute("closefd", { fdname: "fd0" });
  await execute("add-fd");
  // @ts-expect-error a number, not a string
  await execute("add-fd", { "fdset-id": "1" });
  await execute("remove-fd", { "fdset-id": 1 });
  // @ts-expect-error fdset-id is missing
  await execute("remove-fd", { fd: 3 });
  await execute("query-fdsets");
  await execute("query-command-line-options");
  await execute("query-gic-capabilities");
  await execute("rtc-reset-reinjection");
  await execute("query-sev");
  await execute("query-sev-launch-measure");
  await execute("query-sev-capabilities");
  await execute("sev-inject-launch-secret", { "packet-header": "AAAA", secret: "AAAA" });
  await execute("query-sev-attestation-report", { mnonce: "AAAA" });
  await execute("query-sgx");
  await execute("query-sgx-capabilities");
  await execute("xen-event-list");
  await execute("xen-event-inject", { port: 1 });
  // @ts-expect-error port is missing
  await execute("xen-event-inject");
  await execute("query-audiodevs");
  await execute("query-acpi-ospm-status");
  await execute("inject-ghes-v2-error", { cper: "AAAA" });
  await execute("query-pci");
  await execute("query-stats", { target: "vm" });
  // @ts-expect-error no such target
  await execute("query-stats", { target: "cpu" });
  await execute("query-stats-schemas");
  await execute("x-query-virtio");
  await execute("x-query-virtio-status", { path: "/machine/peripheral/dev0" });
  await execute("x-query-virtio-queue-status", { path: "/machine/peripheral/dev0", queue: 0 });
  // @ts-expect-error a number, not a string
  await execute("x-query-virtio-queue-status", { path: "/machine", queue: "0" });
  await execute("x-query-virtio-vhost-queue-status", { path: "/machine/peripheral/dev0", queue: 0 });
  await execute("x-query-virtio-queue-element", { path: "/machine/peripheral/dev0", queue: 0 });
  await execute("query-cryptodev");
  await execute("cxl-inject-general-media-event", {
    path: "/machine/peripheral/cxl0",
    log: "informational",
    flags: 1,
    dpa: 1,
    descriptor: 1,
    type: 1,
    "transaction-type": 1,
  });
  await execute("cxl-inject-dram-event", {
    path: "/machine/peripheral/cxl0",
    log: "informational",
    flags: 1,
    dpa: 1,
    descriptor: 1,
    type: 1,
    "transaction-type": 1,
  });
  await execute("cxl-inject-memory-module-event", {
    path: "/machine/peripheral/cxl0",
    log: "informational",
    flags: 1,
    type: 1,
    "health-status": 1,
    "media-status": 1,
    "additional-status": 1,
    "life-used": 1,
    temperature: 1,
    "dirty-shutdown-count": 1,
    "corrected-volatile-error-count": 1,
    "corrected-persistent-error-count": 1,
  });
  await execute("cxl-inject-poison", { path: "/machine/peripheral/cxl0", start: 1, length: 1 });
  // @ts-expect-error length is missing
  await execute("cxl-inject-poison", { path: "/machine", start: 0 });
  await execute("cxl-inject-uncorrectable-errors", {
    path: "/machine/peripheral/cxl0",
    errors: [{ type: "cache-data-parity", header: [1] }],
  });
  await execute("cxl-inject-correctable-error", { path: "/machine/peripheral/cxl0", type: "cache-data-ecc" });
  // @ts-expect-error no such error
  await execute("cxl-inject-correctable-error", { path: "/machine", type: "fatal" });
  await execute("cxl-add-dynamic-capacity", {
    path: "/machine/peripheral/cxl0",
    "host-id": 1,
    "selection-policy": "free",
    region: 1,
    extents: [{ offset: 1, len: 1 }],
  });
  await execute("cxl-release-dynamic-capacity", {
    path: "/machine/peripheral/cxl0",
    "host-id": 1,
    "removal-policy": "tag-based",
    region: 1,
    extents: [{ offset: 1, len: 1 }],
  });
}
