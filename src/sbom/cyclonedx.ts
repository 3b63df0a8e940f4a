// A bill of materials as CycloneDX 1.6 in JSON: https://cyclonedx.org/docs/1.6/json/

import { ComponentType } from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom,
  Component,
  type License,
  LicenseExpression,
  LicenseRepository,
  Metadata,
  NamedLicense,
  Property,
  PropertyRepository,
  SpdxLicense,
  Tools,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { isSupportedSpdxId } from '@cyclonedx/cyclonedx-library/SPDX';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { VERSION } from '../model/environment.ts';
import { uuidOf } from '../model/machine/machine.ts';
import type { InstalledPackage, Inventory, Subject } from './inventory.ts';
import { licensingOf, wholeExpression } from './licenses.ts';
import { purlOf } from './purl.ts';

/** The same subject becomes the same text: its serial number is derived from what is in it. */
export function cyclonedxText(subject: Subject): string {
  const serializer = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6));
  const bom = bomOf(subject);
  const text = () => `${serializer.serialize(bom, { sortLists: false, space: 2 })}\n`;
  bom.serialNumber = `urn:uuid:${uuidOf(text())}`;
  return text();
}

function bomOf({ name, digest, created, disks }: Subject): Bom {
  const bom = new Bom({
    metadata: new Metadata({
      timestamp: new Date(created),
      tools: new Tools({}),
      component: new Component(ComponentType.OperatingSystem, name, {
        bomRef: 'image',
        ...(digest === undefined ? {} : { version: digest }),
      }),
    }),
  });
  bom.metadata.tools.components.add(
    new Component(ComponentType.Application, 'vlb', { version: VERSION, bomRef: 'vlb' }),
  );
  for (const inventory of disks) {
    const { system, packages } = inventory;
    const prefix = inventory.disk === 'main' ? '' : `${inventory.disk}/`;
    if (system.id !== '') {
      const about = {
        bomRef: `${prefix}${system.id}`,
        ...(system.version === '' ? {} : { version: system.version }),
        ...(system.name === '' ? {} : { description: system.name }),
      };
      bom.components.add(new Component(ComponentType.OperatingSystem, system.id, about));
    }
    const seen = new Map<string, number>();
    for (const one of packages) {
      const component = componentOf(one, inventory);
      const times = seen.get(component.purl ?? '') ?? 0;
      seen.set(component.purl ?? '', times + 1);
      component.bomRef.value = `${prefix}${component.purl}${times === 0 ? '' : `#${times + 1}`}`;
      bom.components.add(component);
    }
  }
  return bom;
}

function componentOf(one: InstalledPackage, { disk, system }: Inventory): Component {
  const properties = [
    new Property('vlb:database', one.database),
    ...(disk === 'main' ? [] : [new Property('vlb:disk', disk)]),
  ];
  return new Component(ComponentType.Library, one.name, {
    ...(one.version === '' ? {} : { version: one.version }),
    purl: purlOf(one, system),
    licenses: new LicenseRepository(licensesOf(one)),
    properties: new PropertyRepository(properties),
  });
}

/** Either one expression or a list, which has identifiers and names. */
function licensesOf({ licenses }: InstalledPackage): License[] {
  const { expressions, names } = licensingOf(licenses);
  const whole = names.length === 0 ? wholeExpression({ expressions, names }) : undefined;
  if (whole !== undefined && expressions.some((one) => !isSupportedSpdxId(one))) {
    return [new LicenseExpression(whole)];
  }
  return [
    ...expressions.map((one) => (isSupportedSpdxId(one) ? new SpdxLicense(one) : new NamedLicense(one))),
    ...names.map((one) => new NamedLicense(one)),
  ];
}
