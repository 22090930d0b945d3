import { assertEquals } from "@std/assert";
import { uniCommands } from "../../src/testing/mod.ts";
import type { AnyQmpEvent, VmConfig } from "../../mod.ts";
import { type EventCause, type Place, quietly, type Scene, tell } from "./_event_cause.ts";

const MIB = 1024 * 1024;

/** Nodes to work on: `from` and `to`, which hold nothing but zeros, and `bad`, on which every write fails. */
function nodes({ host }: Place): VmConfig {
  const zeros = (name: string) => `driver=null-co,node-name=${name},size=${MIB},read-zeroes=on`;
  const failing = ["event=none", "iotype=write-zeroes", "errno=5"].map((part) => `inject-error.0.${part}`);
  return host.config({
    extraArgs: [
      ...["-blockdev", zeros("from"), "-blockdev", zeros("to"), "-blockdev", zeros("under")],
      ...["-blockdev", ["driver=blkdebug,node-name=bad,image=under", ...failing].join(",")],
    ],
  });
}

const isIn = (state: string) => ({ data }: AnyQmpEvent) => data?.status === state;

async function mirror({ vm, witness }: Scene, target: "to" | "bad"): Promise<void> {
  await vm.qmp.execute("blockdev-mirror", {
    "job-id": "job",
    device: "from",
    target,
    sync: "full",
    "auto-dismiss": false,
  });
  if (target === "to") await witness.saw("BLOCK_JOB_READY");
}

/** A disk whose first write finds no space, in a guest that SeaBIOS starts, for its disk functions. */
async function fullDisk({ host, dir }: Place): Promise<VmConfig> {
  const file = `${dir}/full.img`;
  await Deno.writeFile(file, new Uint8Array(MIB));
  const error = ["event=none", "iotype=write", "errno=28", "once=on"].map((part) => `inject-error.0.${part}`);
  const disk = ["driver=blkdebug", "node-name=d0", ...error, "image.driver=file", `image.filename=${file}`];
  const args = ["-blockdev", disk.join(","), "-device", "virtio-blk-pci,id=disk0,drive=d0"];
  return { ...host.biosConfig(), extraArgs: args };
}

/** Makes a qcow2 image by jobs of QEMU's own, and spoils its table of clusters. */
async function spoilImage(scene: Scene): Promise<void> {
  const { vm, dir, witness } = scene;
  const filename = `${dir}/spoiled.qcow2`;
  await Deno.writeFile(filename, new Uint8Array(0));
  await vm.qmp.execute("blockdev-add", { driver: "file", "node-name": "file0", filename });
  const options = { driver: "qcow2", file: "file0", size: MIB } as const;
  await vm.qmp.execute("blockdev-create", { "job-id": "create", options });
  await witness.saw("JOB_STATUS_CHANGE", isIn("concluded"));
  await vm.qmp.execute("job-dismiss", { id: "create" });
  {
    using file = await Deno.open(filename, { read: true, write: true });
    const header = new Uint8Array(48);
    assertEquals(await file.read(header), header.length);
    const table = new DataView(header.buffer).getBigUint64(40);
    await file.seek(table, Deno.SeekMode.Start);
    // Where the first table of clusters is to be: at no cluster's beginning.
    await file.write(new Uint8Array([0x80, 0, 0, 0, 0, 0, 0x02, 0]));
  }
  await vm.qmp.execute("blockdev-add", { driver: "qcow2", "node-name": "image0", file: "file0" });
  await quietly(scene, 'qemu-io image0 "read 0 512"');
}

/** Three nodes of which one says something else, and a vote of so many that has to agree. */
async function vote(scene: Scene, threshold: number): Promise<void> {
  const { vm, dir } = scene;
  const filename = `${dir}/other.img`;
  await Deno.writeFile(filename, new Uint8Array(MIB).fill(1));
  await vm.qmp.execute("blockdev-add", { driver: "file", "node-name": "other", filename });
  await vm.qmp.execute("blockdev-add", {
    driver: "quorum",
    "node-name": "quorum0",
    "vote-threshold": threshold,
    children: ["from", "to", "other"],
  });
  await quietly(scene, 'qemu-io quorum0 "read 0 512"');
}

/** Disks, jobs, exports: what the block layer tells. */
export const BLOCK_CAUSES: readonly EventCause[] = [
  {
    name: "a disk is full",
    events: ["BLOCK_IO_ERROR", "STOP"],
    config: fullDisk,
    act: (scene) => tell(scene, uniCommands.writeSector),
  },
  {
    name: "a mirror is completed",
    events: ["BLOCK_JOB_READY", "BLOCK_JOB_COMPLETED", "JOB_STATUS_CHANGE"],
    config: nodes,
    act: async (scene) => {
      await mirror(scene, "to");
      await scene.vm.qmp.execute("job-complete", { id: "job" });
      await scene.witness.saw("JOB_STATUS_CHANGE", isIn("concluded"));
      await scene.vm.qmp.execute("job-dismiss", { id: "job" });
      await scene.witness.saw("JOB_STATUS_CHANGE", isIn("null"));
    },
  },
  {
    name: "a mirror is cancelled",
    events: ["BLOCK_JOB_CANCELLED"],
    config: nodes,
    act: async (scene) => {
      await mirror(scene, "to");
      await scene.vm.qmp.execute("block-job-cancel", { device: "job", force: true });
    },
  },
  {
    name: "a mirror's target fails",
    events: ["BLOCK_JOB_ERROR", "BLOCK_JOB_COMPLETED"],
    config: nodes,
    act: (scene) => mirror(scene, "bad"),
  },
  {
    name: "a backup waits to be finalized",
    events: ["BLOCK_JOB_PENDING", "BLOCK_JOB_COMPLETED"],
    config: nodes,
    act: async ({ vm, witness }) => {
      await vm.qmp.execute("blockdev-backup", {
        "job-id": "job",
        device: "from",
        target: "to",
        sync: "full",
        "auto-finalize": false,
      });
      await witness.saw("BLOCK_JOB_PENDING");
      await vm.qmp.execute("job-finalize", { id: "job" });
    },
  },
  {
    name: "a write goes over a node's threshold",
    events: ["BLOCK_WRITE_THRESHOLD"],
    config: nodes,
    act: async (scene) => {
      const threshold = { "node-name": "from", "write-threshold": 1024 };
      await scene.vm.qmp.execute("block-set-write-threshold", threshold);
      await quietly(scene, 'qemu-io from "write 0 4096"');
    },
  },
  {
    name: "an export is deleted",
    events: ["BLOCK_EXPORT_DELETED"],
    config: nodes,
    act: async ({ vm, dir }) => {
      const addr = { type: "unix", data: { path: `${dir}/nbd` } } as const;
      await vm.qmp.execute("nbd-server-start", { addr });
      await vm.qmp.execute("block-export-add", { type: "nbd", id: "export0", "node-name": "from" });
      await vm.qmp.execute("block-export-del", { id: "export0" });
    },
  },
  {
    name: "an image is found to be corrupted",
    events: ["BLOCK_IMAGE_CORRUPTED", "JOB_STATUS_CHANGE"],
    act: spoilImage,
  },
  {
    name: "a child of a quorum is outvoted",
    events: ["QUORUM_REPORT_BAD"],
    config: nodes,
    act: (scene) => vote(scene, 2),
  },
  {
    name: "a quorum is not reached",
    events: ["QUORUM_FAILURE"],
    config: nodes,
    act: (scene) => vote(scene, 3),
  },
  {
    name: "a drive's tray is opened",
    events: ["DEVICE_TRAY_MOVED"],
    config: ({ host }) =>
      host.config({
        extraArgs: [
          ...["-blockdev", "driver=null-co,node-name=disc,size=2048"],
          ...["-device", "ide-cd,id=cd0,drive=disc"],
        ],
      }),
    act: ({ vm }) => vm.qmp.execute("blockdev-open-tray", { id: "cd0" }),
  },
];
