import { assertEquals } from "@std/assert";
import { hasListener } from "../../../../src/supervisor/groups/helper_socket.ts";

const TABLE = `Num       RefCount Protocol Flags    Type St Inode Path
000000001b9be9fa: 00000002 00000000 00010000 0001 01 4500681 /run/a/tpm
0000000000000000: 00000002 00000000 00000000 0001 01 4500682 /run/a/bound
0000000000000000: 00000003 00000000 00000000 0001 03 4500683 /run/a/connected
0000000000000000: 00000003 00000000 00000000 0001 03 4500684
0000000000000000: 00000002 00000000 00010000 0001 01 4500685 with a blank
0000000000000000: 00000002 00000000 00010000 0005 01      9 ./sub/seq
0000000000000000: 00000002 00000000 00010000 0001 01 4500686 @/run/a/abstract
`;

Deno.test("hasListener() finds a socket that listens, and none that is only there or connected", () => {
  const cases: [path: string, listens: boolean][] = [
    ["/run/a/tpm", true],
    ["/run/a/tp", false],
    ["/b/run/a/tpm", false],
    ["/run/a/bound", false],
    ["/run/a/connected", false],
    ["/run/a/abstract", false],
    // Bound by a relative name.
    ["/srv/with a blank", true],
    ["/srv/sub/seq", true],
    ["/srv/seq", false],
  ];
  for (const [path, listens] of cases) assertEquals(hasListener(TABLE, path), listens, path);
  assertEquals(hasListener("", "/run/a/tpm"), false);
});
