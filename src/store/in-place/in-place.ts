// What is in place in a project: the links in build/, and each layer's last record.

import { artifactFiles, type BuildRecord, diskTitle } from '../../model/artifact.ts';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { InPlace } from '../../model/ports/store.ts';
import { writeHint } from '../../util/ownership.ts';
import {
  lastRecordsDirectory,
  readLastRecord,
  readLastRecords,
  removeLastRecord,
  writeLastRecord,
} from './last-records.ts';
import {
  type LinkPlaces,
  type Links,
  linkedArtifacts,
  linkedDigest,
  makeLinks,
  type RealPlaces,
  realPlaces,
} from './links.ts';
import { type DropArtifacts, dropSuperseded, noteSuperseded } from './superseded.ts';

export interface InPlaceOptions extends LinkPlaces {
  /** .vlb/ */
  readonly state: string;
  readonly drop: DropArtifacts;
}

/** Opens what is in place in a project. Creates nothing. */
export function openInPlace(options: InPlaceOptions): InPlace {
  const records = lastRecordsDirectory(options.state);
  let places: RealPlaces | undefined; // resolved once, not for each layer
  return {
    linked: async (layer, disk) => {
      places ??= realPlaces(options);
      return places && linkedDigest(places, diskTitle(layer, disk));
    },
    last: async (layer) => readLastRecord(records, layer),
    save: async (layer, record) => save(layer, record, records, options),
    link: (layers, image, named, all) => link({ layers, image, named, all }, records, options),
  };
}

function save(layer: string, record: BuildRecord, records: string, options: InPlaceOptions): Result<void> {
  const earlier = readLastRecord(records, layer);
  try {
    writeLastRecord(records, layer, record);
    noteSuperseded(records, earlier?.artifact);
    return ok();
  } catch (error) {
    return cannotWrite(records, error, options);
  }
}

async function link(links: Links, records: string, options: InPlaceOptions): Promise<Result<string>> {
  try {
    const { image, removed, reachable } = makeLinks(links, options);
    for (const layer of removed) {
      noteSuperseded(records, readLastRecord(records, layer)?.artifact);
      removeLastRecord(records, layer);
    }
    await dropSuperseded(records, reachable, options.drop);
    return ok(image);
  } catch (error) {
    return cannotWrite(options.build, error, options);
  }
}

/** The artifacts that a project's links lead to, and those of its uncached layers, by file name. */
export function artifactsInPlace({
  build,
  state,
}: Pick<InPlaceOptions, 'build' | 'state'>): ReadonlySet<string> {
  const uncached = readLastRecords(lastRecordsDirectory(state)).filter(
    ({ artifact }) => artifact.keeping === 'uncached',
  );
  return new Set([...linkedArtifacts(build), ...uncached.flatMap(({ artifact }) => artifactFiles(artifact))]);
}

function cannotWrite(directory: string, error: unknown, { state, build }: InPlaceOptions): Result<never> {
  return failAt(directory, 'cannot write the outputs', error, writeHint(error, [state, build]));
}
