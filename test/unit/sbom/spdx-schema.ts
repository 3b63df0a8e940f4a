// The part of SPDX 2.3 that vlb writes, as a JSON Schema after https://spdx.github.io/spdx-spec/v2.3/: clauses 6, 7, 10 and 11.
// Stricter than the published schema: fields that vlb does not write are errors, and values have their syntax.

const text = { type: 'string', minLength: 1 };
const id = { type: 'string', pattern: '^SPDXRef-[A-Za-z0-9.-]+$' };
const license = { type: 'string', pattern: '^(NOASSERTION|[A-Za-z0-9.+() -]+)$' };

function object(properties: Readonly<Record<string, object>>, ...optional: readonly string[]) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', additionalProperties: false, properties, required };
}

export const SPDX_SCHEMA = object({
  spdxVersion: { const: 'SPDX-2.3' },
  dataLicense: { const: 'CC0-1.0' },
  SPDXID: { const: 'SPDXRef-DOCUMENT' },
  name: text,
  documentNamespace: { type: 'string', pattern: '^https://[^#\\s]+$' },
  creationInfo: object({
    created: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' },
    creators: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^(Person|Organization|Tool): .+$' },
    },
  }),
  packages: {
    type: 'array',
    minItems: 1,
    items: object(
      {
        SPDXID: id,
        name: text,
        versionInfo: text,
        description: text,
        downloadLocation: { const: 'NOASSERTION' },
        filesAnalyzed: { const: false },
        licenseConcluded: { const: 'NOASSERTION' },
        licenseDeclared: license,
        copyrightText: { const: 'NOASSERTION' },
        primaryPackagePurpose: { const: 'OPERATING_SYSTEM' },
        externalRefs: {
          type: 'array',
          minItems: 1,
          items: object({
            referenceCategory: { const: 'PACKAGE-MANAGER' },
            referenceType: { const: 'purl' },
            referenceLocator: { type: 'string', pattern: '^pkg:(deb|rpm|apk)/\\S+$' },
          }),
        },
      },
      ...['versionInfo', 'description', 'primaryPackagePurpose', 'externalRefs'],
    ),
  },
  hasExtractedLicensingInfos: {
    type: 'array',
    items: object({
      licenseId: { type: 'string', pattern: '^LicenseRef-[A-Za-z0-9.-]+$' },
      name: text,
      extractedText: text,
    }),
  },
  relationships: {
    type: 'array',
    items: object({
      spdxElementId: id,
      relationshipType: { enum: ['DESCRIBES', 'CONTAINS'] },
      relatedSpdxElement: id,
    }),
  },
});
