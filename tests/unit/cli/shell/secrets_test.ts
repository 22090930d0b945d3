import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isKept } from "../../../../src/cli/shell/history_file.ts";
import { historyPath } from "../../../../src/cli/shell/history_file.ts";
import { holdsSecret, returnsSecret, withoutSecrets } from "../../../../src/cli/shell/language/secrets.ts";

Deno.test("holdsSecret() is true of lines with passwords and their like, right or wrong, in every form", () => {
  for (
    const line of [
      "set_password protocol=vnc password=hunter2",
      "set_pasword protocol=vnc password=hunter2",
      '{"execute": "set_password", "arguments": {"protocol": "vnc", "password": "hunter2"}}',
      "change-vnc-password password=x",
      "hmp set_password vnc hunter2",
      "hmp change vnc password hunter2",
      "human-monitor-command command-line='change vnc password hunter2'",
      "object-add qom-type=secret id=s0 data=hunter2",
      'object-add {"qom-type": "secret", "id": "s0", "data": "hunter2"}',
      "hmp object_add secret,id=s0,data=hunter2",
      "qom-set path=/objects/s0 property=data value=hunter2",
      "blockdev-add driver=https url=u cookie=session",
      "block_passwd device=d password=hunter2",
    ]
  ) {
    assert(holdsSecret(line), line);
  }
});

Deno.test("holdsSecret() is false of lines that only name a secret, or have nothing to do with one", () => {
  for (
    const line of [
      "query-status",
      "blockdev-add driver=https url=u password-secret=s0",
      "blockdev-add driver=luks key-secret=s0 file=f",
      "object-add qom-type=secret id=s0 file=/run/key",
      "object-add qom-type=iothread id=data",
      "qom-get path=/machine property=type",
    ]
  ) {
    assert(!holdsSecret(line), line);
  }
});

Deno.test("isKept() leaves out secrets, lines that begin with a blank, control characters and endless lines", () => {
  assert(isKept("query-status"));
  for (const line of ["", " query-status", "a\x1b[2J", "set_password password=x", "x".repeat(5000)]) {
    assert(!isKept(line), line.slice(0, 30));
  }
});

Deno.test("historyPath() follows XDG's rules", () => {
  const path = (environment: Readonly<Record<string, string>>) => historyPath((name) => environment[name]);
  assertEquals(path({ XDG_STATE_HOME: "/state", HOME: "/home/a" }), "/state/qeeper/qmp_history");
  assertEquals(path({ XDG_STATE_HOME: "state", HOME: "/home/a" }), "/home/a/.local/state/qeeper/qmp_history");
  assertEquals(path({ XDG_STATE_HOME: "", HOME: "/home/a" }), "/home/a/.local/state/qeeper/qmp_history");
  assertEquals(path({}), null);
});

Deno.test("withoutSecrets() hides secrets and nothing else", () => {
  const hidden = "<hidden>";
  const table: [object, object][] = [
    [{ execute: "query-status" }, { execute: "query-status" }],
    [{ arguments: { protocol: "vnc", password: "x" } }, { arguments: { protocol: "vnc", password: hidden } }],
    [{ "qom-type": "secret", id: "s", data: "x" }, { "qom-type": "secret", id: "s", data: hidden }],
    [{ "qom-type": "secret_keyring", data: "x" }, { "qom-type": "secret_keyring", data: hidden }],
    [{ "qom-type": "iothread", data: "x" }, { "qom-type": "iothread", data: "x" }],
    [{ path: "p", property: "data", value: "x" }, { path: "p", property: "data", value: hidden }],
    [{ path: "p", property: "type", value: "x" }, { path: "p", property: "type", value: "x" }],
    [{ "command-line": "change vnc password x" }, { "command-line": hidden }],
    [{ "command-line": "info status" }, { "command-line": "info status" }],
    [{ "password-secret": "s0", n: 5n, l: [null, true] }, {
      "password-secret": "s0",
      n: 5n,
      l: [null, true],
    }],
  ];
  for (const [message, expected] of table) assertEquals(withoutSecrets(message), expected);
  assert(returnsSecret("qom-get", { property: "data" }));
  assert(!returnsSecret("qom-get", { property: "type" }));
});

Deno.test("withoutSecrets() lets no password out, however deep it is", () => {
  const secret = "hunter2hunter2";
  fc.assert(fc.property(fc.array(fc.constantFrom("a", "file", "0")), fc.jsonValue(), (path, beside) => {
    const message = path.reduce<unknown>((inner, name) => ({ [name]: inner, beside }), { password: secret });
    assert(!JSON.stringify(withoutSecrets({ arguments: message })).includes(secret));
  }));
});
