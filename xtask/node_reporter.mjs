// A reporter for `node --test`: one JSON object per finished test, for `cargo xtask test` to
// count (xtask/src/test/count.rs says how). It judges nothing.

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const failure = data.details?.error?.failureType;
    const error = data.details?.error?.cause ?? data.details?.error;
    const why = data.skip ?? data.todo ?? error?.message ?? error;
    // A file and a suite only group tests. Node reports a file under its own path.
    const groups = data.details?.type === "suite" || isFile(data);
    yield `${JSON.stringify({
      name: data.name,
      file: data.file,
      passed: type === "test:pass",
      // A todo's failure does not fail the run, so it must not pass as a test either.
      skipped: (data.skip ?? data.todo ?? false) !== false,
      reason: typeof why === "string" ? why : undefined,
      groups,
      only_children_failed: failure === "subtestsFailed",
      seconds: (data.details?.duration_ms ?? 0) / 1000,
    })}\n`;
  }
}

function isFile({ name, file, nesting }) {
  return nesting === 0 && file !== undefined && (file === name || file.endsWith(`/${name}`));
}
