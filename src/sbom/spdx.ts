// A bill of materials as SPDX 2.3 in JSON: https://spdx.github.io/spdx-spec/v2.3/

import { VERSION } from '../model/environment.ts';
import { uuidOf } from '../model/machine/machine.ts';
import type { InstalledPackage, Inventory, Subject } from './inventory.ts';
import { licenseRef, licensingOf, referencesIn, wholeExpression } from './licenses.ts';
import { purlOf } from './purl.ts';

const UNKNOWN = 'NOASSERTION';
const IMAGE = 'SPDXRef-Image';

/** The same subject becomes the same text: the URI of the document is derived from what is in it. */
export function spdxText(subject: Subject): string {
  const content = contentOf(subject);
  const uuid = uuidOf(JSON.stringify(content));
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: subject.name,
    documentNamespace: `https://spdx.org/spdxdocs/${encodeURIComponent(subject.name)}-${uuid}`,
    ...content,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function contentOf({ name, digest, created, disks }: Subject) {
  const systems = disks.flatMap((inventory, disk) =>
    inventory.system.id === '' ? [] : [systemOf(inventory, disk)],
  );
  const packages = disks.flatMap((inventory, disk) =>
    inventory.packages.map((one, number) => packageOf(one, inventory, `${disk}-${number}`)),
  );
  const parts = [...systems, ...packages];
  const image = {
    ...{ SPDXID: IMAGE, name },
    ...(digest === undefined ? {} : { versionInfo: digest }),
    ...COMMON,
    licenseDeclared: UNKNOWN,
    primaryPackagePurpose: 'OPERATING_SYSTEM',
  };
  const described = { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES' };
  return {
    creationInfo: {
      created: new Date(created).toISOString().replace(/\.\d+Z$/, 'Z'),
      creators: [`Tool: vlb-${VERSION}`],
    },
    packages: [image, ...parts],
    hasExtractedLicensingInfos: references(disks),
    relationships: [
      { ...described, relatedSpdxElement: IMAGE },
      ...parts.map(({ SPDXID }) => ({
        spdxElementId: IMAGE,
        relationshipType: 'CONTAINS',
        relatedSpdxElement: SPDXID,
      })),
    ],
  };
}

const COMMON = {
  downloadLocation: UNKNOWN,
  filesAnalyzed: false,
  licenseConcluded: UNKNOWN,
  copyrightText: UNKNOWN,
} as const;

function systemOf({ system }: Inventory, disk: number) {
  return {
    SPDXID: `SPDXRef-System-${disk}`,
    name: system.id,
    ...(system.version === '' ? {} : { versionInfo: system.version }),
    ...(system.name === '' ? {} : { description: system.name }),
    ...COMMON,
    licenseDeclared: UNKNOWN,
    primaryPackagePurpose: 'OPERATING_SYSTEM',
  };
}

function packageOf(one: InstalledPackage, { system }: Inventory, number: string) {
  const purl = purlOf(one, system);
  return {
    SPDXID: `SPDXRef-Package-${number}-${one.name.replaceAll(/[^A-Za-z0-9.]+/g, '-')}`,
    name: one.name,
    ...(one.version === '' ? {} : { versionInfo: one.version }),
    ...COMMON,
    licenseDeclared: wholeExpression(licensingOf(one.licenses)) ?? UNKNOWN,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  };
}

/** Every reference to a license has to be explained in the document. */
function references(disks: readonly Inventory[]) {
  const names = new Map<string, string>();
  for (const { licenses } of disks.flatMap(({ packages }) => packages)) {
    const licensing = licensingOf(licenses);
    for (const reference of licensing.expressions.flatMap(referencesIn)) names.set(reference, reference);
    for (const name of licensing.names) names.set(licenseRef(name), name);
  }
  return [...names]
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([licenseId, name]) => ({
      licenseId,
      name,
      extractedText: `The package calls its license "${name}"; the text is in the package.`,
    }));
}
