// Tables of text: columns as wide as their widest cell.

/**
 * The lines of a table, two spaces between its columns and none at the end of a line.
 * @param right the columns that are aligned right, from 0
 */
export function tableLines(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const columns = greatest(rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    greatest(rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** The greatest of any count of numbers, at least 0. (Math.max takes as many as fit on the stack.) */
export function greatest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
