// Which backend is used: what the command says, then VLB_BACKEND, then vlb.yaml; otherwise what works is found out when it is needed.

import { fail, ok, type Result } from '../../model/failure.ts';
import { BACKENDS, type BackendChoice, type BackendName, type Host } from '../../model/ports/machine.ts';
import type { Project } from '../../project/project.ts';
import type { Access } from '../request.ts';
import type { Workspace } from '../workspace.ts';

/** Fails as `usage` for a backend that does not exist, and for devices that it does not use. */
export function backendChoice(
  { backend, nbd }: Pick<Access, 'backend' | 'nbd'>,
  project: Pick<Project, 'backend' | 'vm'>,
  { parts }: Pick<Workspace, 'parts'>,
): Result<BackendChoice> {
  if (nbd.length > 0) {
    if (backend === undefined || backend === 'nbd') return ok({ backend: 'nbd', nbd });
    return fail('usage', `--nbd is for the backend nbd, not for ${backend}`);
  }
  const variable = parts.environment.variables['VLB_BACKEND'] || undefined;
  if (variable !== undefined && !isBackend(variable)) {
    return fail('usage', `VLB_BACKEND: there is no backend ${variable}`, {
      hint: `choose one of ${BACKENDS.join(', ')}`,
    });
  }
  const wanted = backend ?? variable ?? project.backend;
  if (wanted === 'nbd') {
    return fail('usage', 'the backend nbd needs a device', { hint: 'name one: --nbd /dev/nbd0' });
  }
  return ok({ backend: wanted, nbd, vm: project.vm });
}

/** The same for a command that needs no project. One that is wrong does not matter. */
export async function backendWithoutProject(
  workspace: Workspace,
  given: Pick<Access, 'backend' | 'nbd'> = { nbd: [] },
): Promise<Result<BackendChoice>> {
  const project = await workspace.load();
  return backendChoice(given, project.ok ? project.value : {}, workspace);
}

/** Ends what a host started for several runs as soon as the signal comes, and not only when the runs have ended. */
export function endedOnAbort(host: Pick<Host, 'close'>, signal: AbortSignal): void {
  signal.addEventListener('abort', () => void host.close(), { once: true });
}

function isBackend(text: string): text is BackendName {
  return BACKENDS.some((name) => name === text);
}
