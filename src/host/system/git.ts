// The commit of a project, for the manifests of exports.

import { run } from '../process/run.ts';

/** The commit that a directory is at, and whether its files differ from it; null outside a git repository, or without git. */
export async function gitState(
  directory: string,
): Promise<{ readonly commit: string; readonly dirty: boolean } | null> {
  const git = ['--no-optional-locks', '-C', directory];
  const head = await run('git', [...git, 'rev-parse', '--verify', 'HEAD']);
  if (!head.ok) return null;
  const paths = ['.', ':(exclude)build', ':(exclude).vlb'];
  const changed = await run('git', [...git, 'status', '--porcelain', '--', ...paths]);
  return { commit: head.value.stdout.trim(), dirty: !changed.ok || changed.value.stdout !== '' };
}
