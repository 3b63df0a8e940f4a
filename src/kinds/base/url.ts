// A base that is downloaded.

import { ok } from '../../model/failure.ts';
import type { Base } from '../../model/project.ts';
import type { BaseKind, BaseRun } from '../kind.ts';
import { baseRecipe, downloadContent } from './content.ts';

/** The kind of a base at a URL: its key is computed from the SHA-256 that vlb.yaml requires, and nothing is requested for it. */
export function urlBase({ url, sha256, growth }: Extract<Base, { type: 'url' }>): BaseKind {
  const recipe = baseRecipe(downloadContent(sha256), growth);
  return {
    files: [],
    recipe: async () => ok(recipe),
    import: async (run) => {
      const { download, withoutPassword } = await import('./download.ts');
      const { importImage } = await import('./image.ts');
      const { signal, environment } = run;
      const open = () =>
        download(url, { signal, variables: environment.variables, onProgress: progressEmitter(run) });
      return importImage({ place: withoutPassword(url), sha256, growth, open, recipeOf: () => recipe }, run);
    },
  };
}

/** Emits the progress of a download once a second; a small one ends before that. */
function progressEmitter({ name, emit }: BaseRun): (bytes: number, total: number | undefined) => void {
  let emittedAt = performance.now();
  return (bytes, total) => {
    if (performance.now() - emittedAt < 1000) return;
    emittedAt = performance.now();
    emit({ type: 'progress', layer: name, bytes, ...(total === undefined ? {} : { total }) });
  };
}
