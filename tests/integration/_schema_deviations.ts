import type { Deviation } from "./_reply_validator.ts";

/** Which versions say something else than 10.2's schema has, and why. */
export interface KnownDeviation {
  readonly kind: Deviation["kind"];
  readonly at: string;
  /** What the deviation's detail is, where the place alone doesn't tell. */
  readonly detail?: string;
  readonly versions: readonly string[];
  readonly reason: string;
}

const OLD = ["7.2"];
const BOTH = ["7.2", "10.0"];

/** Every place where a reply is not as the types of 10.2 say. A test fails for one too many as for one too few. */
export const KNOWN_DEVIATIONS: readonly KnownDeviation[] = [
  { kind: "missing", at: "MachineInfo.acpi", versions: OLD, reason: "8.0 brought it" },
  { kind: "missing", at: "DirtyRateInfo.calc-time-unit", versions: OLD, reason: "8.2 brought it" },
  { kind: "missing", at: "CpuInfoFast.qom-type", versions: BOTH, reason: "10.1 brought it" },
  { kind: "missing", at: "BlockDeviceInfo.children", versions: BOTH, reason: "10.1 brought it" },
  { kind: "missing", at: "BlockDeviceInfo.active", versions: OLD, reason: "10.0 brought it" },
  { kind: "missing", at: "BlockDeviceStats.zone_append_bytes", versions: OLD, reason: "8.1 brought it" },
  { kind: "missing", at: "BlockDeviceStats.zone_append_operations", versions: OLD, reason: "8.1 brought it" },
  {
    kind: "missing",
    at: "BlockDeviceStats.zone_append_total_time_ns",
    versions: OLD,
    reason: "8.1 brought it",
  },
  { kind: "missing", at: "BlockDeviceStats.zone_append_merged", versions: OLD, reason: "8.1 brought it" },
  {
    kind: "missing",
    at: "BlockDeviceStats.failed_zone_append_operations",
    versions: OLD,
    reason: "8.1 brought it",
  },
  {
    kind: "missing",
    at: "BlockDeviceStats.invalid_zone_append_operations",
    versions: OLD,
    reason: "8.1 brought it",
  },
  {
    kind: "missing",
    at: "SevInfo.sev-type",
    versions: OLD,
    reason: "once a struct for SEV alone, now a union with SEV-SNP",
  },
  { kind: "unlisted", at: "SevInfo.handle", versions: OLD, reason: "now in the union's branch for SEV" },
  { kind: "unlisted", at: "SevInfo.policy", versions: OLD, reason: "now in the union's branch for SEV" },
  { kind: "unlisted", at: "StatusInfo.singlestep", versions: OLD, reason: "dropped after 7.2" },
  {
    kind: "unlisted",
    at: "MigrationParameters.compress-level",
    versions: OLD,
    reason: "dropped with compression",
  },
  {
    kind: "unlisted",
    at: "MigrationParameters.compress-threads",
    versions: OLD,
    reason: "dropped with compression",
  },
  {
    kind: "unlisted",
    at: "MigrationParameters.compress-wait-thread",
    versions: OLD,
    reason: "dropped with compression",
  },
  {
    kind: "unlisted",
    at: "MigrationParameters.decompress-threads",
    versions: OLD,
    reason: "dropped with compression",
  },
  {
    kind: "unlisted",
    at: "MigrationParameters.block-incremental",
    versions: OLD,
    reason: "dropped with block migration",
  },
  {
    kind: "unlisted",
    at: "MigrationCapability",
    detail: "compress",
    versions: OLD,
    reason: "dropped after 7.2",
  },
  {
    kind: "unlisted",
    at: "MigrationCapability",
    detail: "block",
    versions: OLD,
    reason: "dropped after 7.2",
  },
  { kind: "unlisted", at: "x-query-rdma", versions: OLD, reason: "a command dropped after 7.2" },
  { kind: "unlisted", at: "x-query-opcount", versions: BOTH, reason: "a command dropped after 10.0" },
];

/** Every place where an event is not as the types of 10.2 say. */
export const KNOWN_EVENT_DEVIATIONS: readonly KnownDeviation[] = [
  { kind: "missing", at: "BLOCK_IO_ERROR.qom-path", versions: OLD, reason: "9.2 brought it" },
];

/** What came out of the comparison of deviations with a list. */
export interface Comparison {
  /** Deviations that are not in it. */
  readonly unknown: readonly Deviation[];
  /** Its entries for this version that no deviation stands for. */
  readonly notMet: readonly KnownDeviation[];
}

/** Compares the deviations of one version with a list. */
export function compareWith(
  list: readonly KnownDeviation[],
  deviations: readonly Deviation[],
  version: string,
): Comparison {
  const met = new Set<KnownDeviation>();
  const unknown = deviations.filter((deviation) => {
    const known = list.find(({ kind, at, detail, versions }) =>
      kind === deviation.kind && at === deviation.at && versions.includes(version) &&
      (detail === undefined || detail === deviation.detail)
    );
    if (known !== undefined) met.add(known);
    return known === undefined && !isExcused(list, deviation, version);
  });
  return { unknown, notMet: list.filter((known) => known.versions.includes(version) && !met.has(known)) };
}

/** A version that was never looked at may say more than 10.2, and lack what any other version lacks. */
function isExcused(list: readonly KnownDeviation[], deviation: Deviation, version: string): boolean {
  if (BOTH.includes(version)) return false;
  return deviation.kind === "unlisted" ||
    list.some(({ kind, at }) => kind === deviation.kind && at === deviation.at);
}
