// Selects what to remove from a store over its limits, and in which order. Pure policy over values; in model, since the
// local store and the shared cache both apply it and may not import each other.

import type { CacheLimits } from './ports/store-upkeep.ts';

export interface Candidate {
  readonly name: string;
  /** Disk usage. */
  readonly bytes: number;
  /** ms; undefined without a record: nothing will ever look it up. */
  readonly lastUsed: number | undefined;
  /** Its backing file, by name. */
  readonly backing: string | undefined;
  /** All that has to stay while it stays, by name. */
  readonly needs: readonly string[];
}

/**
 * The names to remove, in an order in which an artifact comes after all that depend on it: first unusable ones, then
 * the least recently used. An artifact is used when one that needs it is.
 * @param inUse what must stay, including all that it needs
 * @param otherBytes what else counts towards the limit
 * @param now ms
 */
export function selectForEviction(
  candidates: ReadonlyMap<string, Candidate>,
  inUse: ReadonlySet<string>,
  limits: CacheLimits,
  otherBytes: number,
  now: number,
): readonly string[] {
  const used = lastUses(candidates);
  const depths = depthsOf(candidates);
  const order = [...candidates.values()]
    .filter(({ name }) => !inUse.has(name))
    .map(({ name, bytes }) => ({ name, bytes, used: used.get(name), depth: depths.get(name) ?? 0 }))
    .sort((a, b) => (a.used ?? 0) - (b.used ?? 0) || b.depth - a.depth);
  let total = otherBytes;
  for (const { bytes } of candidates.values()) total += bytes;
  const victims: string[] = [];
  for (const { name, bytes, used: last } of order) {
    const isUnusable = last === undefined;
    const old = !isUnusable && limits.maxAge !== undefined && now - last > limits.maxAge * 1000;
    const tooMuch = limits.maxBytes !== undefined && total > limits.maxBytes;
    if (!isUnusable && !old && !tooMuch) continue;
    victims.push(name);
    total -= bytes;
  }
  return victims;
}

/** When each was last used, itself or through one that needs it; undefined for unusable ones. */
function lastUses(candidates: ReadonlyMap<string, Candidate>): ReadonlyMap<string, number | undefined> {
  const used = new Map<string, number | undefined>();
  const spread = (name: string, time: number) => {
    const waiting = [name];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const candidate = candidates.get(next);
      if (!candidate || (used.get(next) ?? -1) >= time) continue;
      used.set(next, time);
      for (const need of candidate.needs) waiting.push(need);
    }
  };
  const whole = wholeOnes(candidates);
  // The latest first, so that each candidate is visited once.
  const recorded = [...candidates.values()]
    .flatMap(({ name, lastUsed }) => (lastUsed === undefined || !whole.has(name) ? [] : [{ name, lastUsed }]))
    .sort((a, b) => b.lastUsed - a.lastUsed);
  for (const { name, lastUsed } of recorded) spread(name, lastUsed);
  return used;
}

/** These names and all that they need. */
export function withNeeds(
  names: Iterable<string>,
  all: ReadonlyMap<string, Pick<Candidate, 'needs'>>,
): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    for (const need of all.get(name)?.needs ?? []) waiting.push(need);
  }
  return found;
}

/** The candidates whose backing files are all present. */
export function wholeOnes(candidates: ReadonlyMap<string, Candidate>): ReadonlySet<string> {
  const known = new Map<string, boolean>();
  for (const candidate of candidates.values()) {
    const trail: string[] = [];
    let isWhole: boolean | undefined;
    for (let at: Candidate | undefined = candidate; isWhole === undefined; ) {
      isWhole = at ? known.get(at.name) : false;
      if (isWhole !== undefined || !at) continue;
      trail.push(at.name);
      known.set(at.name, false); // until known: a cycle is damaged
      if (at.backing === undefined) isWhole = true;
      else at = candidates.get(at.backing);
    }
    for (const name of trail) known.set(name, isWhole);
  }
  return new Set([...known].flatMap(([name, isWhole]) => (isWhole ? [name] : [])));
}

/** The depth of each: greater than that of anything that it needs. */
function depthsOf(candidates: ReadonlyMap<string, Candidate>): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  const begun = new Set<string>();
  const waiting = [...candidates.keys()];
  for (let name = waiting.at(-1); name !== undefined; name = waiting.at(-1)) {
    const needs = candidates.get(name)?.needs ?? [];
    if (!begun.has(name)) {
      begun.add(name);
      for (const need of needs) if (!begun.has(need)) waiting.push(need);
      continue;
    }
    waiting.pop();
    // Unknown here means part of a cycle.
    const below = needs.reduce((most, need) => Math.max(most, depths.get(need) ?? 0), -1);
    if (!depths.has(name)) depths.set(name, below + 1);
  }
  return depths;
}
