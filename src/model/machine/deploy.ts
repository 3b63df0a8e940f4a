// Where a machine is deployed to, and how it is known that it runs there: what users write, and what it means.

import { fail, ok, type Result } from '../failure.ts';

export type DeployTarget =
  /** A connection URI of libvirt. */
  | { readonly type: 'libvirt'; readonly uri: string }
  /** A path as it was given: of a block device, or of a file, which need not exist. */
  | { readonly type: 'disk'; readonly path: string };

export type DeployCheck =
  /** The guest agent where one answered before; else the agent, or 30 seconds during which the machine runs. */
  | { readonly type: 'auto' }
  | { readonly type: 'agent' }
  | { readonly type: 'running' }
  /** A TCP port; without a host, at the address of the guest. */
  | { readonly type: 'port'; readonly host: string | undefined; readonly port: number }
  /** A command line of a shell on this host. */
  | { readonly type: 'command'; readonly line: string }
  | { readonly type: 'console'; readonly pattern: RegExp };

const SYSTEM = 'qemu:///system';

/** Fails as `usage` for what is neither libvirt, nor a URI, nor a path. */
export function parseTarget(text: string): Result<DeployTarget> {
  if (text === 'libvirt') return ok({ type: 'libvirt', uri: SYSTEM });
  if (/^[a-z][a-z0-9+.-]*:\/\//.test(text)) return ok({ type: 'libvirt', uri: text });
  const format = /\.(qcow2|vmdk|vdi|vhdx?)$/.exec(text)?.[1];
  if (format !== undefined) {
    return fail('usage', `--to ${text}: the file would be a raw disk`, {
      hint: `give it another name, or write a file in that format: vlb export --format ${format}`,
    });
  }
  if (/[/.]/.test(text)) return ok({ type: 'disk', path: text });
  return fail('usage', `--to ${text}: unknown target`, {
    hint: `give libvirt, a URI of libvirt such as ${SYSTEM}, or a path such as /dev/vg0/web or ./web.img`,
  });
}

const CHECKS = 'agent, running, port:[HOST:]PORT, command:LINE, console:REGEX';

/** @param text `port:22`, for example. Fails as `usage`. */
export function parseCheck(text: string | undefined): Result<DeployCheck> {
  if (text === undefined || text === '') return ok({ type: 'auto' });
  const [, type = '', value = ''] = /^([a-z]+)(?::(.*))?$/s.exec(text) ?? [];
  if ((type === 'agent' || type === 'running') && text === type) return ok({ type });
  if (type === 'port') {
    const [, host, digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(value) ?? [];
    const port = Number(digits);
    if (port >= 1 && port <= 65_535) return ok({ type, host: host?.replace(/^\[(.*)\]$/, '$1'), port });
    return fail('usage', `--check ${text}: not a port`, { hint: 'give port:22, or port:web.example.org:22' });
  }
  if (type === 'command' && value !== '') return ok({ type, line: value });
  if (type === 'console' && value !== '') {
    try {
      return ok({ type, pattern: new RegExp(value, 'm') });
    } catch (error) {
      return fail('usage', `--check ${text}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return fail('usage', `--check ${text}: unknown check`, { hint: `valid values: ${CHECKS}` });
}
