import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  goalToStart,
  isAtRest,
  type MemberState,
  nextSteps,
  waitsFor,
} from "../../../../src/supervisor/groups/next_steps.ts";
import { dependentsOf, neededBy } from "../../../../src/supervisor/groups/order.ts";
import { affectedBy, type GroupShape } from "../../../../src/supervisor/groups/strategy.ts";
import { anyShape, dependencies } from "./_groups.ts";

/** `{ db: "up ready" }`: goal and phase. */
function members(table: Readonly<Record<string, string>>): Map<string, MemberState> {
  return new Map(
    Object.entries(table).map(([name, words]) => {
      const [goal, phase] = words.split(" ");
      return [name, { goal, phase } as MemberState];
    }),
  );
}

Deno.test("nextSteps() starts who waits for nobody, and stops whom nobody needs who is to be stopped too", () => {
  const chain = dependencies({ db: [], app: ["db"], web: ["app"] });
  const cases: [
    what: string,
    GroupShape["strategy"],
    Record<string, string>,
    stop: string[],
    start: string[],
  ][] = [
    ["the first", "one-for-one", { db: "up down", app: "up down", web: "up down" }, [], ["db"]],
    ["not before it is ready", "one-for-one", { db: "up up", app: "up down", web: "up down" }, [], []],
    ["the next", "one-for-one", { db: "up ready", app: "up down", web: "up down" }, [], ["app"]],
    ["not while that is to go", "one-for-one", { db: "up ready", app: "renew ready", web: "up down" }, [
      "app",
    ], []],
    ["not what is not wanted", "one-for-one", { db: "up ready", app: "down down", web: "up down" }, [], []],
    ["not what waits", "one-for-one", { db: "up ready", app: "up backoff", web: "up down" }, [], []],
    [
      "the last one first",
      "one-for-one",
      { db: "down ready", app: "down ready", web: "down ready" },
      ["web"],
      [],
    ],
    [
      "one after another",
      "one-for-one",
      { db: "down ready", app: "down ready", web: "down stopping" },
      [],
      [],
    ],
    ["then the next", "one-for-one", { db: "down ready", app: "down ready", web: "down down" }, ["app"], []],
    ["it alone", "one-for-one", { db: "renew ending", app: "up ready", web: "up ready" }, ["db"], []],
    [
      "what is only starting",
      "one-for-one",
      { db: "down starting", app: "up down", web: "up down" },
      ["db"],
      [],
    ],
    ["a failed one is none", "one-for-one", { db: "down failed", app: "down ready", web: "down down" }, [
      "app",
    ], []],
    ["a preserved one too", "one-for-one", { db: "down held", app: "up down", web: "up down" }, ["db"], []],
    [
      "after the rest has stopped",
      "rest-for-one",
      { db: "up down", app: "renew stopping", web: "up down" },
      [],
      [],
    ],
    [
      "what is restarted with it has stopped",
      "rest-for-one",
      { db: "up down", app: "up down", web: "up down" },
      [],
      ["db"],
    ],
    [
      "another one's stop is no reason to wait",
      "one-for-one",
      { db: "up down", app: "renew stopping", web: "up down" },
      [],
      ["db"],
    ],
  ];
  for (const [what, strategy, table, stop, start] of cases) {
    assertEquals(nextSteps({ strategy, dependencies: chain }, members(table)), { stop, start }, what);
  }
});

Deno.test("waitsFor() names what a member depends on itself and that is not ready", () => {
  const all = dependencies({ db: [], cache: [], app: ["db", "cache"], web: ["app"] });
  const states = members({ db: "up ready", cache: "up up", app: "up down", web: "up down" });
  assertEquals(waitsFor(all, states, "app"), ["cache"]);
  assertEquals(waitsFor(all, states, "web"), ["app"]);
  assertEquals(waitsFor(all, states, "db"), []);
});

/** What can happen to a group: somebody wants something of a member, or something ends. `at` chooses among those to whom it can. */
type Happening =
  | { kind: "want"; goal: "up" | "down"; at: number }
  | { kind: "fail"; at: number }
  | { kind: "give-up"; at: number }
  | { kind: "finish"; at: number };

const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    kind: fc.constant("want" as const),
    goal: fc.constantFrom("up" as const, "down" as const),
    at: fc.nat(),
  }),
  fc.record({ kind: fc.constant("fail" as const), at: fc.nat() }),
  fc.record({ kind: fc.constant("give-up" as const), at: fc.nat() }),
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("finish" as const), at: fc.nat() }) },
);

/** A group whose processes are only words: it begins what can be begun, and ends what was begun in any order. */
class World {
  readonly members: Map<string, MemberState>;
  readonly #shape: GroupShape;

  constructor(shape: GroupShape) {
    this.#shape = shape;
    this.members = new Map(
      [...shape.dependencies.keys()].map((name) => [name, { goal: "up", phase: "down" }]),
    );
    this.#advance();
  }

  happen({ kind, at, ...rest }: Happening): void {
    const name = this.#choose(at, ({ phase }) => {
      switch (kind) {
        case "want":
          return true;
        case "fail":
        case "give-up":
          return phase === "ready" || phase === "up" || phase === "starting";
        case "finish":
          return ["starting", "up", "stopping"].includes(phase);
      }
    });
    if (name === null) return;
    const { goal, phase } = this.#state(name);
    switch (kind) {
      case "want":
        if ("goal" in rest) {
          const state = { goal: rest.goal, phase: phase === "failed" ? "down" : phase } as const;
          this.members.set(name, rest.goal === "up" ? { ...state, goal: goalToStart(state) } : state);
        }
        break;
      case "fail":
        if (goal !== "up") return;
        this.members.set(name, { goal: "renew", phase: "ending" });
        this.#others(name, "renew");
        break;
      case "give-up":
        if (goal !== "up") return;
        this.members.set(name, { goal: "down", phase: "ending" });
        this.#others(name, "down");
        break;
      case "finish":
        this.#finish(name);
        break;
    }
    this.#advance();
  }

  /** Ends all that was begun, for as long as that begins something. */
  settle(): void {
    for (let steps = 0; steps < 1_000; steps++) {
      const name = this.#choose(steps, ({ phase }) => ["starting", "up", "stopping"].includes(phase));
      if (name === null) return;
      this.#finish(name);
      this.#advance();
    }
    throw new Error("It goes on for ever");
  }

  #finish(name: string): void {
    const { goal, phase } = this.#state(name);
    if (phase === "starting") this.members.set(name, { goal, phase: "up" });
    if (phase === "up") this.members.set(name, { goal, phase: "ready" });
    if (phase === "stopping") this.members.set(name, { goal: goal === "renew" ? "up" : goal, phase: "down" });
  }

  #others(name: string, goal: "renew" | "down"): void {
    for (const other of affectedBy(this.#shape, name)) {
      const state = this.#state(other);
      if (other === name || state.goal === "down") continue;
      if (goal === "down" || !isAtRest(state)) this.members.set(other, { ...state, goal });
    }
  }

  /** Does what can be done, and checks that it may. */
  #advance(): void {
    const { dependencies } = this.#shape;
    const { stop, start } = nextSteps(this.#shape, this.members);
    for (const name of stop) {
      const state = this.#state(name);
      assert(state.goal !== "up" && !isAtRest(state) && state.phase !== "stopping");
      for (const other of dependentsOf(dependencies, name)) {
        const { goal, phase } = this.#state(other);
        assert(
          goal === "up" || isAtRest({ goal, phase }),
          `${name} is stopped before ${other}, which is ${goal} ${phase}`,
        );
      }
    }
    for (const name of start) {
      assertEquals(this.#state(name), { goal: "up", phase: "down" });
      for (const needed of dependencies.get(name) ?? []) {
        assertEquals(this.#state(needed), { goal: "up", phase: "ready" });
      }
    }
    for (const name of stop) this.members.set(name, { ...this.#state(name), phase: "stopping" });
    for (const name of start) this.members.set(name, { ...this.#state(name), phase: "starting" });
    const again = nextSteps(this.#shape, this.members);
    assertEquals(again, { stop: [], start: [] }, "what was begun is not begun again");
  }

  #choose(at: number, fits: (state: MemberState) => boolean): string | null {
    const names = [...this.members].filter(([, state]) => fits(state)).map(([name]) => name);
    return names[at % Math.max(1, names.length)] ?? null;
  }

  #state(name: string): MemberState {
    const state = this.members.get(name);
    assert(state);
    return state;
  }
}

const RUNS = { numRuns: 2_000 };

Deno.test("nextSteps() keeps the order whatever happens, and leads to where everybody is as wanted", () => {
  fc.assert(
    fc.property(anyShape, fc.array(anyHappening, { maxLength: 60 }), (shape, happenings) => {
      const world = new World(shape);
      for (const happening of happenings) world.happen(happening);
      world.settle();
      for (const [name, { goal, phase }] of world.members) {
        if (goal === "down") {
          assertEquals(phase, "down");
          continue;
        }
        const blocked = [...neededBy(shape.dependencies, name)].some((one) =>
          world.members.get(one)?.goal === "down"
        );
        // Who was ready before stays so when what it needs is stopped alone.
        if (blocked) assert(phase === "down" || phase === "ready", phase);
        else assertEquals(phase, "ready", name);
        assertEquals(goal, "up");
      }
    }),
    RUNS,
  );
});

Deno.test("nextSteps() stops a whole group, whatever it is at", () => {
  fc.assert(
    fc.property(anyShape, fc.array(anyHappening, { maxLength: 30 }), (shape, happenings) => {
      const world = new World(shape);
      for (const happening of happenings) world.happen(happening);
      for (const at of world.members.keys()) {
        world.happen({ kind: "want", goal: "down", at: [...world.members.keys()].indexOf(at) });
      }
      world.settle();
      assert([...world.members.values()].every(({ phase }) => phase === "down"));
    }),
    RUNS,
  );
});
