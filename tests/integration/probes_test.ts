// Probes of real guests: what they say on their consoles, what listens at their ports, and their agents.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { launch, type VmConfig } from "../../mod.ts";
import { QgaClient } from "../../src/qga/mod.ts";
import {
  checkProbes,
  type LivenessListener,
  LivenessWatch,
  type Probe,
  type ProbeChange,
  type Readiness,
  type TcpProbe,
} from "../../src/supervisor/liveness/mod.ts";
import { pingAgent } from "../../src/supervisor/liveness/probe_agent.ts";
import { probePort } from "../../src/supervisor/liveness/probe_tcp.ts";
import { failure, FakeAgent, result } from "./_fake_agent.ts";
import { soon, VmHost } from "./_vm_host.ts";

/** What the probes said, and waits for it. */
class Said implements LivenessListener {
  readonly probes: string[] = [];
  readonly readinesses: Readiness[] = [];
  #told: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  changed(): void {}

  probed({ index, result }: ProbeChange): void {
    this.probes.push(`${index} ${result.kind}${result.kind === "failing" ? `: ${result.why}` : ""}`);
    this.#wake();
  }

  readied(readiness: Readiness): void {
    this.readinesses.push(readiness);
    this.#wake();
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await soon(this.#told.promise);
  }

  #wake(): void {
    this.#told.resolve();
    this.#told = Promise.withResolvers<void>();
  }
}

const FAST = { everyMs: 100, timeoutMs: 2_000, failures: 2, graceMs: 0 };

/** A guest and its probes, watched. */
async function watched(host: VmHost, more: VmConfig, probes: readonly Probe[]) {
  const config = host.config(more);
  const vm = await launch(config);
  const watch = new LivenessWatch();
  const said = new Said();
  const guest = watch.add({ vm, probes: checkProbes(probes, config) }, said);
  return {
    vm,
    said,
    guest,
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]();
      await vm[Symbol.asyncDispose]();
    },
  };
}

Deno.test("A console probe makes a guest ready by what it says, and takes it from nobody", async () => {
  await using host = await VmHost.make();
  const probe: Probe = { kind: "console", for: "readiness", pattern: "READY\n", ...FAST, graceMs: 60_000 };
  await using guest = await watched(host, {}, [probe]);
  const { vm, said } = guest;
  assertEquals(guest.guest.readiness, "unknown");
  await said.until(() => said.readinesses.length > 0);
  assertEquals([said.readinesses, said.probes], [["ready"], ["0 passing"]]);
  await vm.console?.expect("READY\n");

  const resetAt = Date.now();
  await vm.reset();
  // Its first word is here already, or on its way.
  await vm.console?.expect("READY\n");
  guest.guest.begunAnew(resetAt);
  await said.until(() => said.readinesses.length > 2);
  assertEquals(said.readinesses, ["ready", "unknown", "ready"]);
});

Deno.test("A console probe for liveness wants to hear it again and again", async () => {
  await using host = await VmHost.make();
  // The guest echoes what is no command.
  const probe: Probe = { kind: "console", for: "liveness", pattern: { regexp: "b[e]at" }, ...FAST };
  await using guest = await watched(host, {}, [{ ...probe, everyMs: 300 }]);
  const { vm, said } = guest;
  let beating = true;
  const heart = (async () => {
    await vm.console?.expect("READY\n");
    while (beating) {
      await vm.console?.write("beat");
      await vm.console?.expect("beat");
    }
  })();
  await said.until(() => said.probes.includes("0 passing"));
  beating = false;
  await heart;
  await said.until(() => said.probes.at(-1) !== "0 passing");
  assertEquals(said.probes.at(-1), "0 failing: the guest did not say /b[e]at/ on its console");
});

/** A server that says something to each that connects, or hangs up. */
function serve(greeting: string | null): { port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      if (greeting === null) connection.close();
      else {
        connections.push(connection);
        await connection.write(new TextEncoder().encode(greeting));
      }
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) connection.close();
      await serving;
    },
  };
}

const NO_FORWARDS = { forwards: () => Promise.resolve([]) };

async function probe(more: Partial<TcpProbe>, timeoutMs = 2_000): Promise<string> {
  const { signal } = new AbortController();
  const whole: TcpProbe = { kind: "tcp", for: "readiness", port: 0, ...more };
  const found = await probePort(NO_FORWARDS, whole, { signal, timeoutMs });
  return found.kind === "passed" ? "passed" : found.why;
}

Deno.test("probePort() passes where somebody listens and says what they should", async () => {
  await using ssh = serve("SSH-2.0-x\r\n");
  const { port } = ssh;
  assertEquals(await probe({ port }), "passed");
  assertEquals(await probe({ port, expect: "SSH-" }), "passed");
  assertEquals(await probe({ port, expect: { regexp: "^ssh-2", flags: "i" }, send: "hello\r\n" }), "passed");
});

Deno.test("probePort() says why a port does not pass", async () => {
  const deaf = serve("");
  await using rude = serve(null);
  await using other = serve("220 smtp\r\n");
  assertEquals(await probe({ port: rude.port }), "the connection was closed at once");
  assertEquals(await probe({ port: rude.port, expect: "SSH-" }), 'it said nothing in place of "SSH-"');
  assertEquals(await probe({ port: other.port, expect: "SSH-" }, 200), "there was no answer within 200 ms");
  assertEquals(await probe({ port: deaf.port, expect: "SSH-" }, 200), "there was no answer within 200 ms");
  assertEquals(
    await probe({ port: { guest: 22 } }),
    "no forward of a user network leads to that port",
  );
  const { port } = deaf;
  await deaf[Symbol.asyncDispose]();
  assertStringIncludes(await probe({ port }), "Connection refused");
});

Deno.test("probePort() stops by its signal", async () => {
  await using deaf = serve("");
  const stop = new AbortController();
  const probe: TcpProbe = { kind: "tcp", for: "liveness", port: deaf.port, expect: "x" };
  const probing = probePort(NO_FORWARDS, probe, { signal: stop.signal, timeoutMs: 30_000 });
  stop.abort(new Error("enough"));
  const error = await probing.catch((error: Error) => error);
  assertEquals(error instanceof Error && error.message, "enough");
});

Deno.test("A tcp probe of a guest's port finds its forward, and is not deceived by QEMU, which accepts for it", async () => {
  await using host = await VmHost.make();
  const networks: VmConfig["networks"] = [{ type: "user", forward: [{ guest: 22 }] }];
  const port = { guest: 22 };
  await using guest = await watched(host, { networks }, [
    { kind: "tcp", for: "liveness", port, ...FAST },
    { kind: "tcp", for: "liveness", port, expect: "SSH-", ...FAST, timeoutMs: 300 },
  ]);
  const { said } = guest;
  // This guest has no network at all.
  await said.until(() => said.probes.length >= 2);
  assertEquals(said.probes.toSorted(), ["0 passing", "1 failing: there was no answer within 300 ms"]);
});

Deno.test("pingAgent() takes every answer for a sign of life, a refusal too, and silence for none", async () => {
  await using fake = await FakeAgent.start((command, times) => {
    if (command.execute !== "guest-ping") return null;
    if (times === 1) return result({});
    return times === 2 ? failure("GenericError", "The command guest-ping has been disabled") : null;
  });
  await using agent = new QgaClient(fake.address);
  const { signal } = new AbortController();
  const [patient, limits] = [{ signal, timeoutMs: 10_000 }, { signal, timeoutMs: 300 }];
  assertEquals(await pingAgent({ agent }, patient), { kind: "passed" });
  assertEquals(await pingAgent({ agent }, patient), { kind: "passed" });
  const silent = await pingAgent({ agent }, limits);
  assertStringIncludes(silent.kind === "missed" ? silent.why : "", "300 ms");
  assertEquals((await pingAgent({ agent: null }, limits)).kind, "missed");
});

Deno.test("An agent probe says of a guest without an agent that there is none", async () => {
  await using host = await VmHost.make();
  await using guest = await watched(host, { agent: true }, [
    { kind: "agent", for: "readiness", ...FAST, timeoutMs: 500 },
  ]);
  const { said } = guest;
  await said.until(() => said.readinesses.length > 0);
  assertEquals(said.readinesses, ["not-ready"]);
  assertStringIncludes(said.probes[0] ?? "", "0 failing: ");
});

Deno.test("Probes end with their guest", async () => {
  await using host = await VmHost.make();
  await using guest = await watched(host, { agent: true }, [
    { kind: "agent", for: "liveness", ...FAST, timeoutMs: 30_000 },
    { kind: "console", for: "liveness", pattern: "never", ...FAST },
  ]);
  const { vm, said } = guest;
  await said.until(() => said.probes.length > 0);
  // Not by a power-off: QEMU 7.2 may wait for ever in its own exit when it is asked something just then, and this one is asked all the time.
  await soon(vm.kill());
});
