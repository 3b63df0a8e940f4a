// A shell in an image file, which need not be of a project.

import path from 'node:path';
import { parseArtifactFile } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { statIfAny } from '../util/fs.ts';
import { backendWithoutProject, endedOnAbort } from './backend/choice.ts';
import type { ShellRequest } from './look.ts';
import type { Workspace } from './workspace.ts';

export interface ImageShellRequest
  extends Pick<ShellRequest, 'backend' | 'nbd' | 'argv' | 'hasTerminal' | 'onStart' | 'emit' | 'signal'> {
  readonly file: string;
  /** Whether what the shell changed is written to the image; otherwise it is discarded. */
  readonly write: boolean;
}

/** Whether a word means an image file, not a layer: a file of that name exists, or it looks like a path of one. */
export function isImageFile(word: string): boolean {
  const stat = statIfAny(word);
  return stat
    ? !stat.isDirectory()
    : /\/|\.(qcow2|img|raw|vmdk|vdi|vhdx?|qed)$/.test(word) && !/^layers\//.test(word);
}

/**
 * Runs a shell or a command in an image. Returns its exit status. Fails as `usage` for another file, and for a change to
 * one of vlb's own; as `work` without a system on it; as `host` and `interrupted`. After a failure it is as it was.
 */
export async function shellInImage(
  workspace: Workspace,
  { file, write, nbd, backend, onStart, ...request }: ImageShellRequest,
): Promise<Result<number>> {
  const { paths, parts } = workspace;
  const disks = await parts.disks();
  const image = await disks.openImage(path.resolve(file), 'opened', request.signal);
  if (!image.ok) return image;
  const isVlbs =
    parseArtifactFile(path.basename(image.value.file)) || path.resolve(file).startsWith(`${paths.build}/`);
  if (write && isVlbs) {
    return fail('usage', 'this image was made by vlb, and changes to it would be lost or damage others', {
      where: { file },
      hint: 'add a layer instead: vlb new-layer NAME; or change a copy: qemu-img convert -O qcow2 IMAGE COPY',
    });
  }
  const writable = write ? await disks.checkWritable(image.value) : ok();
  if (!writable.ok) return writable;
  onStart?.();
  const choice = await backendWithoutProject(workspace, { nbd, backend });
  if (!choice.ok) return choice;
  const host = parts.host(choice.value);
  endedOnAbort(host, request.signal);
  const opened = await disks.openBench(paths, host);
  if (!opened.ok) return opened;
  const { bench, directory } = opened.value;
  await using _host = { [Symbol.asyncDispose]: () => host.close() };
  await using _bench = bench;
  const { openImageShell } = await import('../execute/look/image-shell.ts');
  const { environment } = parts;
  return await openImageShell(
    { ...request, environment, write, image: image.value },
    { bench, directory, images: host.images },
  );
}
