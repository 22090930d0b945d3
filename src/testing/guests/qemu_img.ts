/** What `qemu-img info` says of an image. */
export interface ImageInfo {
  /** How large a disk it is, in bytes. */
  readonly sizeBytes: number;
}

/** qemu-img could not be run, or failed; the message is what it said. */
export class QemuImgFailure extends Error {
  override readonly name = "QemuImgFailure";
}

/**
 * Looks at an image.
 *
 * @param program `qemu-img`, or another of its name.
 * @param path The image, an absolute path, which no program takes for an option or a protocol.
 * @param format Its format.
 * @param signal Gives up.
 * @returns What it is.
 */
export async function imageInfo(
  program: string,
  path: string,
  format: string,
  signal: AbortSignal | undefined,
): Promise<ImageInfo> {
  // Shared, since a VM may have it open.
  const text = await run(program, ["info", "--output=json", "--force-share", "-f", format, path], signal);
  const { "virtual-size": sizeBytes } = JSON.parse(text) as { "virtual-size": number };
  return { sizeBytes };
}

/**
 * Makes an image that has only what differs from another one.
 *
 * @param program `qemu-img`, or another of its name.
 * @param overlay The image to make, an absolute path.
 * @param base The other one, an absolute path, with its format.
 * @param sizeBytes How large a disk it is to be.
 * @param signal Gives up.
 */
export async function createOverlay(
  program: string,
  overlay: string,
  base: { path: string; format: string },
  sizeBytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { path, format } = base;
  await run(
    program,
    ["create", "-q", "-f", "qcow2", "-F", format, "-b", path, overlay, `${sizeBytes}`],
    signal,
  );
}

async function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string> {
  signal?.throwIfAborted();
  const output = await start(program, args, signal);
  signal?.throwIfAborted();
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  throw new QemuImgFailure(decoder.decode(output.stderr).trim() || `${program} ended with ${output.code}`);
}

async function start(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Deno.CommandOutput> {
  const command = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(signal ? { signal } : {}),
  });
  try {
    return await command.output();
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound
      ? `there is no ${program} on this machine; install it (Debian: apt-get install qemu-utils), or name another one`
      : `${program} can't be run: ${cause instanceof Error ? cause.message : cause}`;
    throw new QemuImgFailure(found, { cause });
  }
}
