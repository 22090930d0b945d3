/** The house: each room under src/ and the rooms it may import from. Arrows point down only. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  cli: ["daemon", "supervisor", "vm", "machine", "qmp", "typegen"],
  daemon: ["supervisor"],
  supervisor: ["vm", "machine", "qmp"],
  testing: ["vm", "machine", "qmp"],
  vm: ["machine", "qmp", "qga"],
  machine: [],
  qga: ["qmp", "qapi"],
  qmp: ["qapi"],
  typegen: ["qapi"],
  qapi: [],
};

/** Files that a room may import with `import type` although there is no arrow. */
export const TYPE_ARROWS: Readonly<Record<string, readonly string[]>> = {
  machine: ["src/qmp/address.ts"],
};

/** Files outside of src/ that a room may import: the package's own version, for `--version`. */
export const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  cli: ["deno.json"],
};

/** What mod.ts may not pull in, by any chain of static imports: it would make every launch slower. */
export const NOT_ON_THE_LAUNCH_PATH: RegExp = /^(?:node|npm):|^@logtape\/|^hono|^zod/;

/** Nor this, which can all be loaded while QEMU starts: 2 ms of a script's start. */
export const NOT_WITH_EVERYTHING: RegExp =
  /^src\/(?:qmp\/(?:mod|connection|session|dial)\.ts|qga\/|vm\/verdict\.ts)/;

/** The entry for scripts that only launch: what is loaded before QEMU is spawned. */
export const LAUNCH_ALONE = "src/vm/launch_alone.ts";

/** What it may not pull in, by any chain of static imports: all of that can be loaded while QEMU starts. */
export const NOT_BEFORE_THE_SPAWN: RegExp =
  /^src\/(?:qmp\/(?!(?:alarm|logger)\.ts)|supervisor\/|qga\/|vm\/verdict\.ts)/;

/** Files that decide and do nothing else; a name that ends in a slash means all files of the folder. */
export const PURE_FILES: readonly string[] = [
  "src/cli/shell/language/",
  "src/machine/",
  "src/qmp/decoder.ts",
  "src/qmp/message.ts",
  "src/supervisor/adoption.ts",
  "src/supervisor/after_death.ts",
  "src/supervisor/backoff.ts",
  "src/supervisor/cause_table.ts",
  "src/supervisor/groups/next_steps.ts",
  "src/supervisor/groups/order.ts",
  "src/supervisor/groups/strategy.ts",
  "src/supervisor/guest_end_steps.ts",
  "src/supervisor/kept_history.ts",
  "src/supervisor/held_config.ts",
  "src/supervisor/liveness/answer_clock.ts",
  "src/supervisor/liveness/check_probes.ts",
  "src/supervisor/liveness/clock_jump.ts",
  "src/supervisor/liveness/oracle.ts",
  "src/supervisor/liveness/probe_state.ts",
  "src/supervisor/liveness/rhythm.ts",
  "src/supervisor/liveness/text_pattern.ts",
  "src/supervisor/persist_state.ts",
  "src/supervisor/policy.ts",
  "src/supervisor/policy_of.ts",
  "src/supervisor/policy_steps.ts",
  "src/supervisor/replay.ts",
  "src/supervisor/spec_change.ts",
  "src/supervisor/stuck.ts",
  "src/supervisor/unresponsive_steps.ts",
  "src/testing/boot/failure_message.ts",
  "src/testing/boot/test_config.ts",
  "src/testing/boot/weigh_end.ts",
  "src/testing/evidence/bounded_log.ts",
  "src/testing/evidence/console_lines.ts",
  "src/testing/evidence/make_model.ts",
  "src/testing/evidence/markup.ts",
  "src/testing/evidence/model.ts",
  "src/testing/evidence/page.ts",
  "src/testing/evidence/page_parts.ts",
  "src/testing/evidence/page_section.ts",
  "src/testing/evidence/page_style.ts",
  "src/testing/evidence/png_size.ts",
  "src/testing/evidence/redactor.ts",
  "src/testing/evidence/shell_line.ts",
  "src/testing/evidence/timeline.ts",
  "src/testing/evidence/wire_log.ts",
  "src/testing/faults/cmos_clock.ts",
  "src/testing/faults/disk_limits.ts",
  "src/testing/guests/_iso9660_fields.ts",
  "src/testing/guests/_rock_ridge.ts",
  "src/testing/guests/iso9660.ts",
  "src/testing/guests/nocloud_seed.ts",
  "src/testing/console/clean_transcript.ts",
  "src/testing/console/echo.ts",
  "src/testing/console/expectations.ts",
  "src/testing/console/failure_watch.ts",
  "src/testing/console/failures.ts",
  "src/testing/console/kernel_lines.ts",
  "src/testing/console/pattern_finder.ts",
  "src/testing/console/plain_text.ts",
  "src/testing/console/redaction.ts",
  "src/testing/console/text_window.ts",
  "src/testing/peer/command.ts",
  "src/testing/peer/delivery.ts",
  "src/testing/peer/errors.ts",
  "src/testing/peer/qemu_script.ts",
  "src/testing/peer/script.ts",
  "src/testing/peer/wire.ts",
  "src/testing/run/command_script.ts",
  "src/testing/run/errors.ts",
  "src/testing/run/frame_reader.ts",
  "src/testing/run/guest_program.ts",
  "src/testing/run/quote.ts",
  "src/testing/run/run_port.ts",
  "src/testing/run/run_result.ts",
  "src/testing/snapshot/eviction.ts",
  "src/testing/snapshot/manifest.ts",
  "src/testing/snapshot/qcow2_header.ts",
  "src/testing/snapshot/room.ts",
  "src/testing/snapshot/suitability.ts",
  "src/testing/snapshot/template_config.ts",
  "src/testing/snapshot/template_key.ts",
  "src/testing/screen/code_page_437.ts",
  "src/testing/screen/compare_images.ts",
  "src/testing/screen/image.ts",
  "src/testing/screen/keys.ts",
  "src/testing/screen/png_chunks.ts",
  "src/testing/screen/png_rows.ts",
  "src/testing/screen/text_mode.ts",
  "src/typegen/",
  "src/vm/found_guest.ts",
  "src/vm/recording.ts",
  "src/vm/remains.ts",
  "src/vm/stop_ladder.ts",
  "src/vm/verdict.ts",
  "src/vm/verdict_json.ts",
];

/** What has no place in a pure file: the system, the clock, chance, and time that passes. */
export const IMPURE: RegExp =
  /\bDeno\s*\.|\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\bcrypto\.(?:getRandomValues|randomUUID)\b|\bset(?:Timeout|Interval)\b/g;
