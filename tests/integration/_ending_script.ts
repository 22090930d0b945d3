// A script that launches VMs and then ends, in the way that its first argument says. It tells what it launched on its standard output.
// The other arguments: how many VMs, what the guests' firmware is, and a run directory for the only one (else the default).
import { launch, type Vm } from "../../mod.ts";

const [how = "", count = "1", bios = "", runDir] = Deno.args;

function start(): Promise<Vm> {
  const config = { accel: "tcg", memoryMiB: 16, firmware: { bios } } as const;
  return launch(config, runDir === undefined ? {} : { runDir });
}

function say(what: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
}

function inWorker(): Promise<unknown> {
  const worker = new Worker(new URL("_launching_worker.ts", import.meta.url), { type: "module" });
  worker.postMessage({ bios });
  return new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
}

if (how === "launch in a worker") {
  say([await inWorker()]);
} else if (how === "launch one by one") {
  for (let left = Number(count); left > 0; left--) await start();
} else {
  const vms = await Promise.all(Array.from({ length: Number(count) }, start));
  say(vms.map(({ pid, runDir }) => ({ pid, runDir })));
  await Promise.all(vms.map(end));
}

async function end(vm: Vm): Promise<void> {
  switch (how) {
    case "wait":
      return;
    case "wait for a reply":
      await vm.console?.expect("what the guest never says");
      return;
    case "wait for the end":
      await vm.stopped;
      return;
    case "kill, then exit":
      await vm.kill();
      return Deno.exit(3);
    case "exit":
      return Deno.exit(3);
    case "exit while launching":
      start();
      while (!othersListen(vm)) await new Promise((resolve) => setTimeout(resolve, 0));
      return Deno.exit(3);
    case "throw":
      setTimeout(() => {
        throw new Error("nobody catches this");
      }, 1);
      return;
    case "reject":
      Promise.reject(new Error("nobody awaits this"));
      return;
    case "survive a throw and a rejection":
      for (const name of ["error", "unhandledrejection"]) {
        globalThis.addEventListener(name, (event) => event.preventDefault());
      }
      Promise.reject(new Error("somebody sees this"));
      setTimeout(() => {
        setTimeout(async () => say((await vm.status()).status), 1);
        throw new Error("somebody sees this");
      }, 1);
      return;
    default:
      throw new Error(`There is no such way to end: ${how}`);
  }
}

/** Whether the QEMU of another VM has come as far as to listen. */
function othersListen(vm: Vm): boolean {
  const root = vm.runDir?.replace(/[^/]*$/, "") ?? "";
  const others = [...Deno.readDirSync(root)].map(({ name }) => root + name).filter((dir) =>
    dir !== vm.runDir
  );
  return others.some((dir) => [...Deno.readDirSync(dir)].some(({ name }) => name === "control"));
}
