// Character devices, networks, displays, objects and devices: each command of QEMU 10.2 with what it wants at least, and wrong calls beside. This is checked, never run.
import type { ExecuteQmp } from "./execute.ts";

export async function callDeviceCommands(execute: ExecuteQmp): Promise<void> {
  await execute("query-chardev");
  await execute("query-chardev-backends");
  await execute("ringbuf-write", { device: "ring0", data: "hello" });
  // @ts-expect-error no such format
  await execute("ringbuf-write", { device: "ring0", data: "aGk=", format: "hex" });
  await execute("ringbuf-read", { device: "ring0", size: 16 });
  // @ts-expect-error size is missing
  await execute("ringbuf-read", { device: "ring0" });
  await execute("chardev-add", { id: "char0", backend: { type: "null", data: {} } });
  // @ts-expect-error a file backend wants out
  await execute("chardev-add", { id: "char0", backend: { type: "file", data: {} } });
  await execute("chardev-change", { id: "char0", backend: { type: "file", data: { out: "/tmp/log" } } });
  await execute("chardev-remove", { id: "char0" });
  await execute("chardev-send-break", { id: "char0" });
  await execute("set_link", { name: "net0", up: true });
  // @ts-expect-error a boolean, not a string
  await execute("set_link", { name: "net0", up: "on" });
  await execute("netdev_add", { type: "user", id: "net0" });
  // @ts-expect-error ifname is tap's, not user's
  await execute("netdev_add", { type: "user", id: "net0", ifname: "tap0" });
  await execute("netdev_del", { id: "net0" });
  await execute("query-rx-filter");
  await execute("announce-self", { initial: 50, max: 550, rounds: 10, step: 50 });
  // @ts-expect-error step is missing
  await execute("announce-self", { initial: 50, max: 550, rounds: 10 });
  await execute("request-ebpf", { id: "rss" });
  // @ts-expect-error no such program
  await execute("request-ebpf", { id: "xdp" });
  await execute("query-rocker", { name: "sw0" });
  await execute("query-rocker-ports", { name: "sw0" });
  await execute("query-rocker-of-dpa-flows", { name: "sw0" });
  await execute("query-rocker-of-dpa-groups", { name: "sw0" });
  await execute("query-tpm-models");
  await execute("query-tpm-types");
  await execute("query-tpm");
  await execute("set_password", { protocol: "vnc", password: "secret" });
  // @ts-expect-error no such protocol
  await execute("set_password", { protocol: "rdp", password: "secret" });
  await execute("expire_password", { protocol: "vnc", time: "never" });
  await execute("screendump", { filename: "/tmp/screen.png" });
  // @ts-expect-error no such format
  await execute("screendump", { filename: "/tmp/screen.gif", format: "gif" });
  await execute("query-spice");
  await execute("query-vnc");
  await execute("query-vnc-servers");
  await execute("change-vnc-password", { password: "secret" });
  await execute("query-mice");
  await execute("send-key", { keys: [{ type: "qcode", data: "ret" }] });
  // @ts-expect-error the key is called ret
  await execute("send-key", { keys: [{ type: "qcode", data: "enter" }] });
  await execute("input-send-event", { events: [{ type: "btn", data: { button: "left", down: true } }] });
  // @ts-expect-error button is missing
  await execute("input-send-event", { events: [{ type: "btn", data: { down: true } }] });
  await execute("query-display-options");
  await execute("display-reload", { type: "vnc" });
  await execute("display-update", { type: "vnc" });
  // @ts-expect-error no such display can be updated
  await execute("display-update", { type: "gtk" });
  await execute("client_migrate_info", { protocol: "spice", hostname: "example.org" });
  await execute("qom-list", { path: "/machine" });
  await execute("qom-get", { path: "/machine", property: "type" });
  // @ts-expect-error property is missing
  await execute("qom-get", { path: "/machine" });
  await execute("qom-list-get", { paths: ["/machine"] });
  await execute("qom-set", { path: "/machine", property: "graphics", value: false });
  // @ts-expect-error value is missing
  await execute("qom-set", { path: "/machine", property: "graphics" });
  await execute("qom-list-types");
  await execute("qom-list-properties", { typename: "virtio-net-pci" });
  await execute("object-add", { "qom-type": "rng-builtin", id: "rng0" });
  // @ts-expect-error the member is called filename
  await execute("object-add", { "qom-type": "rng-random", id: "r0", file: "/dev/random" });
  await execute("object-del", { id: "rng0" });
  await execute("device-list-properties", { typename: "virtio-net-pci" });
  await execute("device_add", { driver: "virtio-rng-pci", rng: "rng0" });
  // @ts-expect-error driver is missing
  await execute("device_add", { id: "dev0" });
  await execute("device_del", { id: "dev0" });
  // @ts-expect-error the member is called id
  await execute("device_del", { device: "dev0" });
  await execute("device-sync-config", { id: "dev0" });
}
