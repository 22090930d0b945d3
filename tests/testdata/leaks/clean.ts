// Run by tests/integration/sanitizer_test.ts, which expects it to succeed.
Deno.test("leaks nothing", async () => {
  using file = await Deno.open(new URL(import.meta.url));
  await file.stat();
});
