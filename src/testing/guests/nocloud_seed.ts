/**
 * What cloud-init in the guest is told, by its NoCloud data source.
 *
 * @example
 * ```ts
 * import { type CloudSeed, seedFiles } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const seed: CloudSeed = { hostname: "web", userData: { runcmd: ["echo SEEDED > /dev/ttyS0"] } };
 * assertEquals(seedFiles("i-1", seed)["user-data"]?.split("\n")[0], "#cloud-config");
 * ```
 */
export interface CloudSeed {
  /**
   * What the guest does when it starts: a text that says itself what it is (`#cloud-config`, `#!/bin/sh`...), or the values of a cloud-config. Default
   * nothing.
   */
  userData?: string | Readonly<Record<string, unknown>>;
  /** More of the instance's facts, by their names in cloud-init (`instance-id` is made from the seed itself). */
  metaData?: Readonly<Record<string, unknown>>;
  /** Public keys, as `ssh-keygen` writes them: who has one of them may log in as the image's default user. */
  sshKeys?: readonly string[];
  /**
   * The network's configuration: the text of a `network-config` file, or its values (`{ version: 2, ethernets: ... }`). Default: the image's own choice,
   * which is DHCP on the first card.
   */
  network?: string | Readonly<Record<string, unknown>>;
  /** The guest's name for itself. */
  hostname?: string;
  /** Like `userData`, from whoever runs the cloud rather than the guest: what both say, `userData` decides. */
  vendorData?: string | Readonly<Record<string, unknown>>;
}

/** The label by which cloud-init finds the volume. */
export const SEED_LABEL = "cidata";

const CLOUD_CONFIG = "#cloud-config\n";

/**
 * The files of a NoCloud seed. Values are written as JSON, which is YAML as well.
 *
 * @param instanceId Names this instance: cloud-init does what it does once for an instance again where this is new to it.
 * @param seed What it is told.
 * @returns The files by name.
 * @throws {TypeError} When `userData` or `vendorData` is a text that does not say what it is, a key is no public key, or a host name is none.
 *
 * @example
 * ```ts
 * import { seedFiles } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const files = seedFiles("i-1", { hostname: "web", userData: "#!/bin/sh\npoweroff\n" });
 * assertEquals(Object.keys(files), ["meta-data", "user-data"]);
 * assertEquals(JSON.parse(files["meta-data"] ?? ""), { "instance-id": "i-1", "local-hostname": "web" });
 * ```
 */
export function seedFiles(instanceId: string, seed: CloudSeed): Readonly<Record<string, string>> {
  const { userData = {}, metaData = {}, sshKeys = [], network, hostname, vendorData } = seed;
  const notKey = sshKeys.find((key) => !/^[a-z][a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\r\n]*)?\s*$/.test(key));
  if (notKey !== undefined) {
    throw new TypeError(
      `Cannot give the guest ${
        describeKey(notKey)
      }: expected a public key as ssh-keygen writes it, "ssh-ed25519 AAAA..."`,
    );
  }
  if (hostname !== undefined && !/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/.test(hostname)) {
    throw new TypeError(
      `Cannot name the guest ${JSON.stringify(hostname)}: expected up to 64 letters, digits, "." and "-"`,
    );
  }
  return {
    "meta-data": json({
      "instance-id": instanceId,
      ...(hostname === undefined ? {} : { "local-hostname": hostname }),
      ...(sshKeys.length === 0 ? {} : { "public-keys": sshKeys.map((key) => key.trim()) }),
      ...metaData,
    }),
    "user-data": cloudConfig("userData", userData),
    ...(network === undefined
      ? {}
      : { "network-config": typeof network === "string" ? network : json(network) }),
    ...(vendorData === undefined ? {} : { "vendor-data": cloudConfig("vendorData", vendorData) }),
  };
}

/** A private key that was taken for the public one must not end up in a test's report. */
function describeKey(key: string): string {
  return /PRIVATE KEY/.test(key) ? "a private key" : JSON.stringify(key.slice(0, 40));
}

function cloudConfig(name: string, data: string | Readonly<Record<string, unknown>>): string {
  if (typeof data !== "string") return CLOUD_CONFIG + json(data);
  // What does not say what it is, cloud-init passes over with a warning in a log that nobody sees.
  const known = data === "" || /^(#|Content-Type:|MIME-Version:)/i.test(data);
  if (known) return data;
  throw new TypeError(
    `Cannot use ${name}: its first line is ${
      JSON.stringify(data.split("\n", 1)[0]?.slice(0, 60))
    }, expected one that says what it is, such as "#cloud-config" or "#!/bin/sh"`,
  );
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
