// Guests with QEMU: the implementation of the port in model/ports/guest.ts.

import { fail, ok, type Result } from '../../../model/failure.ts';
import { DEFAULT_TIMEOUT_S, TCG_TIMEOUT_FACTOR } from '../../../model/ports/booter.ts';
import {
  type Guest,
  type GuestScript,
  type Installation,
  REBOOT_STATUS,
  serialOf,
} from '../../../model/ports/guest.ts';
import { removeTree } from '../../process/remove-tree.ts';
import { isInstalled, missingTool } from '../../process/run.ts';
import { runInstaller } from '../install/run.ts';
import { ARCHITECTURES, type PreparedMachine, prepareMachine } from '../prepare.ts';
import { startMachine } from '../qemu/machine.ts';
import { LONGEST_NAME, type SmallFile } from './archive.ts';
import { RUN, TMPFILES } from './scripts.ts';
import { runSession } from './session.ts';
import { tooManyBoots } from './troubles.ts';

/** No installer needs more, and a script that asks each time would never end. */
const MOST_BOOTS = 20;

/** Fails as `host` for a tool that booted layers need and that is missing. */
export function checkGuests(): Result<void> {
  const arch = ARCHITECTURES[process.arch];
  const tools = ['qemu-img', ...(arch ? [`qemu-system-${arch}`] : []), 'tar'];
  const missing = tools.find((tool) => !isInstalled(tool));
  return missing === undefined ? ok() : missingTool(missing);
}

/** Opens a guest for one run. @param directory of the run's own files */
export function openGuest(directory: string): Guest {
  return new QemuGuest(directory);
}

class QemuGuest implements Guest {
  readonly #directory: string;
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
  }

  run(script: GuestScript): Promise<Result<number>> {
    const ended = runScript(script, { stop: this.#stop.signal, kill: this.#kill.signal });
    this.#running = ended;
    return ended;
  }

  install(installation: Installation): Promise<Result<void>> {
    const signal = AbortSignal.any([this.#stop.signal, this.#kill.signal]);
    const ended = runInstaller(installation, this.#directory, signal);
    this.#running = ended;
    return ended;
  }

  explain: Guest['explain'] = async (failure) => failure;

  async stopScript(): Promise<void> {
    this.#stop.abort();
  }

  kill(): void {
    this.#kill.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill.abort();
    await this.#running;
    await removeTree(this.#directory);
  }
}

interface Signals {
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

async function runScript(script: GuestScript, signals: Signals): Promise<Result<number>> {
  const prepared = await prepareMachine(
    {
      image: script.disk,
      disks: script.further.map(({ name, file }) => ({ file, serial: serialOf(name) })),
      memoryMiB: script.memory,
      cpus: script.cpus,
      network: script.hasNetwork ? { type: 'user', forwards: [] } : { type: 'none' },
    },
    signals.kill,
  );
  if (!prepared.ok) return prepared;
  using ready = prepared.value;
  script.onProgress(ready.why);
  for (let boot = 1; boot <= MOST_BOOTS; boot++) {
    const ended = await bootOnce(script, boot, ready, signals);
    if (!ended.ok || ended.value !== REBOOT_STATUS) return ended;
    script.onProgress('booting again, as the script asks for');
  }
  return tooManyBoots(MOST_BOOTS);
}

async function bootOnce(
  script: GuestScript,
  boot: number,
  { command, spec, scratch }: PreparedMachine,
  signals: Signals,
): Promise<Result<number>> {
  if (signals.kill.aborted) return fail('interrupted', 'the run in the guest was interrupted');
  const files = handedOver(script, boot);
  if (!files.ok) return files;
  const { sectorSize } = script;
  await using machine = await startMachine(
    command,
    {
      ...spec,
      writes: true,
      ...(sectorSize === undefined ? {} : { hasLargeSectors: sectorSize > 512 }),
    },
    { scratch, agent: true, tmpfiles: TMPFILES },
  );
  return await runSession(
    machine,
    {
      files: files.value,
      inputs: script.inputs,
      waitFor: script.waitFor,
      limit: DEFAULT_TIMEOUT_S * (spec.accelerator === 'tcg' ? TCG_TIMEOUT_FACTOR : 1),
      image: script.disk,
      scratch,
      onOutput: script.onOutput,
      onConsole: (line) => script.onProgress(line),
    },
    signals,
  );
}

/** What the guest gets in addition to the layer's files. */
function handedOver(script: GuestScript, boot: number): Result<readonly SmallFile[]> {
  const variables = {
    ...script.environment,
    VLB_SECRETS: '/run/vlb/data/secrets',
    VLB_BOOT: String(boot),
  };
  const words = [...Object.entries(variables).map((pair) => pair.join('=')), `./${script.program}`];
  const secrets = script.secrets.map(({ name, content }) => ({ name: `secrets/${name}`, content }));
  const long = secrets.find(({ name }) => Buffer.byteLength(name) > LONGEST_NAME);
  if (long) return fail('usage', `the name of the secret ${long.name} is too long for a booted layer`);
  return ok([
    { name: 'run', content: Buffer.from(RUN) },
    { name: 'wait-for', content: Buffer.from(script.waitFor === undefined ? '' : `${script.waitFor}\n`) },
    { name: 'command', content: Buffer.from(words.map((word) => `${word}\0`).join('')) },
    ...secrets,
  ]);
}
