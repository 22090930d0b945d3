// Launches a VM and ends it, and prints which of Node's timers anybody has looked at meanwhile: the first look loads them all.
const looked: string[] = [];
for (
  const name of [
    "setTimeout",
    "clearTimeout",
    "setInterval",
    "clearInterval",
    "setImmediate",
    "clearImmediate",
  ]
) {
  const original = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get() {
      looked.push(`${name} ${new Error().stack?.split("\n")[2]?.trim()}`);
      return original?.get === undefined ? original?.value : original.get.call(globalThis);
    },
  });
}

const { launch } = await import("../../src/vm/launch_alone.ts");
const vm = await launch({ machine: "none", accel: "tcg" });
await vm.status();
const { cause } = await vm.shutdown({ powerdownMs: 0 });
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ cause, looked })));
