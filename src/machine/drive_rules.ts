import type { VmConfig } from "./config.ts";
import type { NewConfigIssue } from "./config_error.ts";
import type { DriveConfig } from "./drive_config.ts";

/**
 * What is wrong inside each drive, between its fields: what QEMU would refuse with no word of where, or silently ignore.
 *
 * @param config A config whose shape is right.
 * @returns What is wrong.
 */
export function driveIssues(config: VmConfig): readonly NewConfigIssue[] {
  const secrets = new Set((config.secrets ?? []).map(({ id }) => id));
  return (config.drives ?? []).flatMap((drive, index) =>
    [...fieldIssues(drive), ...secretIssues(drive, secrets)].map(({ path, ...issue }) => ({
      path: `drives[${index}].${path}`,
      ...issue,
    }))
  );
}

function fieldIssues(drive: DriveConfig): NewConfigIssue[] {
  const { media = "disk", cache = "writeback" } = drive;
  const on = drive.interface;
  const issues: NewConfigIssue[] = [];
  const found = JSON.stringify(on);
  const only = (key: keyof DriveConfig, interfaces: readonly string[], why: string) => {
    if (drive[key] === undefined || on === undefined || interfaces.includes(on)) return;
    issues.push({ path: key, expected: `an interface that has ${why}: ${interfaces.join(", ")}`, found });
  };
  only("serial", ["virtio-blk", "scsi", "nvme", "ide"], "serial numbers");
  only("bootIndex", ["virtio-blk", "scsi", "nvme", "ide"], "a place in the boot order");
  only("rerror", ["virtio-blk", "scsi", "ide"], "an error policy");
  only("werror", ["virtio-blk", "scsi", "ide"], "an error policy");
  if (media === "cdrom") {
    if (on !== undefined && on !== "ide" && on !== "scsi") {
      issues.push({ path: "interface", expected: `"ide" or "scsi" for a CD-ROM`, found });
    }
    if (drive.readonly === false) {
      issues.push({ path: "readonly", expected: "true for a CD-ROM", found: "false" });
    }
  } else if (on === "ide" && drive.readonly) {
    const expected = "another interface, or snapshot, for IDE disks are never read-only";
    issues.push({ path: "readonly", expected, found: `"ide"` });
  }
  if (drive.aio === "native" && cache !== "none" && cache !== "directsync") {
    const expected = `cache "none" or "directsync" for aio "native"`;
    issues.push({ path: "aio", expected, found: JSON.stringify(cache) });
  }
  return issues;
}

function secretIssues(
  { file, format, keySecret }: DriveConfig,
  secrets: ReadonlySet<string>,
): NewConfigIssue[] {
  const encrypted = format === "luks" || format === "qcow2" ||
    (format === undefined && file.endsWith(".qcow2"));
  if (keySecret === undefined) {
    if (format !== "luks") return [];
    return [{
      path: "keySecret",
      expected: "the id of the secret that opens a luks image",
      found: "nothing",
    }];
  }
  const issues: NewConfigIssue[] = [];
  if (!secrets.has(keySecret)) {
    issues.push({
      path: "keySecret",
      expected: "the id of one of secrets",
      found: JSON.stringify(keySecret),
    });
  }
  if (!encrypted) {
    const found = format === undefined ? "raw, by the file's name" : JSON.stringify(format);
    issues.push({ path: "keySecret", expected: `format "luks" or "qcow2" for it`, found });
  }
  return issues;
}
