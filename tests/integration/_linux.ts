import { linuxGuest, LinuxGuestError, type LinuxGuestOptions } from "../../src/testing/mod.ts";

async function whyNot(options: LinuxGuestOptions): Promise<string | null> {
  try {
    await linuxGuest(options);
    return null;
  } catch (error) {
    // In CI what setup could not get is a failure.
    if (error instanceof LinuxGuestError && Deno.env.get("CI") !== "true") return error.message;
    throw error;
  }
}

/** Why there is no Linux guest on this machine; null where there is one. */
export const NO_LINUX: string | null = await whyNot({});
/** The same of one with the guest agent. */
export const NO_AGENT: string | null = NO_LINUX ?? await whyNot({ agent: true });

/**
 * A test that needs the Linux guest.
 *
 * @param promise What it promises.
 * @param fn The test.
 * @param missing Why it can't run here, which its name then says; null if it can.
 */
export function linuxTest(
  promise: string,
  fn: (t: Deno.TestContext) => Promise<void>,
  missing: string | null = NO_LINUX,
): void {
  const name = missing === null ? promise : `${promise} (can't run here: ${missing})`;
  // Only where a file of it can't be had, as its kernel on any host but Debian; the name says so, and the end of the run lists it.
  Deno.test({ name, ignore: missing !== null, fn });
}
