import { assert } from "@std/assert";
import {
  type EventStream,
  type GroupConfig,
  type GroupMember,
  type GroupOptions,
  type GroupReport,
  type HelperConfig,
  openGroup,
  type Supervisor,
  type SupervisorOptions,
  type VmGroup,
} from "../../mod.ts";
import { tinyGuests, unirom } from "../../src/testing/mod.ts";
import { type Supervised, Yard } from "./_supervised.ts";

/** The longest that any of these waits may take. */
const LIMIT_MS = 30_000;

/** What each report comes down to, for tables: `web: ended killed -> start`. */
export function inShort(report: GroupReport): string {
  const actions = "actions" in report && report.actions.length > 0
    ? ` -> ${
      report.actions.map((action) => action.kind === "give-up" ? `give up (${action.why})` : action.kind)
        .join(", ")
    }`
    : "";
  return `${report.vm}: ${report.kind}${about(report)}${actions}`;
}

function about(report: GroupReport): string {
  switch (report.kind) {
    case "asked":
      return ` ${report.ask}`;
    case "ended":
    case "guest-ended":
      return ` ${report.verdict.cause}`;
    case "event":
      return ` ${report.event.event}`;
    case "helper-started":
    case "helper-ended":
    case "helper-failed":
      return ` ${report.helper}`;
    case "restart-planned":
      return ` ${report.because}: ${report.plan.start.map((wave) => wave.join("+")).join(" ")}`;
    case "member-failed":
      return report.with.length === 0 ? "" : ` with ${report.with.join("+")}`;
    default:
      return "";
  }
}

/** Everything that a group reported, and waits for what it has yet to report. */
export class GroupLog {
  readonly all: GroupReport[] = [];
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  #arrival: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #open = true;

  constructor(stream: EventStream<GroupReport>) {
    this.ended = this.#read(stream);
  }

  /** What is told of some kinds, in short, from the report with this number on. */
  lines(kinds: readonly GroupReport["kind"][] | null = null, from: number = 0): string[] {
    return this.all.slice(from).filter(({ kind }) => kinds?.includes(kind) ?? true).map(inShort);
  }

  /** Waits for a report that begins like this, from the one with this number on. */
  async until(beginning: string, from: number = 0): Promise<GroupReport> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<"limit">((resolve) => timer = setTimeout(() => resolve("limit"), LIMIT_MS));
    try {
      for (;;) {
        const arrival = this.#arrival.promise;
        const found = this.all.slice(from).find((report) => inShort(report).startsWith(beginning));
        if (found) return found;
        const woken = this.#open ? await Promise.race([arrival, limit]) : "end";
        if (woken !== undefined) {
          const said = this.all.map((report) => `\n  ${inShort(report)}`).join("");
          throw new Error(`There is no report that begins with "${beginning}" (${woken}); there are:${said}`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(stream: EventStream<GroupReport>): Promise<void> {
    for await (const report of stream) {
      this.all.push(report);
      this.#arrive();
    }
    this.#open = false;
    this.#arrive();
  }

  #arrive(): void {
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers<void>();
  }
}

/** A group with what is needed to watch it. */
export interface Watched extends AsyncDisposable {
  group: VmGroup;
  reports: GroupLog;
  supervisor: Supervisor;
}

/** Opens a group under a supervisor. Disposing it closes the group. */
export async function watch(
  supervisor: Supervisor,
  yard: Yard,
  config: GroupConfig,
  options: GroupOptions = {},
): Promise<Watched> {
  const group = await openGroup(supervisor, config, {
    runtimeDir: yard.runtimeDir,
    folder: yard.folder,
    ...options,
  });
  const reports = new GroupLog(group.reports());
  return {
    group,
    reports,
    supervisor,
    async [Symbol.asyncDispose]() {
      await group[Symbol.asyncDispose]();
      await reports.ended;
    },
  };
}

/** A member whose guest obeys commands, and is ready when it says so. */
export async function member(
  yard: Yard,
  name: string,
  more: Partial<GroupMember> = {},
): Promise<GroupMember> {
  const spec = await yard.firmware(name, unirom);
  return {
    ...spec,
    probes: [{ kind: "console", for: "readiness", pattern: "READY" }],
    ...more,
    config: { ...spec.config, ...more.config },
  };
}

const script = new URL("_helper.ts", import.meta.url).pathname;

/** A helper on a socket, and the argument by which QEMU connects to it. */
export function helper(how: string, more: Partial<HelperConfig> = {}): HelperConfig {
  return {
    name: "sock",
    command: [Deno.execPath(), "run", "--quiet", "--no-check", "-A", script, how, "{run}/sock"],
    socket: "{run}/sock",
    ...more,
  };
}

const CONNECTS = ["-chardev", "socket,id=helper,path={run}/sock"];

/** A guest that needs a helper: QEMU does not start without it. */
export async function guarded(
  yard: Yard,
  name: string,
  how: string,
  more: Partial<GroupMember> = {},
): Promise<GroupMember> {
  const spec = await yard.firmware(name, tinyGuests.halt);
  return { ...spec, helpers: [helper(how)], ...more, config: { ...spec.config, extraArgs: CONNECTS } };
}

/** A test with a supervisor, after which nothing of its guests and helpers may be left. */
export function grouped(
  name: string,
  body: (yard: Yard, supervised: Supervised) => Promise<void>,
  options: SupervisorOptions & { ignore?: boolean } = {},
): void {
  const { ignore = false, ...supervision } = options;
  Deno.test({
    name,
    ignore,
    async fn() {
      await using yard = await Yard.make();
      await using supervised = await yard.open({ signals: "ignore", ...supervision });
      await body(yard, supervised);
    },
  });
}

/** QEMU's pids by the names of their members. */
export function pids({ group }: Watched): Record<string, number | null> {
  return Object.fromEntries(group.list().map(({ name, guest }) => [name, guest?.vm?.pid ?? null]));
}

/** The pid of a member's only helper. */
export function helperOf({ group }: Watched, name: string): number {
  const [helper] = group.get(name)?.helpers ?? [];
  assert(helper, `${name} has a helper`);
  return helper.pid;
}

/** A group of two, one with a helper, for supervisors that are killed. */
export async function theGroup(yard: Yard): Promise<GroupConfig> {
  return {
    name: "two",
    strategy: "rest-for-one",
    vms: { db: await guarded(yard, "db", "serve"), web: { ...await member(yard, "web"), dependsOn: ["db"] } },
  };
}

/** Runs that group in another process and kills that once it is up. Returns the pids of db, its helper, and web. */
export async function killGroup(
  yard: Yard,
  stateDir?: string,
): Promise<[db: number, helper: number, web: number]> {
  const script = new URL("_group_script.ts", import.meta.url).pathname;
  const args = ["run", "-A", "--no-check", script, yard.folder, ...stateDir === undefined ? [] : [stateDir]];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "inherit" })
    .spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The group ended: ${said}`);
    said += value;
  }
  child.kill("SIGKILL");
  while (!(await reader.read()).done);
  await child.status;
  const [[db, helper], [web]] = JSON.parse(said);
  return [db, helper, web];
}
