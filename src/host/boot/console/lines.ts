// A console's text as lines.

/** Calls `write` for each line that has something in it, once it is complete. */
export function lineWise(write: (line: string) => void): (text: string) => void {
  let held = '';
  return (text) => {
    const lines = (held + text).split('\n');
    held = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') write(line.trimEnd());
  };
}
