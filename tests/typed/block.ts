// Jobs, block devices and their exports: each command of QEMU 10.2 with what it wants at least, and wrong calls beside. This is checked, never run.
import type { ExecuteQmp } from "./execute.ts";

export async function callBlockCommands(execute: ExecuteQmp): Promise<void> {
  await execute("job-pause", { id: "job0" });
  // @ts-expect-error id is missing
  await execute("job-pause");
  await execute("job-resume", { id: "job0" });
  await execute("job-cancel", { id: "job0" });
  // @ts-expect-error a job is named by its id here
  await execute("job-cancel", { device: "job0" });
  await execute("job-complete", { id: "job0" });
  await execute("job-dismiss", { id: "job0" });
  // @ts-expect-error an id is a string
  await execute("job-dismiss", { id: 7 });
  await execute("job-finalize", { id: "job0" });
  await execute("query-jobs");
  // @ts-expect-error a misspelled command
  await execute("query-job");
  await execute("query-block");
  await execute("query-blockstats");
  // @ts-expect-error a boolean, not a string
  await execute("query-blockstats", { "query-nodes": "yes" });
  await execute("query-block-jobs");
  await execute("block_resize", { "node-name": "node0", size: 2n ** 60n });
  // @ts-expect-error size is missing
  await execute("block_resize", { "node-name": "node0" });
  await execute("blockdev-snapshot-sync", { "node-name": "node0", "snapshot-file": "/tmp/snap.qcow2" });
  // @ts-expect-error a misspelled member
  await execute("blockdev-snapshot-sync", { "node-name": "node0", "snapshot-fil": "/tmp/a" });
  await execute("blockdev-snapshot", { node: "node0", overlay: "node1" });
  // @ts-expect-error overlay is missing
  await execute("blockdev-snapshot", { node: "node0" });
  await execute("change-backing-file", {
    device: "disk0",
    "image-node-name": "node0",
    "backing-file": "/tmp/base.img",
  });
  await execute("block-commit", { device: "disk0" });
  // @ts-expect-error no such way to treat an error
  await execute("block-commit", { device: "node0", "on-error": "retry" });
  await execute("drive-backup", { device: "disk0", target: "/tmp/copy.img", sync: "full" });
  await execute("blockdev-backup", { device: "node0", target: "node1", sync: "full" });
  // @ts-expect-error no such part of the disk
  await execute("blockdev-backup", { device: "node0", target: "node1", sync: "all" });
  await execute("query-named-block-nodes");
  await execute("x-debug-query-block-graph");
  await execute("drive-mirror", { device: "disk0", target: "/tmp/copy.img", sync: "full" });
  await execute("block-dirty-bitmap-add", { node: "node0", name: "bitmap0" });
  // @ts-expect-error a number, not a string
  await execute("block-dirty-bitmap-add", { node: "node0", name: "b0", granularity: "64k" });
  await execute("block-dirty-bitmap-remove", { node: "node0", name: "bitmap0" });
  await execute("block-dirty-bitmap-clear", { node: "node0", name: "bitmap0" });
  await execute("block-dirty-bitmap-enable", { node: "node0", name: "bitmap0" });
  await execute("block-dirty-bitmap-disable", { node: "node0", name: "bitmap0" });
  await execute("block-dirty-bitmap-merge", { node: "node0", target: "node1", bitmaps: ["bitmap0"] });
  // @ts-expect-error a list, not one
  await execute("block-dirty-bitmap-merge", { node: "node0", target: "b1", bitmaps: "b0" });
  await execute("x-debug-block-dirty-bitmap-sha256", { node: "node0", name: "bitmap0" });
  await execute("blockdev-mirror", { device: "node0", target: "node1", sync: "full" });
  // @ts-expect-error target is missing
  await execute("blockdev-mirror", { device: "node0", sync: "full" });
  await execute("block-stream", { device: "disk0" });
  // @ts-expect-error a number, not a string
  await execute("block-stream", { device: "node0", speed: "fast" });
  await execute("block-job-set-speed", { device: "job0", speed: 1048576 });
  await execute("block-job-cancel", { device: "job0" });
  await execute("block-job-pause", { device: "job0" });
  await execute("block-job-resume", { device: "job0" });
  await execute("block-job-complete", { device: "job0" });
  await execute("block-job-dismiss", { id: "job0" });
  await execute("block-job-finalize", { id: "job0" });
  await execute("block-job-change", { type: "mirror", id: "job0", "copy-mode": "write-blocking" });
  // @ts-expect-error mirror wants copy-mode
  await execute("block-job-change", { type: "mirror", id: "job0" });
  await execute("blockdev-add", { driver: "null-co", "node-name": "node0" });
  // @ts-expect-error offset is raw's, not qcow2's
  await execute("blockdev-add", { driver: "qcow2", file: "node0", offset: 512 });
  await execute("blockdev-reopen", {
    options: [{ driver: "null-co", "node-name": "node0", "read-only": true }],
  });
  // @ts-expect-error a list, not one
  await execute("blockdev-reopen", { options: { driver: "null-co" } });
  await execute("blockdev-del", { "node-name": "node0" });
  // @ts-expect-error the member is called node-name
  await execute("blockdev-del", { node: "node0" });
  await execute("blockdev-set-active", { "node-name": "node0", active: true });
  // @ts-expect-error active is missing
  await execute("blockdev-set-active", { "node-name": "node0" });
  await execute("blockdev-create", {
    "job-id": "job0",
    options: { driver: "file", filename: "/tmp/new.img", size: 1048576 },
  });
  // @ts-expect-error qcow2 wants a file
  await execute("blockdev-create", { "job-id": "job0", options: { driver: "qcow2", size: 1 } });
  await execute("x-blockdev-amend", { "job-id": "job0", "node-name": "node0", options: { driver: "qcow2" } });
  await execute("block-set-write-threshold", { "node-name": "node0", "write-threshold": 1 });
  await execute("x-blockdev-change", { parent: "node0", node: "node1" });
  await execute("x-blockdev-set-iothread", { "node-name": "node0", iothread: "iothread0" });
  await execute("blockdev-snapshot-internal-sync", { device: "node0", name: "snap0" });
  await execute("blockdev-snapshot-delete-internal-sync", { device: "node0", name: "snap0" });
  await execute("query-pr-managers");
  await execute("eject", { id: "cd0" });
  // @ts-expect-error a boolean, not a number
  await execute("eject", { id: "cd0", force: 1 });
  await execute("blockdev-open-tray", { id: "cd0" });
  await execute("blockdev-close-tray", { id: "cd0" });
  await execute("blockdev-remove-medium", { id: "cd0" });
  await execute("blockdev-insert-medium", { id: "cd0", "node-name": "node0" });
  await execute("blockdev-change-medium", { id: "cd0", filename: "/tmp/disk.iso" });
  // @ts-expect-error no such mode
  await execute("blockdev-change-medium", { id: "cd0", filename: "a.iso", "read-only-mode": "ro" });
  await execute("block_set_io_throttle", {
    id: "disk0",
    bps: 0,
    bps_rd: 0,
    bps_wr: 0,
    iops: 0,
    iops_rd: 0,
    iops_wr: 0,
  });
  // @ts-expect-error the other limits are missing
  await execute("block_set_io_throttle", { id: "disk0", bps: 0 });
  await execute("block-latency-histogram-set", { id: "disk0" });
  await execute("nbd-server-start", { addr: { type: "unix", data: { path: "/tmp/nbd" } } });
  // @ts-expect-error a unix address has a path
  await execute("nbd-server-start", { addr: { type: "unix", data: { host: "::1" } } });
  await execute("nbd-server-add", { device: "disk0" });
  await execute("nbd-server-remove", { name: "disk0" });
  await execute("nbd-server-stop");
  await execute("block-export-add", { type: "nbd", id: "export0", "node-name": "node0" });
  // @ts-expect-error fuse wants a mountpoint
  await execute("block-export-add", { type: "fuse", id: "e0", "node-name": "n0" });
  await execute("block-export-del", { id: "export0" });
  await execute("query-block-exports");
}
