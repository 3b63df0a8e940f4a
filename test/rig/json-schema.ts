// A validator for the part of JSON Schema that docs/*.schema.json use.

export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
}

/**
 * What is wrong with a value, a sentence each; empty when it is valid. A property that the schema does not name is wrong
 * too: that is how tests notice fields without a description.
 */
export function violations(value: unknown, schema: Schema, root: Schema = schema, at = '$'): string[] {
  const target = schema.$ref === undefined ? schema : root.$defs?.[schema.$ref.replace('#/$defs/', '')];
  if (!target) return [`${at}: no ${schema.$ref}`];
  if (target.oneOf) {
    const tried = target.oneOf.map((branch) => violations(value, branch, root, at));
    if (tried.filter((wrong) => wrong.length === 0).length === 1) return [];
    return tried.toSorted((one, other) => one.length - other.length)[0] ?? [];
  }
  if ('const' in target && value !== target.const) return [`${at}: not ${String(target.const)}`];
  if (target.enum && !target.enum.includes(value)) return [`${at}: not one of ${target.enum.join(', ')}`];
  if (target.type !== undefined && !isOfType(value, target.type))
    return [`${at}: not of type ${target.type}`];
  if (target.minimum !== undefined && Number(value) < target.minimum) return [`${at}: below the minimum`];
  if (target.items && Array.isArray(value)) {
    const { items } = target;
    return value.flatMap((item, index) => violations(item, items, root, `${at}[${index}]`));
  }
  if (target.type !== 'object' || typeof value !== 'object' || value === null) return [];
  const { properties = {}, required = [] } = target;
  return [
    ...required.filter((name) => !(name in value)).map((name) => `${at}.${name}: missing`),
    ...Object.entries(value).flatMap(([name, member]) => {
      const known = properties[name];
      return known ? violations(member, known, root, `${at}.${name}`) : [`${at}.${name}: not in the schema`];
    }),
  ];
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}
