// The service managers of distributions: how a service is turned on and off in an image that does not run.

import { fail, ok, type Result } from '../model/failure.ts';
import { quoteCommand } from '../util/quote.ts';
import { type Distribution, isLike } from './distribution.ts';

export interface ServiceManager {
  readonly name: 'systemd' | 'OpenRC';
  /** Where an administrator puts the file of a service, and its mode. */
  readonly directory: string;
  readonly mode: string;
  /** Lines of shell that start these at each boot. */
  enable(names: readonly string[]): string;
  disable(names: readonly string[]): string;
  /** Makes it impossible to start them. Fails as `usage` where that does not exist. */
  mask(names: readonly string[]): Result<string>;
}

const SYSTEMD: ServiceManager = {
  name: 'systemd',
  directory: '/etc/systemd/system',
  mode: '0644',
  enable: (names) => quoteCommand(['systemctl', 'enable', ...names]),
  disable: (names) => quoteCommand(['systemctl', 'disable', ...names]),
  mask: (names) => ok(quoteCommand(['systemctl', 'mask', ...names])),
};

const OPENRC: ServiceManager = {
  name: 'OpenRC',
  directory: '/etc/init.d',
  mode: '0755',
  enable: (names) => names.map((name) => quoteCommand(['rc-update', 'add', name, 'default'])).join('\n'),
  disable: (names) => names.map((name) => quoteCommand(['rc-update', '-a', 'del', name])).join('\n'),
  mask: () => fail('usage', 'OpenRC has nothing like mask', { hint: 'use "disable"' }),
};

/** The service manager of a distribution: systemd, unless it is known to have another one. */
export function serviceManagerOf(distribution: Distribution): ServiceManager {
  return isLike(distribution, 'alpine', 'gentoo', 'artix') ? OPENRC : SYSTEMD;
}
