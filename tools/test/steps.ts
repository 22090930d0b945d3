/** A step of `deno task test`: a deno command, and whether it counts its own tests. */
export interface Step {
  readonly name: string;
  readonly title: string;
  readonly args: readonly string[];
  /** Whether it prints a summary of tests; else it counts as one. */
  readonly hasTests: boolean;
  /** A program without which it can't run, which `deno task setup` installs. */
  readonly needs?: string;
}

/** In the order in which they run: what is quick to fail comes first. */
export const STEPS: readonly Step[] = [
  { name: "format", title: "Format", args: ["fmt", "--check"], hasTests: false },
  { name: "lint", title: "Lint", args: ["lint"], hasTests: false },
  {
    name: "check",
    title: "Types",
    args: ["check", "--frozen", "mod.ts", "src", "tests", "tools", "examples"],
    hasTests: false,
  },
  {
    name: "layers",
    title: "Layers: which folder imports which",
    args: ["run", "--allow-read=.", "tools/check_layers.ts"],
    hasTests: false,
  },
  {
    name: "fences",
    title: "Fences: every code block in the documentation is run and asserts something",
    args: ["run", "--allow-read=.", "tools/check_fences.ts"],
    hasTests: false,
  },
  {
    name: "unit",
    title: "Unit tests, which may read and nothing else",
    args: ["test", "--frozen", "--allow-read=src,tests/testdata", "tests/unit"],
    hasTests: true,
  },
  {
    name: "doc",
    title: "Documentation, its code blocks run",
    args: [
      "test",
      "--frozen",
      "--doc",
      "--sanitize-ops",
      "--sanitize-resources",
      "-A",
      "mod.ts",
      "src",
      "README.md",
    ],
    hasTests: true,
  },
  {
    name: "integration",
    title: "Integration tests on real QEMU",
    args: ["test", "--frozen", "-A", "tests/integration"],
    hasTests: true,
    needs: "qemu-system-x86_64",
  },
  {
    name: "publish",
    title: "Publish, a dry run",
    args: ["publish", "--quiet", "--dry-run", "--allow-dirty"],
    hasTests: false,
  },
];
