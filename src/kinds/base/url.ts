// A base that is downloaded.

import { ok } from '../../model/failure.ts';
import type { Base } from '../../model/project.ts';
import { withoutPassword } from '../../util/shown-path.ts';
import type { BaseKind, BaseRun } from '../kind.ts';
import { baseRecipe, digestsIn, downloadContent } from './content.ts';
import { digestFiles, expectedDigests } from './lists/digests.ts';

/** The kind of a base at a URL: its key is computed from the digests that it must have, and the image is not requested for it. */
export function urlBase(base: Extract<Base, { type: 'url' }>): BaseKind {
  const { url, growth } = base;
  return {
    files: digestFiles(base),
    isListed: base.checksums !== undefined,
    recipe: async (inputs) => {
      const expected = await expectedDigests(base, inputs);
      return expected.ok ? ok(baseRecipe(downloadContent(expected.value), growth)) : expected;
    },
    import: async (run) => {
      const { download } = await import('./download.ts');
      const { importImage } = await import('./image.ts');
      const { signal, environment, recipe } = run;
      const open = () =>
        download(url, { signal, variables: environment.variables, onProgress: progressEmitter(run) });
      const place = withoutPassword(url);
      return importImage({ ...base, place, digests: digestsIn(recipe), open, recipeOf: () => recipe }, run);
    },
  };
}

/** Emits the progress of a download once a second; a small one ends before that. */
export function progressEmitter({ name, emit }: BaseRun): (bytes: number, total: number | undefined) => void {
  let emittedAt = performance.now();
  return (bytes, total) => {
    if (performance.now() - emittedAt < 1000) return;
    emittedAt = performance.now();
    emit({ type: 'progress', layer: name, bytes, ...(total === undefined ? {} : { total }) });
  };
}
