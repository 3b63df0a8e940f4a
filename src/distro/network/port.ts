// The settings of a network interface, and what is to write them for one of the programs that configure networks.

/** Values of a form that needs no quotes in the files of these programs. */
export interface NetworkSettings {
  /** Undefined for all Ethernet interfaces. */
  readonly interface: string | undefined;
  readonly dhcp: boolean;
  /** With prefix lengths: `192.0.2.10/24`, `2001:db8::10/64`. */
  readonly addresses: readonly string[];
  /** At most one for each family. */
  readonly gateways: readonly string[];
  readonly dns: readonly string[];
  /** Domains in which short names are searched. */
  readonly domains: readonly string[];
}

/** One of the programs that configure networks. */
export interface NetworkProgram {
  readonly name: string;
  /** A command of the shell that is true where the image has it. */
  readonly isPresent: string;
  /** Lines of shell. Those with an interface for whom all are meant may fail when they run. */
  configure(settings: NetworkSettings): readonly string[];
}

/** Whether an address is of IPv6. */
export function isV6(address: string): boolean {
  return address.includes(':');
}

/** A name for files. */
export function fileName({ interface: name }: NetworkSettings): string {
  return name ?? 'ethernet';
}
