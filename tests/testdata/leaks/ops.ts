// Run by tests/integration/sanitizer_test.ts, which expects it to fail.
Deno.test("leaks an operation", () => {
  setTimeout(() => {}, 60_000);
});
