// The same as a clone, with nothing but Deno and QEMU: what the kit is held against.
import { SETTLE } from "./linux.ts";

/** A template made by hand: the recipe that the kit follows, with as little as it takes. */
export interface BareTemplate {
  readonly dir: string;
  /** The arguments of the machine, but for memory, disk and sockets. */
  readonly machine: readonly string[];
  readonly memoryMiB: number;
  readonly ram: string;
}

/** What a bare QEMU is talked to by. */
interface BareQemu {
  readonly dir: string;
  readonly child: Deno.ChildProcess;
  readonly qmp: Line;
  readonly serial: Line;
}

/** A connection whose bytes are kept until what is waited for is among them. */
class Line {
  readonly #conn: Deno.Conn;
  #text = "";

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async write(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text));
  }

  async until(wanted: string): Promise<string> {
    const buffer = new Uint8Array(16 * 1024);
    while (!this.#text.includes(wanted)) {
      const count = await this.#conn.read(buffer);
      if (count === null) throw new Error(`QEMU ended before it said ${wanted}: ${this.#text}`);
      this.#text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const end = this.#text.indexOf(wanted) + wanted.length;
    const said = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return said;
  }

  /** Runs a QMP command; events are passed over. */
  async execute(command: string, args?: object): Promise<string> {
    await this.write(JSON.stringify({ execute: command, ...(args && { arguments: args }) }));
    return await this.until('"return": ') + await this.until("\r\n");
  }

  close(): void {
    this.#conn.close();
  }
}

/** What a bare template is made of. */
export interface BareRequest extends Omit<BareTemplate, "ram"> {
  /** Where its memory is put. */
  readonly ramDir: string;
  readonly disk: string;
}

/**
 * Boots a guest and saves it, by hand.
 *
 * @param request What it is made of.
 * @returns The template.
 */
export async function makeBareTemplate({ ramDir, disk, ...machine }: BareRequest): Promise<BareTemplate> {
  const { dir } = machine;
  const template: BareTemplate = { ...machine, ram: `${ramDir}/bare.ram` };
  await qemuImg("create", "-q", "-f", "qcow2", "-b", disk, "-F", "raw", `${dir}/disk.qcow2`);
  const qemu = await start(template, "on", `${dir}/disk.qcow2`, []);
  await qemu.serial.until("GUEST-READY\n");
  await qemu.serial.write(SETTLE.command);
  await qemu.serial.until(SETTLE.answer);
  await qemu.qmp.execute("stop");
  await ignoreShared(qemu.qmp);
  await qemu.qmp.execute("migrate", { uri: `exec:cat >${dir}/state` });
  await qemu.qmp.until('"status": "completed"');
  await end(qemu);
  await qemuImg(
    "create",
    "-q",
    "-f",
    "qcow2",
    "-b",
    `${dir}/disk.qcow2`,
    "-F",
    "qcow2",
    `${dir}/blank.qcow2`,
  );
  return template;
}

/**
 * Starts a clone, by hand.
 *
 * @param template The template.
 * @returns How long it took from the spawn until the shell had answered, in milliseconds.
 */
export async function bareClone(template: BareTemplate): Promise<number> {
  const { dir } = template;
  const state = await Deno.readFile(`${dir}/state`);
  const begun = performance.now();
  await Deno.copyFile(`${dir}/blank.qcow2`, `${dir}/clone.qcow2`);
  const qemu = await start(template, "off", `${dir}/clone.qcow2`, ["-incoming", "defer"]);
  await ignoreShared(qemu.qmp);
  await qemu.qmp.execute("migrate-incoming", { uri: `unix:${qemu.dir}/state` });
  await feed(`${qemu.dir}/state`, state);
  await qemu.qmp.until('"status": "completed"');
  await qemu.qmp.execute("cont");
  await qemu.serial.write("echo answer-$((40 + 2))\n");
  await qemu.serial.until("answer-42\n");
  const ms = performance.now() - begun;
  await end(qemu);
  return ms;
}

async function start(
  { machine, memoryMiB, ram }: BareTemplate,
  share: "on" | "off",
  disk: string,
  more: readonly string[],
): Promise<BareQemu> {
  const dir = await Deno.makeTempDir();
  const child = new Deno.Command("qemu-system-x86_64", {
    args: [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-S", "-accel", "tcg"],
      ...["-object", `memory-backend-file,id=mem0,size=${memoryMiB}M,mem-path=${ram},share=${share}`],
      ...["-machine", "pc,memory-backend=mem0", "-m", `${memoryMiB}M`, ...machine],
      ...["-drive", `if=virtio,format=qcow2,cache=unsafe,file=${disk}`],
      ...["-qmp", `unix:${dir}/qmp,server=on,wait=off`, "-serial", `unix:${dir}/serial,server=on,wait=off`],
      ...more,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const qmp = new Line(await connect(`${dir}/qmp`));
  const serial = new Line(await connect(`${dir}/serial`));
  await qmp.until("\r\n");
  await qmp.execute("qmp_capabilities");
  if (more.length === 0) await qmp.execute("cont");
  return { dir, child, qmp, serial };
}

async function connect(path: string): Promise<Deno.Conn> {
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused)) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function ignoreShared(qmp: Line): Promise<void> {
  const capabilities = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));
  await qmp.execute("migrate-set-capabilities", { capabilities });
}

async function feed(path: string, state: Uint8Array): Promise<void> {
  using conn = await Deno.connect({ transport: "unix", path });
  for (let written = 0; written < state.length;) written += await conn.write(state.subarray(written));
}

async function end({ dir, child, qmp, serial }: BareQemu): Promise<void> {
  child.kill("SIGKILL");
  await child.status;
  qmp.close();
  serial.close();
  await Deno.remove(dir, { recursive: true });
}

async function qemuImg(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("qemu-img", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
