import { assert } from "@std/assert";
import { linuxGuest } from "../../src/testing/mod.ts";
import type { VmConfig } from "../../mod.ts";
import type { EventCause, Place, Scene } from "./_event_cause.ts";

const MIB = 1024 * 1024;

/** A PCI Express machine with what a driver in the guest has to play along with. */
async function linux({ dir }: Place): Promise<VmConfig> {
  const guest = await linuxGuest({
    modules: ["virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_balloon", "virtio_mem"],
  });
  const initrd = `${dir}/initrd`;
  await Deno.writeFile(initrd, guest.initrd);
  // Both network cards of the pair have the same address.
  const card = "virtio-net-pci,mac=52:54:00:12:34:56,netdev";
  return {
    machine: "q35",
    accel: "tcg",
    memoryMiB: 256,
    kernel: guest.kernel,
    initrd,
    append: guest.append,
    balloon: true,
    sandbox: "allow-spawn",
    extraArgs: [
      ...["-m", "256M,maxmem=1G", "-object", "memory-backend-ram,id=more,size=256M"],
      ...["-device", "virtio-mem-pci,id=mem0,memdev=more"],
      ...["-device", "pcie-root-port,id=port0,chassis=1", "-device", "pcie-root-port,id=port1,chassis=2"],
      ...["-netdev", "user,id=net0,restrict=on", "-device", `${card}=net0,id=standby0,failover=on`],
      ...["-netdev", "user,id=net1,restrict=on"],
      ...["-device", `${card}=net1,id=primary0,bus=port0,failover_pair_id=standby0`],
      ...["-device", "virtio-serial-pci", "-chardev", "null,id=null0"],
      ...["-device", "virtserialport,id=serial0,chardev=null0,name=test"],
      ...["-blockdev", `driver=null-co,node-name=disk,size=${MIB},read-zeroes=on`],
    ],
  };
}

async function act({ vm, witness }: Scene): Promise<void> {
  const { qmp, console } = vm;
  assert(console !== null);
  await vm.resume();
  await console.expect("GUEST-READY\n", { timeoutMs: 300_000 });
  await witness.saw("FAILOVER_NEGOTIATED");
  await witness.saw("NIC_RX_FILTER_CHANGED");

  await console.write("port=$(echo /dev/vport*); exec 3<>$port; exec 3>&-; echo closed\n");
  await console.expect("closed\n");
  await witness.saw("VSERPORT_CHANGE", ({ data }) => data?.open === false);
  await qmp.execute("balloon", { value: 224 * MIB });
  await witness.saw("BALLOON_CHANGE");
  await qmp.execute("qom-set", {
    path: "/machine/peripheral/mem0",
    property: "requested-size",
    value: 128 * MIB,
  });
  await witness.saw("MEMORY_DEVICE_SIZE_CHANGE");

  await qmp.execute("device_add", { driver: "virtio-blk-pci", id: "disk0", drive: "disk", bus: "port1" });
  await console.write("until [ -e /sys/block/vda ]; do usleep 1000; done; echo plugged\n");
  await console.expect("plugged\n");
  await qmp.execute("device_del", { id: "disk0" });
  await witness.saw("DEVICE_DELETED", ({ data }) => data?.device === "disk0");

  await qmp.execute("migrate", { uri: "exec:cat >/dev/null" });
  await witness.saw("UNPLUG_PRIMARY");
}

/** What takes drivers in the guest: memory, network cards and disks that come and go. */
export const LINUX_CAUSES: readonly EventCause[] = [{
  name: "a Linux guest whose devices come and go",
  events: [
    "NIC_RX_FILTER_CHANGED",
    "FAILOVER_NEGOTIATED",
    "VSERPORT_CHANGE",
    "BALLOON_CHANGE",
    "MEMORY_DEVICE_SIZE_CHANGE",
    "DEVICE_DELETED",
    "UNPLUG_PRIMARY",
  ],
  config: linux,
  act,
}];
