// Files that have to be in a system before its packages are installed: these read them, or would write others.

import { writeText } from '../shell-text.ts';

/** Texts by their paths, relative to the root. */
export type EarlyFiles = Readonly<Record<string, string>>;

/** Lines that write them below a directory. @param directory a word of the shell, in double quotes */
export function writeFiles(directory: string, files: EarlyFiles): string {
  const folders = [...new Set(Object.keys(files).map((file) => file.replace(/\/[^/]*$/, '')))].sort();
  return [
    `mkdir -p ${folders.map((folder) => `"${directory}/${folder}"`).join(' ')}`,
    ...Object.entries(files).map(([file, text]) => writeText(`"${directory}/${file}"`, text)),
  ].join('\n');
}
