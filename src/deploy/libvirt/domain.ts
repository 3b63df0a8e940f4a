// The XML of a domain: what a deployment reads in it, and what it changes. Everything else stays as it is.
// https://libvirt.org/formatdomain.html

import { DOMParser, type Document, type Element, XMLSerializer } from '@xmldom/xmldom';
import { attempt } from '../../util/errors.ts';
import { type DeployState, PHASES, type SystemDisk } from './state.ts';

export interface Domain {
  readonly disks: readonly DomainDisk[];
  /** Undefined for a domain that vlb did not define; `unreadable` for metadata that this vlb does not understand. */
  readonly state: DeployState | 'unreadable' | undefined;
  /** Whether it has a channel to a guest agent. */
  readonly hasChannel: boolean;
}

export interface DomainDisk {
  /** `vda` */
  readonly target: string;
  /** The file that it is in; undefined where it is something else, such as a volume or a block device. */
  readonly file: string | undefined;
  readonly format: string;
  /** The name of a disk in vlb.yaml, in domains of vlb. */
  readonly serial: string | undefined;
  /** Of `<boot order=…>`. */
  readonly order: string | undefined;
}

/** The namespace of the metadata. */
const NAMESPACE = 'urn:vlb:deploy:1';
const AGENT = 'org.qemu.guest_agent.0';

export function readDomain(xml: string): Domain {
  const document = parse(xml);
  const found = [...document.getElementsByTagNameNS(NAMESPACE, 'deploy')][0];
  return {
    disks: diskElements(document).map((disk) => ({
      target: child(disk, 'target')?.getAttribute('dev') ?? '',
      file:
        disk.getAttribute('type') === 'file'
          ? (child(disk, 'source')?.getAttribute('file') ?? undefined)
          : undefined,
      format: child(disk, 'driver')?.getAttribute('type') ?? 'raw',
      serial: child(disk, 'serial')?.textContent ?? undefined,
      order: child(disk, 'boot')?.getAttribute('order') ?? undefined,
    })),
    state: found ? (attempt(() => readState(found)) ?? 'unreadable') : undefined,
    hasChannel: [...document.getElementsByTagName('channel')].some(
      (channel) => child(channel, 'target')?.getAttribute('name') === AGENT,
    ),
  };
}

/**
 * The definition with a state: its current disk is the system disk, and memory and processors are changed where the state has
 * others than the one before.
 */
export function withState(xml: string, state: DeployState): string {
  const document = parse(xml);
  const before = readDomain(xml).state;
  const disk = diskElements(document).find(
    (one) => child(one, 'target')?.getAttribute('dev') === state.target,
  );
  if (!disk) throw new Error(`the domain has no disk ${state.target}`);
  child(disk, 'source')?.setAttribute('file', state.current.file);
  const driver = child(disk, 'driver') ?? document.createElement('driver');
  disk.appendChild(driver);
  driver.setAttribute('name', 'qemu');
  driver.setAttribute('type', state.current.format);
  if (typeof before === 'object' && before.memory !== state.memory) {
    for (const name of ['memory', 'currentMemory'])
      setText(document, name, String(state.memory), { unit: 'MiB' });
  }
  if (typeof before === 'object' && before.cpus !== state.cpus)
    setText(document, 'vcpu', String(state.cpus), {});
  writeState(document, state);
  return new XMLSerializer().serializeToString(document);
}

/** The first definition, from that of an export: its disks are in the pool. @param files by the serial numbers of the disks */
export function firstDefinition(xml: string, state: DeployState, files: ReadonlyMap<string, string>): string {
  const document = parse(xml);
  for (const disk of diskElements(document)) {
    const file = files.get(child(disk, 'serial')?.textContent ?? '');
    if (file !== undefined) child(disk, 'source')?.setAttribute('file', file);
  }
  return withState(new XMLSerializer().serializeToString(document), state);
}

function parse(xml: string): Document {
  return new DOMParser().parseFromString(xml, 'text/xml');
}

/** Of CD-ROM and floppy drives nothing is read or changed. */
function diskElements(document: Document): readonly Element[] {
  return [...document.getElementsByTagName('disk')].filter(
    (disk) => disk.namespaceURI === null && ['disk', null].includes(disk.getAttribute('device')),
  );
}

function child(element: Element, name: string): Element | undefined {
  return [...element.childNodes].find((node): node is Element => node.nodeName === name);
}

/** Sets the text of an element below the root, where there is one. */
function setText(
  document: Document,
  name: string,
  text: string,
  attributes: Readonly<Record<string, string>>,
): void {
  const element = document.documentElement && child(document.documentElement, name);
  if (!element) return;
  element.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
}

/** Throws where a part is missing. */
function readState(element: Element): DeployState {
  const disks = (role: string) =>
    [...element.getElementsByTagNameNS(NAMESPACE, 'disk')]
      .filter((disk) => needed(disk, 'role') === role)
      .map(readDisk);
  const phase = PHASES.find((one) => one === needed(element, 'phase'));
  const [current] = disks('current');
  const [next] = disks('next');
  if (phase === undefined || !current) throw new Error('no phase or no disk');
  return {
    phase,
    pool: needed(element, 'pool'),
    target: needed(element, 'target'),
    memory: number(element, 'memory'),
    cpus: number(element, 'cpus'),
    current,
    ...(next ? { next } : {}),
    earlier: disks('earlier'),
    discarded: disks('discarded'),
    data: [...element.getElementsByTagNameNS(NAMESPACE, 'data')].map((data) => needed(data, 'file')),
  };
}

function readDisk(disk: Element): SystemDisk {
  return {
    number: number(disk, 'number'),
    file: needed(disk, 'file'),
    format: needed(disk, 'format'),
    content: needed(disk, 'content'),
    hasAgent: needed(disk, 'agent') === 'yes',
  };
}

function needed(element: Element, name: string): string {
  const value = element.getAttribute(name);
  if (value === null) throw new Error(`no ${name}`);
  return value;
}

function number(element: Element, name: string): number {
  const value = Number(needed(element, name));
  if (!Number.isSafeInteger(value)) throw new Error(`${name} is not a number`);
  return value;
}

/** In the place of an earlier state; metadata of others stays. */
function writeState(document: Document, state: DeployState): void {
  const root = document.documentElement;
  if (!root) throw new Error('the domain has no XML');
  for (const old of [...document.getElementsByTagNameNS(NAMESPACE, 'deploy')])
    old.parentNode?.removeChild(old);
  let metadata = child(root, 'metadata');
  if (!metadata) {
    metadata = document.createElement('metadata');
    root.appendChild(metadata);
  }
  const add = (
    above: Element,
    name: string,
    attributes: Readonly<Record<string, string | number>>,
  ): Element => {
    const element = document.createElementNS(NAMESPACE, `vlb:${name}`);
    for (const [attribute, value] of Object.entries(attributes))
      element.setAttribute(attribute, String(value));
    above.appendChild(element);
    return element;
  };
  const { phase, pool, target, memory, cpus, current, next, earlier, discarded, data } = state;
  const deploy = add(metadata, 'deploy', { phase, pool, target, memory, cpus });
  const disk = (role: string, { hasAgent, ...one }: SystemDisk) =>
    add(deploy, 'disk', { role, ...one, agent: hasAgent ? 'yes' : 'no' });
  disk('current', current);
  if (next) disk('next', next);
  for (const one of earlier) disk('earlier', one);
  for (const one of discarded) disk('discarded', one);
  for (const file of data) add(deploy, 'data', { file });
}
