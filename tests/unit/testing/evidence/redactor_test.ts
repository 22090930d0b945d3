import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { makeRedactor, redactDeep, REDACTED, redactQmp } from "../../../../src/testing/evidence/redactor.ts";

const secretText = fc.string({ unit: "grapheme", minLength: 6, maxLength: 24 })
  .filter((text) => text.trim().length >= 6 && text.isWellFormed() && !/[\r\n]/.test(text));

/** How a secret may be found in a file. */
const FORMS: Readonly<Record<string, (secret: string, before: string, after: string) => string>> = {
  "as it is": (secret, before, after) => before + secret + after,
  "in JSON": (secret, before, after) => JSON.stringify({ [before]: secret + after }),
  "in QEMU's JSON, which is ASCII": (secret, before) =>
    JSON.stringify(before + secret).replace(
      /[\u0080-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  "in an option of QEMU's": (secret) => `secret,id=a,data=${secret.replaceAll(",", ",,")}`,
  "in a URL": (secret) => `http://a/?key=${encodeURIComponent(secret)}&b=c`,
};

for (const [where, form] of Object.entries(FORMS)) {
  Deno.test(`makeRedactor() finds a secret ${where}`, () => {
    fc.assert(fc.property(secretText, fc.string(), fc.string(), (secret, before, after) => {
      const clean = makeRedactor([secret])(form(secret, before, after));
      assert(clean.includes(REDACTED), clean);
      assertFalse(clean.includes(secret) && !REDACTED.includes(secret), clean);
    }));
  });
}

Deno.test("makeRedactor() finds a secret in anything that was encoded in base64, wherever it begins there", () => {
  fc.assert(
    fc.property(
      secretText,
      fc.uint8Array({ maxLength: 7 }),
      fc.uint8Array({ maxLength: 7 }),
      (secret, before, after) => {
        const bytes = new Uint8Array([...before, ...new TextEncoder().encode(secret), ...after]);
        const redact = makeRedactor([secret]);
        for (const alphabet of ["base64", "base64url"] as const) {
          const clean = redact(bytes.toBase64({ alphabet }));
          assert(clean.includes(REDACTED), clean);
        }
      },
    ),
  );
});

Deno.test("makeRedactor() takes out each line of a key of many lines", () => {
  const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nab\n-----END KEY-----";
  const clean = makeRedactor([key])("guest# cat key\nMIIEvQIBADANBgkq\r\nab");
  assertEquals(clean, `guest# cat key\n${REDACTED}\r\nab`);
});

Deno.test("makeRedactor() applies regular expressions, whatever their flags, and leaves the rest as it is", () => {
  const redact = makeRedactor([/token=(\w+)/y, /x*/, "hunter2", "hunter2-long", ""]);
  assertEquals(
    redact("a token=b token=c hunter2-long hunter2 x"),
    `a ${REDACTED} ${REDACTED} ${REDACTED} ${REDACTED} ${REDACTED}`,
  );
  assertEquals(makeRedactor([])("hunter2"), "hunter2");
});

Deno.test("redactDeep() reaches every text of a value, names included, and leaves what is no text", () => {
  const value = { "a-pw": ["pw", 1, null, true, { deep: "xpwx" }] };
  assertEquals(redactDeep(value, makeRedactor(["pw"])), {
    [`a-${REDACTED}`]: [REDACTED, 1, null, true, { deep: `x${REDACTED}x` }],
  });
});

const MESSAGES: readonly (readonly [message: string, redacted: string])[] = [
  [
    '{"execute":"set_password","arguments":{"protocol":"vnc","password":"a\\"b"},"id":1}',
    `{"execute":"set_password","arguments":{"protocol":"vnc","password":"${REDACTED}"},"id":1}`,
  ],
  [
    '{"execute":"object-add","arguments":{"qom-type":"secret","id":"s","data":"abc"}}',
    `{"execute":"object-add","arguments":{"qom-type":"secret","id":"s","data":"${REDACTED}"}}`,
  ],
  [
    '{"event":"SHUTDOWN","data":{"reason":"guest-panic"}}',
    '{"event":"SHUTDOWN","data":{"reason":"guest-panic"}}',
  ],
  ['{"arguments":{"password-secret":"sec0"}}', '{"arguments":{"password-secret":"sec0"}}'],
];
for (const [message, redacted] of MESSAGES) {
  Deno.test(`redactQmp() makes ${redacted} of a message`, () => assertEquals(redactQmp(message), redacted));
}
