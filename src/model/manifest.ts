// The manifest: the sorted list of everything a layer's script can observe of its inputs.

export type ManifestEntry =
  | { readonly type: 'file'; readonly path: string; readonly executable: boolean; readonly hash: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | { readonly type: 'directory'; readonly path: string };

/**
 * Paths are as the script sees them: `./…` for the layer's own files, the absolute target for a bind mount.
 * Sorted by the bytes of the path.
 */
export type Manifest = readonly ManifestEntry[];

/**
 * The canonical text of a manifest, one line per entry: keys hash it, and records store it for explanations.
 * Names are JSON strings, so that a newline in one cannot forge another entry.
 */
export function manifestText(manifest: Manifest): string {
  return manifest.map((entry) => `${entryText(entry)}\n`).join('');
}

const ENTRY = /^(?:(file) ([x-]) ([0-9a-f]+)|(link) (".*")|(directory)) (".*?")$/s; // names may have U+2028

/** Whether a line of a recipe is a line of its manifest, which comes last. */
export function isManifestLine(line: string): boolean {
  return ENTRY.test(line);
}

/** The manifest of a text. Lines that are not entries are ignored. */
export function parseManifest(text: string): Manifest {
  return text.split('\n').flatMap((line) => parseEntry(line) ?? []);
}

function parseEntry(line: string): ManifestEntry | undefined {
  const [, file, x, hash, link, target, , quoted] = ENTRY.exec(line) ?? [];
  if (quoted === undefined) return undefined;
  try {
    const path = String(JSON.parse(quoted));
    if (link) return { type: 'link', path, target: String(JSON.parse(target ?? '')) };
    return file
      ? { type: 'file', path, executable: x === 'x', hash: hash ?? '' }
      : { type: 'directory', path };
  } catch {
    return undefined; // not JSON strings
  }
}

function entryText(entry: ManifestEntry): string {
  const path = JSON.stringify(entry.path);
  switch (entry.type) {
    case 'file':
      return `file ${entry.executable ? 'x' : '-'} ${entry.hash} ${path}`;
    case 'link':
      return `link ${JSON.stringify(entry.target)} ${path}`;
    case 'directory':
      return `directory ${path}`;
  }
}
