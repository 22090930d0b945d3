import type { QmpCommands, RunState } from "../../qmp/mod.ts";
import type { PeerCommand } from "./command.ts";
import type { PeerAnswer, PeerAnswers, PeerAnswerStep, PeerScript } from "./script.ts";
import type { PeerGreeting } from "./wire.ts";

/**
 * What `qemuScript` takes.
 *
 * @example
 * ```ts
 * import { FakePeer, type QemuScriptOptions, qemuScript } from "@qeeper/qeeper/testing";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const options: QemuScriptOptions = {
 *   name: "web",
 *   answers: { "query-balloon": [{ kind: "reply", value: { actual: 2n ** 40n } }] },
 * };
 * await using peer = await FakePeer.listen();
 * peer.serve(qemuScript(options));
 * await using qmp = await QmpClient.connect(peer.address);
 * assertEquals((await qmp.execute("query-name")).name, "web");
 * assertEquals((await qmp.execute("query-balloon")).actual, 1_099_511_627_776);
 * ```
 */
export interface QemuScriptOptions {
  /** The guest's name. Default none. */
  readonly name?: string;
  /** What it is at first. Default `running`. */
  readonly status?: RunState;
  /** What it says first. */
  readonly greeting?: PeerGreeting;
  /** Answers to other commands, or in the place of its own. */
  readonly answers?: PeerAnswers;
}

/** QEMU runs these out of band, and no others. */
const OUT_OF_BAND: ReadonlySet<string> = new Set(["migrate-pause", "migrate-recover", "query-yank", "yank"]);

/**
 * The script of a QEMU without a guest: it keeps a run state, which `stop`, `cont`, `system_reset` and `quit` change as QEMU does, with
 * the events before the replies; it refuses what it doesn't know, and arguments where there are none, in QEMU's words. The state
 * is kept from client to client, as long as the script is the same.
 *
 * @param options Its name, greeting, and more answers.
 * @returns The script, to be served to any number of clients, one after the other.
 *
 * @example A supervisor's view of a QEMU that is told to quit
 * ```ts
 * import { attach } from "@qeeper/qeeper";
 * import { FakePeer, qemuScript } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using peer = await FakePeer.listen();
 * peer.serve(qemuScript({ name: "web" }));
 * await using vm = await attach(peer.address);
 * await vm.pause();
 * assertEquals([vm.name, (await vm.status()).status], ["web", "paused"]);
 * await vm.qmp.execute("quit");
 * assertEquals((await vm.stopped).cause, "host-quit");
 * ```
 */
export function qemuScript(options: QemuScriptOptions = {}): PeerScript {
  const { greeting, name, status = "running", answers = {} } = options;
  const all: PeerAnswers = { ...ownAnswers(name, status), ...answers };
  const names = Object.keys(all).filter((command) => command !== "*").toSorted();
  const serving: PeerAnswers = {
    "query-commands": [{ kind: "reply", value: names.map((name) => ({ name })) }],
    "query-qmp-schema": [{ kind: "reply", value: schemaOf(names) }],
    ...all,
  };
  const strict = Object.entries(serving).map(([command, answer]) =>
    [command, command in answers ? answer : withoutArguments(answer)] as const
  );
  return [
    { kind: "negotiate", ...(greeting === undefined ? {} : { greeting }) },
    { kind: "serve", answers: Object.fromEntries(strict.map(([name, answer]) => [name, inBand(answer)])) },
  ];
}

function ownAnswers(name: string | undefined, first: RunState): PeerAnswers {
  let status: RunState = first;
  const running = () => status === "running";
  return {
    "query-status": () => [{ kind: "reply", value: { status, running: running() } }],
    "query-name": [{ kind: "reply", value: name === undefined ? {} : { name } }],
    "query-yank": [{ kind: "reply", value: [] }],
    "query-chardev": [{ kind: "reply", value: [] }],
    "query-block": [{ kind: "reply", value: [] }],
    "query-jobs": [{ kind: "reply", value: [] }],
    // The event comes before the reply, and none where nothing changes.
    "stop": () => {
      const was = status;
      status = "paused";
      return was === "running" ? [{ kind: "event", event: "STOP" }, { kind: "reply" }] : [{ kind: "reply" }];
    },
    "cont": () => {
      const was = status;
      status = "running";
      return was === "running"
        ? [{ kind: "reply" }]
        : [{ kind: "event", event: "RESUME" }, { kind: "reply" }];
    },
    "system_powerdown": [{ kind: "event", event: "POWERDOWN" }, { kind: "reply" }],
    "system_reset": () => {
      if (!running()) status = "prelaunch";
      const data = { guest: false, reason: "host-qmp-system-reset" } as const;
      return [{ kind: "event", event: "RESET", data }, { kind: "reply" }];
    },
    "quit": [
      { kind: "event", event: "SHUTDOWN", data: { guest: false, reason: "host-qmp-quit" } },
      { kind: "reply" },
      { kind: "end" },
    ],
  };
}

/** A schema that has these commands, without arguments or results. */
function schemaOf(names: readonly string[]): QmpCommands["query-qmp-schema"]["returns"] {
  const nothing = { name: "0", "meta-type": "object" as const, members: [] };
  const command = { "meta-type": "command" as const, "arg-type": "0", "ret-type": "0" };
  return [...names.map((name) => ({ name, ...command })), nothing];
}

const stepsOf = (answer: PeerAnswer | undefined, command: PeerCommand): readonly PeerAnswerStep[] =>
  typeof answer === "function" ? answer(command) : answer ?? [];

function withoutArguments(answer: PeerAnswer | undefined): PeerAnswer {
  return (command) => {
    const [argument] = Object.keys(command.arguments ?? {});
    return argument === undefined
      ? stepsOf(answer, command)
      : [{ kind: "fail", desc: `Parameter '${argument}' is unexpected` }];
  };
}

function inBand(answer: PeerAnswer | undefined): PeerAnswer {
  return (command) =>
    command.band === "in" || OUT_OF_BAND.has(command.name)
      ? stepsOf(answer, command)
      : [{ kind: "fail", desc: `The command ${command.name} does not support OOB` }];
}
