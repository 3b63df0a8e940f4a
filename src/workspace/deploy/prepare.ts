// What is to be deployed, and a look at its target: before anything is built.

import type { Planned } from '../../execute/execute.ts';
import type { Wish } from '../../execute/export/task.ts';
import { mainDisk } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { withFurtherDisks } from '../../model/machine/machine.ts';
import type { Plan } from '../../model/plan.ts';
import type { Deployment, DeployWish } from '../../model/ports/deployer.ts';
import { knownArtifacts } from '../../plan/decide.ts';
import type { Project } from '../../project/project.ts';
import { layersOf, wishesOf } from '../export-plan.ts';
import { type PlanRequest, planProject } from '../planning.ts';
import { NO_ACCESS, type Pace } from '../request.ts';
import type { Workspace } from '../workspace.ts';

export interface DeployRequest
  extends Omit<PlanRequest, 'targets' | 'force'>,
    Pace,
    Omit<DeployWish, 'machine' | 'reserved'> {
  /** A machine, an image or a layer. */
  readonly name: string;
  /** The target as the user wrote it, for messages. */
  readonly to: string;
  /** Whether layers that are not built are built first. */
  readonly build: boolean;
  /** Called when something is about to change: from here on, cancel by the signal. */
  readonly onStart?: (() => void) | undefined;
}

/** The machine that is wanted, and the look at its target. */
export interface Prepared {
  readonly project: Project;
  readonly wish: Wish;
  readonly deployment: Deployment;
}

/** What a deployment would do: the layers' plan, and a phrase for each step after it. */
export async function planDeploy(
  workspace: Workspace,
  request: DeployRequest,
): Promise<Result<{ readonly plan: Plan; readonly steps: readonly string[] }>> {
  const prepared = await prepare(workspace, request);
  if (!prepared.ok) return prepared;
  const { project, wish, deployment } = prepared.value;
  if (deployment.needs === 'nothing') return ok({ plan: [], steps: deployment.steps(undefined) });
  const planned = await planProject(workspace, project, {
    ...NO_ACCESS,
    ...request,
    remote: request.remote === 'off' ? 'off' : 'r',
    targets: layersOf([wish]),
    force: [],
  });
  if (!planned.ok) return planned;
  return ok({ plan: planned.value.plan, steps: deployment.steps(contentOf(wish, planned.value)) });
}

/** The digest of the system disk; undefined where it has to be built. */
function contentOf({ planned: { layers } }: Wish, { plan }: Planned): string | undefined {
  const artifact = knownArtifacts(plan).get(layers[0] ?? '');
  return artifact && mainDisk(artifact).digest;
}

/** Fails as `usage` when the target must not be touched. */
export async function prepare(workspace: Workspace, request: DeployRequest): Promise<Result<Prepared>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const wishes = wishesOf({ ...request, names: [request.name], formats: ['libvirt'] }, project.value);
  if (!wishes.ok) return wishes;
  const [wish] = wishes.value;
  if (!wish) return fail('usage', `there is nothing to deploy as ${request.name}`);
  const { state, build, store } = workspace.paths;
  const deployer = await workspace.parts.deployer(workspace.directory);
  const machine = withFurtherDisks(wish.planned.machine, wish.further);
  const deployment = await deployer.prepare(
    { ...request, machine, reserved: [state, build, store] },
    request.signal,
  );
  return deployment.ok ? ok({ project: project.value, wish, deployment: deployment.value }) : deployment;
}
