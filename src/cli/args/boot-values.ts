// Parsers for the option values of `vlb test-boot`. Each fails as `usage`, with a hint that shows valid values.

import { isIPv4 } from 'node:net';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Forward, Network } from '../../model/ports/booter.ts';

/** MiB of `1024`, `512M` or `2G`; plain numbers are MiB, as in QEMU. */
export function parseMemory(text: string): Result<number> {
  const match = /^(\d+)([MG]?)$/i.exec(text);
  const mebibytes = Number(match?.[1]) * (match?.[2]?.toUpperCase() === 'G' ? 1024 : 1);
  if (Number.isSafeInteger(mebibytes) && mebibytes >= 16) return ok(mebibytes);
  return fail('usage', `--memory ${text}: not a valid memory size`, {
    hint: 'use MiB, at least 16, or a number with M or G: --memory 2G',
  });
}

/** A number from 1 to 255. */
export function parseCpus(text: string): Result<number> {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= 255) return ok(count);
  return fail('usage', `--cpus ${text}: not a valid number of processors`, {
    hint: 'valid values: 1 to 255',
  });
}

/** A JavaScript regular expression; `^` and `$` match at every line. */
export function parseExpect(text: string): Result<RegExp> {
  if (text === '') return fail('usage', '--expect requires a regular expression that is not empty');
  try {
    return ok(new RegExp(text, 'm'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return fail('usage', `--expect: ${error.message.toLowerCase()}`, {
      hint: 'use a JavaScript regular expression; escape ( [ * + ? . with \\',
    });
  }
}

/**
 * The guest's network.
 * @param net `user`, `none` or `bridge=BRIDGE`
 * @param forwards `HOST:GUEST` each, see {@link parseForward}
 */
export function parseNetwork(net: string, forwards: readonly string[] = []): Result<Network> {
  const network = parseNet(net);
  if (!network.ok || forwards.length === 0) return network;
  if (network.value.type !== 'user') {
    return fail('usage', `--forward requires the user network, not --net ${net}`, {
      hint: 'use either --forward or --net, not both',
    });
  }
  const parsed: Forward[] = [];
  for (const text of forwards) {
    const forward = parseForward(text);
    if (!forward.ok) return forward;
    if (parsed.some((other) => overlap(other, forward.value))) {
      return fail('usage', `--forward ${text}: host port ${forward.value.hostPort} is forwarded twice`);
    }
    parsed.push(forward.value);
  }
  return ok({ type: 'user', forwards: parsed });
}

/** `2222:22`, `127.0.0.1:2222:22`, `localhost:2222:22`: a TCP port; without an address it listens on 127.0.0.1. */
export function parseForward(text: string): Result<Forward> {
  const parts = text.split(':');
  const [guest, host, address = '127.0.0.1'] = parts.reverse();
  const hostPort = parsePort(host);
  const guestPort = parsePort(guest);
  const numeric = address === 'localhost' ? '127.0.0.1' : address;
  if (parts.length > 3 || hostPort === undefined || guestPort === undefined || !isIPv4(numeric)) {
    return fail('usage', `--forward ${text}: not a valid port forwarding`, {
      hint: 'use HOST:GUEST, where HOST is a port or ADDRESS:PORT: 2222:22 or 0.0.0.0:8080:80',
    });
  }
  return ok({ address: numeric, hostPort, guestPort });
}

function parseNet(text: string): Result<Network> {
  if (text === 'user') return ok({ type: 'user', forwards: [] });
  if (text === 'none') return ok({ type: 'none' });
  // The kernel's IFNAMSIZ leaves 15 characters; dev_valid_name() also refuses slashes, colons and spaces.
  const bridge = /^bridge=([^\s/:,]{1,15})$/.exec(text)?.[1];
  if (bridge !== undefined) return ok({ type: 'bridge', bridge });
  return fail('usage', `--net ${text}: unknown network`, {
    hint: 'valid values: user, none, bridge=BRIDGE (see ip link show type bridge)',
  });
}

function parsePort(text: string | undefined): number | undefined {
  const port = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

function overlap(a: Forward, b: Forward): boolean {
  const everywhere = '0.0.0.0';
  return (
    a.hostPort === b.hostPort &&
    (a.address === b.address || a.address === everywhere || b.address === everywhere)
  );
}
