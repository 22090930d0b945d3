// What src/machine compiles, given to a real QEMU: each golden config is launched (paused) with the files it names, the command line
// that ran is the golden one, and QEMU says nothing on stderr. What a config needs of the host and this host has not (a TPM, a
// virtiofsd, a vsock device) is checked up to QEMU's own word that it is missing.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  configFiles,
  forwardsToRead,
  matchForwards,
  parseHelp,
  parseUsernet,
  parseVmConfig,
  resolveConfigPaths,
  type VmConfig,
} from "../../src/machine/mod.ts";
import { withoutTie } from "../../src/machine/monitors.ts";
import { QmpCommandError, QmpError } from "../../src/qmp/mod.ts";
import { demoDisk } from "../../src/testing/mod.ts";
import { launch, LaunchError, type LaunchOptions, type Vm } from "../../src/vm/mod.ts";

const GOLDEN = new URL("../testdata/argv/", import.meta.url);
const MIB = 1024 * 1024;

/** Golden configs that no QEMU is started with here, and why. */
const NOT_LAUNCHED: Readonly<Record<string, string>> = {
  arch_aarch64: "a binary of another architecture",
  arch_s390x: "a binary of another architecture",
  arch_unknown: "a binary of another architecture",
  binary_kvm: "a binary that is not there, and KVM",
  host_device: "a disk of the host",
  incoming_exec: "a state to come from; there is a test of its own for that",
  networks_fixed_port: "its host port may be taken",
  sandbox_absent: "a binary without seccomp",
};

/** What QEMU says where the host lacks what a config needs; where it does not, the config is launched like the others. */
const LACKING: Readonly<Record<string, RegExp>> = {
  networks_socket: /can't add socket to multicast group/,
  networks_tap: /could not (open|configure) \/dev\/net\/tun/,
  networks_tap_vhost: /tap: open vhost char device failed|could not (open|configure) \/dev\/net\/tun/,
  vsock: /-device vhost-vsock-pci,id=vsock0,guest-cid=42: vhost-vsock: failed to open vhost device/,
};

/** What QEMU says to a helper that hangs up, and to an image that is not encrypted. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  secrets: /file\.filename=\S*\/vault\.img: Volume is not in LUKS format/,
  shares_virtiofs: /-device vhost-user-fs-pci,id=fs0,chardev=fs0,tag=src: /,
  shares_virtiofs_own_memory: /-device vhost-user-fs-pci,id=fs0,chardev=fs0,tag=src: /,
  tpm: /-tpmdev emulator,id=tpm0,chardev=tpm0: /,
  tpm_isa: /-tpmdev emulator,id=tpm0,chardev=tpm0: /,
};

interface Golden {
  config: unknown;
  facts?: Record<string, unknown>;
}

/** A directory for a config's files and one for its run, both gone at the end. */
async function withDirs(body: (files: string, run: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-machine-" });
  try {
    await Deno.mkdir(`${dir}/vm`);
    await body(`${dir}/vm`, `${dir}/run`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Makes what a config takes for granted, as small as QEMU takes it. Sockets are listened on, and hung up at once. */
async function makeFiles(config: VmConfig): Promise<Disposable> {
  const listeners: Deno.UnixListener[] = [];
  for (const { path, file } of configFiles(config)) {
    if (file.startsWith("/dev/")) continue;
    if (/\.(socket|address\.path)$/.test(path)) {
      const listener = Deno.listen({ transport: "unix", path: file });
      listeners.push(listener);
      void hangUp(listener);
    } else if (/^shares|tftp$/.test(path)) await Deno.mkdir(file);
    else await Deno.writeFile(file, content(path, file));
  }
  return {
    [Symbol.dispose]() {
      for (const listener of listeners) listener.close();
    },
  };
}

async function hangUp(listener: Deno.UnixListener): Promise<void> {
  for await (const connection of listener) connection.close();
}

function content(path: string, file: string): Uint8Array {
  if (path === "kernel") return multibootKernel();
  if (path === "firmware.bios") return new Uint8Array(65536);
  if (path.startsWith("firmware")) return new Uint8Array(4 * MIB);
  if (path.startsWith("secrets")) return new TextEncoder().encode("swordfish");
  return file.endsWith(".qcow2") ? emptyQcow2() : new Uint8Array(MIB);
}

/** A multiboot image of 64 bytes that says OK on the first serial port and powers off. */
function multibootKernel(): Uint8Array {
  const code = "66baf803b04feeb04beeb00aee66ba040666b8002066effaf4ebfc";
  const header = "02b0ad1b00000100fe4f51e400001000000010003b0010003b00100020001000";
  return Uint8Array.from((header + code).match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** An empty qcow2 image of 1 MiB: header, refcount table, refcounts and L1 table, a cluster each. */
function emptyQcow2(): Uint8Array {
  const CLUSTER = 65536;
  const image = new Uint8Array(4 * CLUSTER);
  const view = new DataView(image.buffer);
  image.set(new TextEncoder().encode("QFI\xfb").filter((byte) => byte !== 0xc3));
  view.setUint8(3, 0xfb);
  view.setUint32(4, 2); // version
  view.setUint32(20, 16); // bits of a cluster's size
  view.setBigUint64(24, BigInt(MIB));
  view.setUint32(36, 1); // entries of the L1 table
  view.setBigUint64(40, BigInt(3 * CLUSTER));
  view.setBigUint64(48, BigInt(CLUSTER));
  view.setUint32(56, 1); // clusters of the refcount table
  view.setBigUint64(CLUSTER, BigInt(2 * CLUSTER));
  for (let cluster = 0; cluster < 4; cluster++) view.setUint16(2 * CLUSTER + 2 * cluster, 1);
  return image;
}

/** Launches a config with its files, paused, under tcg, and ends it with `quit`. */
async function tryConfig(
  config: VmConfig,
  options: LaunchOptions,
  body: (vm: Vm) => Promise<void>,
): Promise<void> {
  using _helpers = await makeFiles(config);
  await using vm = await launch({ ...config, accel: "tcg" }, { ...options, paused: true });
  await body(vm);
  const verdict = await vm.shutdown({ powerdownMs: 0 });
  assertEquals([verdict.cause, verdict.stderrTail], ["host-quit", ""]);
}

/** The ids that the command line gives to devices. */
function deviceIds(argv: readonly string[]): string[] {
  return argv.flatMap((word, index) => {
    const id = /,id=([^,]*)/.exec(word)?.[1];
    return argv[index - 1] === "-device" && id !== undefined ? [id] : [];
  });
}

for (const { name: file } of [...Deno.readDirSync(GOLDEN)].toSorted((a, b) => a.name < b.name ? -1 : 1)) {
  const name = file.replace(/\.json$/, "");
  if (name === file) continue;
  const why = NOT_LAUNCHED[name];
  Deno.test({
    name: `QEMU takes the command line of ${name}.argv${why === undefined ? "" : ` (not launched: ${why})`}`,
    ignore: why !== undefined,
    fn: () =>
      withDirs(async (files, run) => {
        const golden: Golden = JSON.parse(await Deno.readTextFile(new URL(file, GOLDEN)));
        const config = resolveConfigPaths(parseVmConfig(golden.config), files);
        const expected = await Deno.readTextFile(new URL(`${name}.argv`, GOLDEN));
        const check = (argv: readonly string[]) => {
          // The tie is the launch's, not the config's.
          const text = withoutTie(argv).map((word) =>
            `${word.replaceAll(files, "/vm").replaceAll(run, "/run/vm")}\n`
          )
            .join("");
          assertEquals(text, expected);
        };
        const attempt = () =>
          tryConfig(config, { runDir: run, recorder: golden.facts?.recorder ? "on" : "off" }, async (vm) => {
            check(vm.argv ?? []);
            const made: unknown = await vm.qmp.execute("qom-list", { path: "/machine/peripheral" });
            assert(Array.isArray(made));
            const names = made.map((one: { name: string }) => one.name).filter((one) => one !== "type");
            assertEquals(names.toSorted(), deviceIds(vm.argv ?? []).toSorted());
            assertEquals(
              (await vm.status()).status,
              config.incoming === undefined ? "prelaunch" : "inmigrate",
            );
          });
        const refused = REFUSED[name];
        const lacking = LACKING[name];
        try {
          await attempt();
          assert(refused === undefined, "QEMU was expected to refuse this");
        } catch (error) {
          const words = refused ?? lacking;
          if (!(error instanceof LaunchError) || words === undefined) throw error;
          check(error.argv);
          assertMatch(error.stderrTail, words);
        }
      }),
  });
}

const ODD_NAME = `a,b=c "d" nbd:x.img`;

for (const on of ["virtio-blk", "scsi", "nvme", "ide", "floppy"] as const) {
  Deno.test(`a disk named ${ODD_NAME} boots from ${on}; with snapshot its file keeps what it had`, () =>
    withDirs(async (files, run) => {
      const file = `${files}/${ODD_NAME}`;
      await Deno.writeFile(file, demoDisk());
      for (const [snapshot, count] of [[true, 0], [false, 1]] as const) {
        const config: VmConfig = { accel: "tcg", memoryMiB: 16, drives: [{ file, interface: on, snapshot }] };
        await using vm = await launch(config, { runDir: `${run}-${snapshot}` });
        await vm.console?.expect("Hello from life 1\n", { timeoutMs: 30_000 });
        assertEquals((await vm.stopped).cause, "guest-panic");
        const image = await Deno.readFile(file);
        // The guest counts its lives in the second sector.
        assertEquals(new DataView(image.buffer).getUint32(512, true), count);
      }
    }));
}

Deno.test("a kernel with an odd name boots, and its command line and the guest's name arrive to the letter", () =>
  withDirs(async (files, run) => {
    const kernel = `${files}/k,e=r "n" -S`;
    await Deno.writeFile(kernel, multibootKernel());
    const name = `-daemonize,process="x" é,,`;
    const append = `-S,x="y" ,,`;
    const config: VmConfig = { accel: "tcg", memoryMiB: 16, name, kernel, append };
    await using vm = await launch(config, { runDir: run, paused: true });
    assertEquals((await vm.qmp.execute("query-name")).name, name);
    assertEquals(await vm.qmp.execute("qom-get", { path: "/machine", property: "append" }), append);
    await vm.resume();
    assertEquals((await vm.stopped).cause, "guest-shutdown");
    assertEquals(await Deno.readTextFile(`${run}/console.log`), "OK\n");
  }));

Deno.test("a multiboot kernel's initrd is split at commas by QEMU, as VmConfig.initrd says; a Linux kernel's is not", () =>
  withDirs(async (files, run) => {
    const [kernel, initrd] = [`${files}/kernel`, `${files}/one,two`];
    await Deno.writeFile(initrd, new Uint8Array(1));
    await Deno.writeFile(kernel, multibootKernel());
    const error = await assertRejects(
      () => launch({ accel: "tcg", kernel, initrd }, { runDir: `${run}-a`, paused: true }),
      LaunchError,
    );
    assertMatch(error.stderrTail, /Failed to open file '\S*\/one'/);
    // Enough of a bzImage's header that QEMU takes it for Linux and loads the initrd.
    const linux = new Uint8Array(65536);
    linux.set(new TextEncoder().encode("HdrS\x0f\x02"), 0x202);
    linux.set([1], 0x1f1);
    linux.set([0xff, 0xff, 0xff, 0x7f], 0x22c);
    await Deno.writeFile(kernel, linux);
    await using vm = await launch({ accel: "tcg", kernel, initrd }, { runDir: `${run}-b`, paused: true });
    assertEquals((await vm.status()).status, "prelaunch");
  }));

Deno.test("ports that were left to QEMU are read back, and lead somewhere", () =>
  withDirs(async (_files, run) => {
    const config: VmConfig = {
      accel: "tcg",
      memoryMiB: 16,
      networks: [{ type: "user", forward: [{ guest: 22 }, { guest: 22 }, { guest: 53, protocol: "udp" }] }],
    };
    await using vm = await launch(config, { runDir: run, paused: true });
    const found = matchForwards(forwardsToRead(config), parseUsernet(await vm.hmp("info usernet")));
    const ports = found.map((one) => one?.hostPort ?? 0);
    assertEquals(new Set(ports).size, 3);
    assert(ports.every((port) => port > 0), String(ports));
    assertEquals(found.map((one) => one?.protocol), ["tcp", "tcp", "udp"]);
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port: ports[0] ?? 0 });
  }));

Deno.test('spawn=deny stops an exec: migration; with sandbox "allow-spawn" it goes out, and comes back by incoming', () =>
  withDirs(async (files, run) => {
    const config: VmConfig = { accel: "tcg", memoryMiB: 16 };
    const uri = `exec:cat >${files}/state`;
    {
      await using vm = await launch(config, { runDir: `${run}-a`, paused: true });
      const error = await assertRejects(() => vm.qmp.execute("migrate", { uri }), QmpError);
      // 10.0 says that it can't, 7.2 is killed by the kernel as it tries.
      if (error instanceof QmpCommandError) assertMatch(error.desc, /Failed to fork/);
      else assertEquals((await vm.stopped).exit?.signal, "SIGSYS");
    }
    {
      await using vm = await launch({ ...config, sandbox: "allow-spawn" }, {
        runDir: `${run}-b`,
        paused: true,
      });
      await vm.qmp.execute("migrate", { uri });
      await state(vm, ["postmigrate"]);
    }
    const incoming = `exec:cat ${files}/state`;
    await using vm = await launch({ ...config, incoming }, { runDir: `${run}-c`, paused: true });
    await state(vm, ["paused", "prelaunch"]);
    assertEquals((await vm.shutdown({ powerdownMs: 0 })).cause, "host-quit");
  }));

/** Asks for the run state until it is one of these; QEMU has no event for the end of a migration unless that is switched on. */
async function state(vm: Vm, wanted: readonly string[]): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  while (!wanted.includes((await vm.status()).status)) signal.throwIfAborted();
}

Deno.test("parseHelp() reads the help of the QEMU that is installed", async () => {
  const { stdout } = await new Deno.Command("qemu-system-x86_64", { args: ["-help"] }).output();
  const { version, options, sandbox } = parseHelp(new TextDecoder().decode(stdout));
  assertMatch(version ?? "", /^\d+\.\d+\.\d+$/);
  assertEquals(sandbox, true);
  for (
    const option of ["machine", "accel", "chardev", "mon", "action", "sandbox", "pidfile", "D", "d", "S"]
  ) {
    assert(options.has(option), option);
  }
});
