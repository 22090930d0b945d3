// The same as qeeper.ts, written with nothing but Deno: it knows one monitor, its own commands, and no failure.
const [path = "", program = "", ...args] = Deno.args;
const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" }).spawn();

async function connect(): Promise<Deno.Conn> {
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

const conn = await connect();
const buffer = new Uint8Array(65536);
let text = "";

async function line(): Promise<string> {
  while (!text.includes("\n")) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("Cannot read on: the monitor is gone");
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  const end = text.indexOf("\n") + 1;
  const first = text.slice(0, end);
  text = text.slice(end);
  return first;
}

async function execute(command: string): Promise<unknown> {
  await conn.write(new TextEncoder().encode(`{"execute":"${command}"}`));
  for (;;) {
    const message = JSON.parse(await line());
    if ("return" in message) return message.return;
  }
}

await line();
await execute("qmp_capabilities");
await execute("query-status");
await execute("quit");
const { success } = await child.status;
conn.close();
if (!success) throw new Error("Cannot vouch for the figure: QEMU failed");
