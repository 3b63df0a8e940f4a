// Paths as users see them.

/** A path relative to the directory, by default the working directory, where it is below that. */
export function shownPath(file: string, directory = process.cwd()): string {
  return file.startsWith(`${directory}/`) ? file.slice(directory.length + 1) : file;
}

/** A URL that can be shown: without user name and password. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href;
}
