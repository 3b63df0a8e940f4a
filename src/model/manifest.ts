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
