// XML as values: an element's attributes have names that begin with `@`, its text is `#`, and a list is an element for each.

import XMLBuilder from 'fast-xml-builder';

export interface Xml {
  readonly [name: string]: string | number | Xml | readonly (string | number | Xml)[] | undefined;
}

const builder = new XMLBuilder({
  attributeNamePrefix: '@',
  textNodeName: '#',
  ignoreAttributes: false,
  suppressBooleanAttributes: false,
  suppressEmptyNode: true,
  format: true,
});

/** A document with one root element. What is undefined is left out. */
export function xmlDocument(root: Xml): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(root).trimEnd()}\n`;
}
